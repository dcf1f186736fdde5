import { splitTag } from "./fleet-filter.ts";

/** An apply as the form has it. */
export type ApplyForm = {
  readonly who: "all" | "some" | "list";
  readonly tag: string;
  readonly installedVersion: string;
  readonly devices: string;
  readonly force: boolean;
  readonly onActive: "supersede" | "queue" | "reject";
  readonly confirm: "required" | "optional";
  readonly startAt: string;
  readonly expiresAt: string;
  readonly waves: string;
  readonly approval: "none" | "wave";
  readonly ratePerMinute: string;
  readonly maxConcurrent: string;
  readonly maxFailedPercent: string;
  readonly minFinished: string;
  readonly onTrip: "pause" | "cancel";
};

export const emptyForm: ApplyForm = {
  who: "all",
  tag: "",
  installedVersion: "",
  devices: "",
  force: false,
  onActive: "supersede",
  confirm: "required",
  startAt: "",
  expiresAt: "",
  waves: "",
  approval: "none",
  ratePerMinute: "",
  maxConcurrent: "",
  maxFailedPercent: "",
  minFinished: "5",
  onTrip: "pause",
};

/** Words of a text, set apart by spaces, commas or lines. */
export const wordsOf = (text: string): readonly string[] => text.split(/[\s,;]+/).filter(Boolean);

/** The body of the request; undefined while nobody is named. What is left empty is left out. */
export function bodyOf(form: ApplyForm): Readonly<Record<string, unknown>> | undefined {
  const who = targetOf(form);
  if (who === undefined) return undefined;
  const rollout = rolloutOf(form);
  const options = {
    ...(form.force ? { force: true } : {}),
    ...(form.onActive === "supersede" ? {} : { onActive: form.onActive }),
    ...(form.confirm === "required" ? {} : { confirm: form.confirm }),
    ...(form.startAt ? { startAt: new Date(form.startAt).toISOString() } : {}),
    ...(form.expiresAt ? { expiresAt: new Date(form.expiresAt).toISOString() } : {}),
    ...(Object.keys(rollout).length === 0 ? {} : { rollout }),
  };
  return { ...who, ...(Object.keys(options).length === 0 ? {} : { options }) };
}

function targetOf({ who, tag, installedVersion, devices }: ApplyForm) {
  if (who === "all") return { target: { all: true } };
  if (who === "list") {
    const identities = wordsOf(devices);
    return identities.length === 0 ? undefined : { devices: identities };
  }
  const tags = Object.fromEntries(
    wordsOf(tag)
      .map(splitTag)
      .filter(([name]) => name !== ""),
  );
  const versions = wordsOf(installedVersion);
  const target = {
    ...(Object.keys(tags).length === 0 ? {} : { tags }),
    ...(versions.length === 0 ? {} : { installedVersion: versions }),
  };
  return Object.keys(target).length === 0 ? undefined : { target };
}

function rolloutOf(form: ApplyForm) {
  const waves = wordsOf(form.waves.replaceAll("%", "")).map(Number);
  const { ratePerMinute, maxConcurrent, maxFailedPercent } = form;
  return {
    ...(waves.length === 0 ? {} : { waves }),
    ...(waves.length > 1 && form.approval !== "none" ? { approval: form.approval } : {}),
    ...(ratePerMinute ? { ratePerMinute: Number(ratePerMinute) } : {}),
    ...(maxConcurrent ? { maxConcurrent: Number(maxConcurrent) } : {}),
    ...(maxFailedPercent
      ? {
          gate: {
            minFinished: Number(form.minFinished || 1),
            maxFailedPercent: Number(maxFailedPercent),
            // biome-ignore lint/suspicious/noThenProperty: the API names it so, and the value is a text.
            then: form.onTrip,
          },
        }
      : {}),
  };
}
