import { CliError } from "../cli-error.ts";

/** An item of a Murano product's content area, as its listing (`full=true`) or `info` shows it. */
export type ListedItem = {
  readonly id: string;
  /** Bytes that it has there; undefined where the listing does not say. */
  readonly length: number | undefined;
  readonly type: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
};

const listNames = ["items", "content", "contents", "results"];

/**
 * Reads items from the answer of `GET …/content/item?full=true`: an array, one item, or an object that holds the array.
 * Tags may be an object or JSON text of one. Throws a CliError that names the item.
 */
export function readContentListing(text: string): readonly ListedItem[] {
  return itemsOf(parse(text)).map(toItem);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw new CliError(`the file is not JSON: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

function itemsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  const fields = fieldsOf(value);
  const list = listNames.map((name) => fields?.[name]).find((one) => Array.isArray(one));
  if (Array.isArray(list)) return list;
  if (fields !== undefined && "id" in fields) return [value];
  throw new CliError("the file holds no list of content items", {
    hint: "Save what GET …/content/item?full=true answers: an array of items with id and tags.",
  });
}

function toItem(value: unknown, index: number): ListedItem {
  const { id, length, type, tags }: Readonly<Record<string, unknown>> =
    typeof value === "string" ? { id: value } : (fieldsOf(value) ?? {});
  if (typeof id !== "string" || id === "") throw new CliError(`item ${index + 1} of the list has no id`);
  return {
    id,
    length: typeof length === "number" ? length : undefined,
    type: typeof type === "string" && type !== "" ? type : undefined,
    tags: readTags(id, tags),
  };
}

function readTags(id: string, value: unknown): Readonly<Record<string, string>> {
  const tags = typeof value === "string" && value !== "" ? parse(value) : (value ?? {});
  const fields = fieldsOf(tags);
  if (fields === undefined) throw new CliError(`the tags of ${id} are no object`);
  return Object.fromEntries(
    Object.entries(fields).map(([name, one]) => [name, typeof one === "string" ? one : JSON.stringify(one)]),
  );
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}
