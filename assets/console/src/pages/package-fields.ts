/** A package as the form has it: all of it text. */
export type PackageFields = {
  readonly vendor: string;
  readonly product: string;
  readonly author: string;
  readonly name: string;
  readonly version: string;
  readonly type: "FILE" | "JSON" | "URL_LIST";
  /** A URL, the text of a JSON object, or one URL a line, as `type` says. */
  readonly payload: string;
  readonly description: string;
};

export const emptyFields: PackageFields = {
  vendor: "",
  product: "",
  author: "",
  name: "",
  version: "",
  type: "FILE",
  payload: "",
  description: "",
};

/** The text of `otau_info`; the payload's JSON stands in it as it was typed. */
export function textOfFields(fields: PackageFields): string {
  const config = [
    member("version", fields.version),
    member("name", fields.name),
    member("type", fields.type),
    `"payload": ${payloadText(fields)}`,
    ...optional("description", fields.description),
  ];
  const info = [
    ...optional("author", fields.author),
    ...optional("vendor", fields.vendor),
    ...optional("product", fields.product),
    `"config_otau": { ${config.join(", ")} }`,
  ];
  return `{ ${info.join(", ")} }`;
}

const member = (name: string, value: string): string => `"${name}": ${JSON.stringify(value)}`;

const optional = (name: string, value: string): readonly string[] =>
  value === "" ? [] : [member(name, value)];

function payloadText({ type, payload }: PackageFields): string {
  if (type === "JSON") return payload.trim() === "" ? "{}" : payload;
  if (type === "FILE") return JSON.stringify(payload.trim());
  return JSON.stringify(
    payload
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean),
  );
}

/** An id made of what the package says of itself: `package_acme_iotgw1_1-0-1.json`. */
export function packageIdOf(text: string): string {
  const { vendor, product, config_otau: config } = readLoosely(text);
  const parts = [vendor, product, config?.version]
    .filter((part) => typeof part === "string" && part !== "")
    .map((part) =>
      String(part)
        .replaceAll(/[^A-Za-z0-9]+/g, "-")
        .slice(0, 40),
    );
  return `package_${parts.length === 0 ? "new" : parts.join("_")}.json`;
}

type Loose = {
  readonly vendor?: unknown;
  readonly product?: unknown;
  readonly config_otau?: { readonly version?: unknown };
};

function readLoosely(text: string): Loose {
  try {
    return (JSON.parse(text) as Loose | null) ?? {};
  } catch {
    return {};
  }
}
