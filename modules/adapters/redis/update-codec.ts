import type { Correction, LastReport, Ms, Update } from "../../otau/model.ts";
import type { Phase } from "../../otau/vocabulary.ts";
import { attemptEndCodes, reasonCodes, stateCodes, statusCodes, timeoutCodes } from "./codes.ts";

/**
 * An update as text in short parts, each of which stays below 64 bytes but for the texts of devices and people.
 * The deployment's id stands beside it.
 */
export type EncodedUpdate = {
  /** State, counts and flags. */
  readonly core: string;
  /** Times that a write sets. */
  readonly writeTimes: string;
  /** Times that reports set. */
  readonly reportTimes: string;
  readonly texts: UpdateTexts;
};

/** Texts of any length: m message, M message of the last report, i installed at the write, o other version, c corrections, b superseded by. */
export type UpdateTexts = Readonly<Partial<Record<TextKey, string>>>;
type TextKey = "m" | "M" | "i" | "o" | "c" | "b";

/** Every key of {@link UpdateTexts}. */
export const textKeys: readonly TextKey[] = ["m", "M", "i", "o", "c", "b"];

const flagBits = {
  late: 4,
  deviceMayFinish: 8,
  installedAnyway: 16,
  everDelivered: 32,
  hadTarget: 64,
  heardTarget: 128,
  slot: 256,
  ready: 512,
  deliveredBefore: 2048,
} as const;
type Flag = keyof typeof flagBits;
const flagNames = Object.keys(flagBits) as readonly Flag[];
const confirmedBit = 1;
const unconfirmedBit = 2;
const sameMessageBit = 1024;

/** The update as parts; {@link decodeUpdate} gives it back. Half a surrogate pair in a text becomes U+FFFD. */
export function encodeUpdate(update: Update): EncodedUpdate {
  const base = update.sentAt ?? update.createdAt;
  const last = update.lastReport;
  return {
    core: encodeCore(update),
    writeTimes: joinNumbers([
      update.createdAt,
      since(update.sentAt, update.createdAt),
      since(update.timestampUs, base * 1000),
      since(update.deliveredAt, base),
      since(update.totalDeadlineAt, base),
      since(update.handedAgainAt, base),
      update.handedAgainSeq,
    ]),
    reportTimes: joinNumbers([
      since(update.startedAt, base),
      since(update.lastReportAt, base),
      since(update.deadlineAt, base),
      since(update.retryAt, base),
      since(update.endedAt, base),
      since(last?.stampedAt, base),
      since(update.progressStampedAt, base),
      since(update.installSuccessAt, base),
    ]),
    texts: encodeTexts(update),
  };
}

/** The update whose parts these are. */
export function decodeUpdate(deploymentId: string, encoded: EncodedUpdate): Update {
  const { core, texts } = encoded;
  const state = stateCodes.wordOf(core.charAt(0));
  if (state === undefined) throw new Error(`the stored update of ${deploymentId} has no state: "${core}"`);
  const written = splitNumbers(encoded.writeTimes);
  const reported = splitNumbers(encoded.reportTimes);
  const createdAt = written[0] ?? 0;
  const sentAt = plus(written[1], createdAt);
  const base = sentAt ?? createdAt;
  const numbers = splitNumbers(core.slice(7));
  const flags = numbers[0] ?? 0;
  const message = texts.m;
  return compact<Update>({
    deploymentId,
    state,
    phase: stateCodes.wordOf(core.charAt(1)) as Phase | undefined,
    status: statusCodes.wordOf(core.charAt(2)),
    message,
    attempt: numbers[1] ?? 0,
    maxAttempts: numbers[2] ?? 0,
    attemptBase: numbers[3] ?? 0,
    reason: reasonCodes.wordOf(core.charAt(3)),
    confirmed: decodeConfirmed(flags),
    ...decodeFlags(flags),
    supersededBy: texts.b,
    corrections: texts.c === undefined ? undefined : decodeCorrections(texts.c),
    createdAt,
    sentAt,
    deliveredAt: plus(written[3], base),
    startedAt: plus(reported[0], base),
    lastReportAt: plus(reported[1], base),
    deadlineAt: plus(reported[2], base),
    deadlineOf: timeoutCodes.wordOf(core.charAt(4)),
    retryAt: plus(reported[3], base),
    totalDeadlineAt: plus(written[4], base),
    endedAt: plus(reported[4], base),
    revision: numbers[4] ?? 0,
    rank: numbers[5] ?? 0,
    restarts: numbers[6] ?? 0,
    lastReport: decodeLastReport(
      core.charAt(6),
      plus(reported[5], base),
      (flags & sameMessageBit) === 0 ? texts.M : message,
    ),
    progressStampedAt: plus(reported[6], base),
    installSuccessAt: plus(reported[7], base),
    attemptEndedBy: attemptEndCodes.wordOf(core.charAt(5)),
    installedAtWrite: texts.i,
    timestampUs: plus(written[2], base * 1000),
    handedAgainAt: plus(written[5], base),
    handedAgainSeq: written[6],
    otherVersion: texts.o,
  });
}

/** The update as one text, for records that stand apart from their device. */
export function encodeRecord(update: Update): string {
  const { core, writeTimes, reportTimes, texts } = encodeUpdate(update);
  const head = `${core}|${writeTimes}|${reportTimes}`;
  for (const _ in texts) return `${head}|${JSON.stringify(texts)}`;
  return head;
}

/** The update of {@link encodeRecord}'s text. */
export function decodeRecord(deploymentId: string, record: string): Update {
  const [core = "", writeTimes = "", reportTimes = ""] = record.split("|", 3);
  const textsAt = core.length + writeTimes.length + reportTimes.length + 3;
  const texts = record.length > textsAt ? (JSON.parse(record.slice(textsAt)) as UpdateTexts) : {};
  return decodeUpdate(deploymentId, { core, writeTimes, reportTimes, texts });
}

function encodeCore(update: Update): string {
  const codes =
    stateCodes.codeOf(update.state) +
    stateCodes.codeOf(update.phase) +
    statusCodes.codeOf(update.status) +
    reasonCodes.codeOf(update.reason) +
    timeoutCodes.codeOf(update.deadlineOf) +
    attemptEndCodes.codeOf(update.attemptEndedBy) +
    statusCodes.codeOf(update.lastReport?.status);
  return (
    codes +
    joinNumbers([
      flagsOf(update) || undefined,
      update.attempt || undefined,
      update.maxAttempts || undefined,
      update.attemptBase || undefined,
      update.revision || undefined,
      update.rank || undefined,
      update.restarts || undefined,
    ])
  );
}

function flagsOf(update: Update): number {
  let flags = 0;
  for (const name of flagNames) if (update[name] === true) flags |= flagBits[name];
  if (update.confirmed === true) flags |= confirmedBit;
  if (update.confirmed === false) flags |= unconfirmedBit;
  if (repeatsMessage(update)) flags |= sameMessageBit;
  return flags;
}

function decodeFlags(flags: number): Partial<Record<Flag, true>> {
  const set: Partial<Record<Flag, true>> = {};
  for (const name of flagNames) if ((flags & flagBits[name]) !== 0) set[name] = true;
  return set;
}

function decodeConfirmed(flags: number): boolean | undefined {
  if ((flags & confirmedBit) !== 0) return true;
  return (flags & unconfirmedBit) === 0 ? undefined : false;
}

/** Mostly the last report is also the one that is shown: its message is kept once. */
function repeatsMessage({ message, lastReport }: Update): boolean {
  return lastReport?.message !== undefined && lastReport.message === message;
}

function encodeTexts(update: Update): UpdateTexts {
  const texts: Partial<Record<TextKey, string>> = {};
  const lastMessage = repeatsMessage(update) ? undefined : update.lastReport?.message;
  if (update.message !== undefined) texts.m = update.message.toWellFormed();
  if (lastMessage !== undefined) texts.M = lastMessage.toWellFormed();
  if (update.installedAtWrite !== undefined) texts.i = update.installedAtWrite.toWellFormed();
  if (update.otherVersion !== undefined) texts.o = update.otherVersion.toWellFormed();
  if (update.corrections !== undefined) texts.c = encodeCorrections(update.corrections);
  if (update.supersededBy !== undefined) texts.b = update.supersededBy;
  return texts;
}

function encodeCorrections(corrections: readonly Correction[]): string {
  return corrections
    .map(
      ({ at, from, to, cause }) =>
        stateCodes.codeOf(from) + stateCodes.codeOf(to) + statusCodes.codeOf(cause) + encodeNumber(at),
    )
    .join(",");
}

function decodeCorrections(text: string): Correction[] {
  if (text === "") return [];
  return text.split(",").map((part) => ({
    at: Number.parseInt(part.slice(3), 36),
    from: stateCodes.wordOf(part.charAt(0)) ?? "failed",
    to: stateCodes.wordOf(part.charAt(1)) ?? "succeeded",
    cause: statusCodes.wordOf(part.charAt(2)) ?? "INSTALLED_VERSION",
  }));
}

function decodeLastReport(
  code: string,
  stampedAt: Ms | undefined,
  message: string | undefined,
): LastReport | undefined {
  const status = statusCodes.wordOf(code);
  if (status === undefined) return undefined;
  return compact<LastReport>({ status, message, stampedAt: stampedAt ?? 0 });
}

function since(value: number | undefined, base: number): number | undefined {
  return value === undefined ? undefined : value - base;
}

function plus(value: number | undefined, base: number): number | undefined {
  return value === undefined ? undefined : value + base;
}

function encodeNumber(value: number): string {
  return Math.round(value).toString(36);
}

/**
 * Numbers in base 36 between dots; an absent one is empty, absent ones at the end are left out, and one that is the
 * same as the last present one is `=`: mostly one report sets several times at once.
 */
function joinNumbers(values: readonly (number | undefined)[]): string {
  let text = "";
  let dots = "";
  let last = "";
  for (const value of values) {
    if (value !== undefined) {
      const part = encodeNumber(value);
      text += dots + (part === last && part.length > 1 ? "=" : part);
      last = part;
      dots = "";
    }
    dots += ".";
  }
  return text;
}

function splitNumbers(text: string): (number | undefined)[] {
  if (text === "") return [];
  let last: number | undefined;
  return text.split(".").map((part) => {
    if (part === "") return undefined;
    if (part !== "=") last = Number.parseInt(part, 36);
    return last;
  });
}

type Loose<Shape> = { readonly [Key in keyof Shape]: Shape[Key] | undefined };

/** The shape without the keys that are undefined: absent means "not so" throughout the domain. */
function compact<Shape extends object>(loose: Loose<Shape>): Shape {
  for (const key in loose)
    if (loose[key] === undefined) delete (loose as Partial<Record<string, unknown>>)[key];
  return loose as Shape;
}
