import type { DryRun } from "../api/types.ts";
import { spell } from "../parts/time.tsx";
import { type ApplyForm, wordsOf } from "./apply-body.ts";

const skips: Readonly<Record<string, string>> = {
  ALREADY_INSTALLED: "have this version already",
  ALREADY_UPDATING: "are being updated to it already",
  UPDATE_IN_PROGRESS: "are busy with another update",
  DOWNGRADE: "have a newer version",
};

const actives = {
  supersede: "A device that is busy with another update drops that one for this.",
  queue: "A device that is busy with another update ends that one first.",
  reject: "A device that is busy with another update is left out.",
};

/** How many devices the package would be written to. */
export const writtenOf = ({ total, skipped }: DryRun): number =>
  total - Object.values(skipped).reduce((sum, count) => sum + count, 0);

/** A number of devices, in words. */
export const countOf = (count: number): string =>
  count === 1 ? "1 device" : `${count.toLocaleString("en")} devices`;

/** What will happen, in words: one sentence that counts, and what follows from the choices. */
export function sentenceOf(name: string, form: ApplyForm, dryRun: DryRun): readonly string[] {
  const written = writtenOf(dryRun);
  const all = countOf(dryRun.total);
  const some = written === dryRun.total ? all : `${written.toLocaleString("en")} of ${all}`;
  return [
    `${name} is written to ${some}, ${whenOf(form)}${paceOf(form, dryRun)}.`,
    ...Object.entries(dryRun.skipped).map(
      ([reason, count]) =>
        `${count.toLocaleString("en")} ${skips[reason] ?? reason} and will be left as they are.`,
    ),
    actives[form.onActive],
    ...gateOf(form),
    ...(form.force ? ["Devices that have this version already get it again."] : []),
    ...(form.confirm === "optional" ? ["A device need not report the new version to count as done."] : []),
    ...(form.expiresAt ? [`What has not begun by ${localTime(form.expiresAt)} is called off.`] : []),
  ];
}

const localTime = (value: string): string => value.replace("T", " ");

const whenOf = ({ startAt }: ApplyForm): string => (startAt ? `from ${localTime(startAt)} on` : "now");

function paceOf(form: ApplyForm, { forecastMs }: DryRun): string {
  const waves = wordsOf(form.waves);
  return [
    waves.length > 1
      ? `, in ${waves.length} waves (${waves.map((share) => `${share.replace("%", "")}%`).join(", ")})`
      : "",
    waves.length > 1 && form.approval === "wave" ? ", each after your approval" : "",
    form.maxConcurrent ? `, at most ${form.maxConcurrent} at a time` : "",
    form.ratePerMinute ? `, ${form.ratePerMinute} a minute` : "",
    forecastMs >= 1000 ? `, which takes about ${spell(forecastMs)}` : "",
  ].join("");
}

function gateOf({ maxFailedPercent, minFinished, onTrip }: ApplyForm): readonly string[] {
  if (!maxFailedPercent) return [];
  const what = onTrip === "pause" ? "it stops and waits for you" : "the rest is called off";
  return [`When ${maxFailedPercent}% of at least ${minFinished || 1} that ended have failed, ${what}.`];
}
