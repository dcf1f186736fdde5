import type { PackageFields } from "./package-fields.ts";

type Props = { readonly fields: PackageFields; readonly onChange: (fields: PackageFields) => void };

const payloadHints = {
  FILE: {
    label: "Payload: one https URL, or otau+content:<id>",
    placeholder: "https://updates.example.com/gw-1.0.1.bin",
  },
  JSON: { label: "Payload: a JSON object", placeholder: '{ "channel": "beta" }' },
  URL_LIST: { label: "Payload: https URLs, one a line", placeholder: "https://updates.example.com/a.bin" },
} as const;

/** The fields of a package. */
export function RegisterFields({ fields, onChange }: Props) {
  const hint = payloadHints[fields.type];
  const set =
    (name: keyof PackageFields) => (event: { readonly currentTarget: { readonly value: string } }) =>
      onChange({ ...fields, [name]: event.currentTarget.value });
  return (
    <div class="field-grid">
      <Text name="vendor" label="Vendor" value={fields.vendor} onInput={set("vendor")} placeholder="acme" />
      <Text
        name="product"
        label="Product"
        value={fields.product}
        onInput={set("product")}
        placeholder="iotgw1"
      />
      <Text
        name="name"
        label="Name"
        value={fields.name}
        onInput={set("name")}
        placeholder="Gateway 1.0.1"
        isRequired
      />
      <Text
        name="version"
        label="Version"
        value={fields.version}
        onInput={set("version")}
        placeholder="1.0.1"
        isRequired
      />
      <label for="field-type">Type</label>
      <select id="field-type" value={fields.type} onChange={set("type")}>
        <option>FILE</option>
        <option>JSON</option>
        <option>URL_LIST</option>
      </select>
      <label for="field-payload">{hint.label}</label>
      <textarea
        id="field-payload"
        class="mono"
        rows={fields.type === "FILE" ? 2 : 5}
        spellcheck={false}
        value={fields.payload}
        placeholder={hint.placeholder}
        onInput={set("payload")}
      />
      <label for="field-description">Description</label>
      <textarea id="field-description" rows={2} value={fields.description} onInput={set("description")} />
      <Text
        name="author"
        label="Author"
        value={fields.author}
        onInput={set("author")}
        placeholder="you@example.com"
      />
    </div>
  );
}

type TextProps = {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly placeholder: string;
  readonly isRequired?: boolean;
  readonly onInput: (event: { readonly currentTarget: { readonly value: string } }) => void;
};

function Text({ name, label, value, placeholder, isRequired = false, onInput }: TextProps) {
  return (
    <>
      <label for={`field-${name}`}>{label}</label>
      <input
        id={`field-${name}`}
        value={value}
        placeholder={placeholder}
        required={isRequired}
        onInput={onInput}
        autocomplete="off"
      />
    </>
  );
}
