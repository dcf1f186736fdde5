import { otauInfoTextFromBody } from "../../../../modules/otau/package-body.ts";

/** What a dropped file is: a package's description, or bytes for devices. */
export type Dropped =
  | { readonly kind: "package"; readonly text: string }
  | { readonly kind: "bytes"; readonly contentId: string };

const descriptionBytesMax = 262_144;

/**
 * A small JSON file that holds `otau_info`, `config_otau` or the fields of one is a package, kept to the letter; all
 * else is bytes that a package can point to.
 */
export async function readDropped(file: File): Promise<Dropped> {
  const bytes: Dropped = { kind: "bytes", contentId: `firmware/${file.name}` };
  if (file.size > descriptionBytesMax) return bytes;
  const text = (await file.text()).trim();
  const value = parseObject(text);
  if (value === undefined) return bytes;
  if ("otau_info" in value) {
    const body = otauInfoTextFromBody(text);
    return { kind: "package", text: body.ok ? body.text : text };
  }
  if ("config_otau" in value) return { kind: "package", text };
  if ("version" in value && "payload" in value)
    return { kind: "package", text: `{ "config_otau": ${text} }` };
  return bytes;
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
