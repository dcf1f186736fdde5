import { signal } from "@preact/signals";

/** Where the operator is: `#/<product>/<page>/<id>?<filters>`. Pages are told apart by the hash, so any host serves them. */
export type Route = {
  readonly productId: string;
  readonly page: string;
  readonly id: string | undefined;
  readonly query: URLSearchParams;
};

const productKey = "otau.product";

function readHash(): Route {
  const [path = "", search = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const [productId, page, id] = path.split("/").map(decode);
  return {
    productId: productId || sessionStorage.getItem(productKey) || "default",
    page: page || "fleet",
    id: id || undefined,
    query: new URLSearchParams(search),
  };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const route = signal<Route>(readHash());

addEventListener("hashchange", () => {
  route.value = readHash();
  sessionStorage.setItem(productKey, route.value.productId);
});

type LinkQuery = Readonly<Record<string, string | undefined>>;

/** A link to a page of the product at hand. */
export function linkTo(page: string, id?: string, query: LinkQuery = {}): string {
  const { productId } = route.value;
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) search.set(name, value);
  const path = [productId, page, ...(id === undefined ? [] : [id])].map(encodeURIComponent).join("/");
  return `#/${path}${search.size === 0 ? "" : `?${search}`}`;
}

/** Goes there. */
export function goTo(hash: string): void {
  location.hash = hash;
}

/** Changes filters without a new entry in the browser's history. */
export function setQuery(changes: LinkQuery): void {
  const { page, id, query } = route.value;
  const next = linkTo(page, id, { ...Object.fromEntries(query), ...changes });
  history.replaceState(null, "", next);
  route.value = readHash();
}
