import type { ApplyForm } from "./apply-body.ts";

type Props = { readonly form: ApplyForm; readonly onChange: (changes: Partial<ApplyForm>) => void };

const ways = [
  { who: "all", label: "All devices" },
  { who: "some", label: "Devices like this" },
  { who: "list", label: "These devices" },
] as const;

/** Which devices are meant. */
export function ApplyTarget({ form, onChange }: Props) {
  return (
    <fieldset class="stack">
      <legend>To</legend>
      <div class="row">
        {ways.map(({ who, label }) => (
          <label key={who} class="check">
            <input type="radio" name="who" checked={form.who === who} onChange={() => onChange({ who })} />
            {label}
          </label>
        ))}
      </div>
      {form.who === "some" && (
        <div class="field-grid">
          <label for="apply-tag">With the tags</label>
          <input
            id="apply-tag"
            value={form.tag}
            placeholder="site=berlin ring=canary"
            onInput={(event) => onChange({ tag: event.currentTarget.value })}
          />
          <label for="apply-version">With one of the versions</label>
          <input
            id="apply-version"
            value={form.installedVersion}
            placeholder="1.0.0 0.9.8"
            onInput={(event) => onChange({ installedVersion: event.currentTarget.value })}
          />
        </div>
      )}
      {form.who === "list" && (
        <>
          <label for="apply-devices">Identities, up to 10,000</label>
          <textarea
            id="apply-devices"
            class="mono"
            rows={4}
            spellcheck={false}
            value={form.devices}
            placeholder="gw-1, gw-2"
            onInput={(event) => onChange({ devices: event.currentTarget.value })}
          />
        </>
      )}
    </fieldset>
  );
}
