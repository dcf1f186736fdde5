import { OtauError } from "../errors.ts";
import type { ContentStore, DeviceStore, Precondition, ProductRecord, ProductStore } from "./ports.ts";
import { refuseMismatch, type StatedPrecondition } from "./preconditions.ts";
import type { ProductSettingsInput } from "./product-settings.ts";

export type ProductDeps = {
  readonly products: ProductStore;
  readonly devices: Pick<DeviceStore, "isEmpty">;
  readonly content: Pick<ContentStore, "isEmpty">;
  /** The product that exists from the first start and cannot be deleted. */
  readonly lastingProduct: string;
  /** Why a connector at this address may not be called, if so. */
  readonly refuseTarget: (url: URL) => string | undefined;
  /** Settings that were read before no longer hold. */
  readonly changed: (productId: string) => void;
};

const unknownProduct = (productId: string) =>
  new OtauError("NOT_FOUND", `There is no product "${productId}".`);

const badConnector = (field: string, message: string) =>
  new OtauError("INVALID_INPUT", `The connector's ${field} ${message}.`, {
    errors: [{ path: `/connector/${field}`, message }],
  });

/** Products: made, set, listed and deleted. */
export function makeManageProducts(deps: ProductDeps) {
  const { products, devices, content, lastingProduct, changed } = deps;

  async function get(productId: string): Promise<ProductRecord> {
    const record = await products.get(productId);
    if (record === undefined) throw unknownProduct(productId);
    return record;
  }

  /** By id. `only` leaves those that the caller may see. */
  async function list(page: { readonly after?: string; readonly limit: number }, only?: readonly string[]) {
    if (only === undefined) return products.list(page);
    const wanted = [...new Set(only)].sort().filter((id) => page.after === undefined || id > page.after);
    const found = await Promise.all(wanted.map((id) => products.get(id)));
    const records = found.filter((record) => record !== undefined);
    const items = records.slice(0, page.limit);
    const last = items.at(-1);
    return records.length > items.length && last ? { items, next: last.id } : { items };
  }

  async function put(productId: string, settings: ProductSettingsInput, precondition: StatedPrecondition) {
    if (precondition.ifExists && (await products.get(productId)) === undefined) {
      refuseMismatch(`product ${productId}`, undefined, precondition);
    }
    const result = await products.put(productId, await withSecret(productId, settings), precondition);
    changed(productId);
    return result;
  }

  /** A connector's secret is not shown, so settings that were read and are put back come without it. */
  async function withSecret(
    productId: string,
    settings: ProductSettingsInput,
  ): Promise<ProductSettingsInput> {
    const { connector } = settings;
    if (connector === undefined) return settings;
    const refusal = deps.refuseTarget(new URL(connector.url));
    if (refusal !== undefined) throw badConnector("url", refusal);
    if (connector.secret !== undefined) return settings;
    const known = (await products.get(productId))?.settings as ProductSettingsInput | undefined;
    const secret = known?.connector?.secret;
    if (secret === undefined) throw badConnector("secret", "must be set: nothing signs the calls yet");
    return { ...settings, connector: { ...connector, secret } };
  }

  async function remove(productId: string, precondition: Precondition): Promise<void> {
    await get(productId);
    const holdsNothing = (await devices.isEmpty(productId)) && (await content.isEmpty(productId));
    if (productId === lastingProduct || !holdsNothing) {
      const why =
        productId === lastingProduct ? "is the default product and stays" : "still has devices or content";
      throw new OtauError("PRODUCT_NOT_EMPTY", `Product "${productId}" ${why}.`);
    }
    if (!(await products.remove(productId, precondition))) throw unknownProduct(productId);
    changed(productId);
  }

  /** NOT_FOUND unless the product exists: what stands below it is asked for by its id alone. */
  async function require(productId: string): Promise<void> {
    await get(productId);
  }

  return { list, get, put, remove, require };
}
