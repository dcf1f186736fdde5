import type { ApplyForm } from "./apply-body.ts";

type Props = { readonly form: ApplyForm; readonly onChange: (changes: Partial<ApplyForm>) => void };

/** How it goes; all of it may be left as it is. */
export function ApplyOptions({ form, onChange }: Props) {
  return (
    <>
      <fieldset class="field-grid">
        <legend>How fast</legend>
        <Text name="waves" label="Waves, in percent" hint="10, 40, 50" {...{ form, onChange }} />
        {form.waves.includes(",") && (
          <Select
            name="approval"
            label="A wave opens"
            choices={{ none: "when the one before has ended", wave: "when you approve it" }}
            {...{ form, onChange }}
          />
        )}
        <Text
          name="ratePerMinute"
          label="At most, a minute"
          type="number"
          hint="no limit"
          {...{ form, onChange }}
        />
        <Text
          name="maxConcurrent"
          label="At most, at a time"
          type="number"
          hint="no limit"
          {...{ form, onChange }}
        />
        <Text name="startAt" label="Not before" type="datetime-local" {...{ form, onChange }} />
        <Text name="expiresAt" label="Not after" type="datetime-local" {...{ form, onChange }} />
      </fieldset>
      <fieldset class="field-grid">
        <legend>When it goes wrong</legend>
        <Text
          name="maxFailedPercent"
          label="Stop at failures of, percent"
          type="number"
          hint="never"
          {...{ form, onChange }}
        />
        {form.maxFailedPercent && (
          <>
            <Text
              name="minFinished"
              label="Counted from so many ended"
              type="number"
              {...{ form, onChange }}
            />
            <Select
              name="onTrip"
              label="Then"
              choices={{ pause: "stop and wait for me", cancel: "call off the rest" }}
              {...{ form, onChange }}
            />
          </>
        )}
      </fieldset>
      <fieldset class="field-grid">
        <legend>Which devices, how strictly</legend>
        <Select
          name="onActive"
          label="A device that is busy"
          choices={{
            supersede: "drops its update for this",
            queue: "ends its update first",
            reject: "is left out",
          }}
          {...{ form, onChange }}
        />
        <Select
          name="confirm"
          label="A device is done"
          choices={{ required: "when it reports the version", optional: "when it says it installed it" }}
          {...{ form, onChange }}
        />
        <span />
        <label class="check">
          <input
            type="checkbox"
            checked={form.force}
            onChange={(event) => onChange({ force: event.currentTarget.checked })}
          />
          Also where it is installed already
        </label>
      </fieldset>
    </>
  );
}

type TextName =
  | "waves"
  | "ratePerMinute"
  | "maxConcurrent"
  | "startAt"
  | "expiresAt"
  | "maxFailedPercent"
  | "minFinished";

type TextProps = Props & {
  readonly name: TextName;
  readonly label: string;
  readonly type?: "text" | "number" | "datetime-local";
  readonly hint?: string;
};

function Text({ form, onChange, name, label, type = "text", hint = "" }: TextProps) {
  return (
    <>
      <label for={`apply-${name}`}>{label}</label>
      <input
        id={`apply-${name}`}
        // The types tell each kind of field apart; here it is one of three.
        type={type as "text"}
        min={type === "number" ? 1 : undefined}
        value={form[name]}
        placeholder={hint}
        onInput={(event) => onChange({ [name]: event.currentTarget.value })}
      />
    </>
  );
}

type SelectProps = Props & {
  readonly name: "approval" | "onTrip" | "onActive" | "confirm";
  readonly label: string;
  readonly choices: Readonly<Record<string, string>>;
};

function Select({ form, onChange, name, label, choices }: SelectProps) {
  return (
    <>
      <label for={`apply-${name}`}>{label}</label>
      <select
        id={`apply-${name}`}
        value={form[name]}
        onChange={(event) => onChange({ [name]: event.currentTarget.value } as Partial<ApplyForm>)}
      >
        {Object.entries(choices).map(([value, words]) => (
          <option key={value} value={value}>
            {words}
          </option>
        ))}
      </select>
    </>
  );
}
