import { OtauError } from "../errors.ts";
import type { DeviceEvent, Ms } from "../otau/model.ts";
import { clipRaw, readReport } from "../otau/report-text.ts";
import { normaliseStamp, resolveStamp } from "../otau/stamps.ts";
import { updateIdOf } from "../otau/update-id.ts";
import type { Decision, Status, UpdateState } from "../otau/vocabulary.ts";
import type { Acted, DeviceActions } from "./act-on-device.ts";
import type { DeviceRef } from "./ports.ts";

/** Longest text of a report that history keeps. */
const rawCharsMax = 8192;

/** One `otau_in` value of a device, with the stamp it came with (seconds, milliseconds or microseconds). */
export type ReportEntry = { readonly value: unknown; readonly timestamp?: unknown };

/** What was made of one report. */
export type ReportResult = {
  readonly stampedAt: Ms;
  readonly version?: string;
  readonly status?: Status;
  readonly decision: Decision;
  /** Of the update it concerns, after the report. */
  readonly state?: UpdateState;
  readonly updateId?: string;
};

export type RecordReportsInput = {
  readonly ref: DeviceRef;
  readonly entries: readonly ReportEntry[];
  /** Token prefix that must still be valid; absent where another authority vouches for the device. */
  readonly credential?: string;
};

/** In the order of their stamps; entries without one count as arriving now, after all that have one. */
function inStampOrder(entries: readonly ReportEntry[]): ReportEntry[] {
  const stampOf = (entry: ReportEntry) => normaliseStamp(entry.timestamp)?.us ?? Number.POSITIVE_INFINITY;
  return entries
    .map((entry, index) => ({ entry, index, us: stampOf(entry) }))
    .sort((a, b) => (a.us === b.us ? a.index - b.index : a.us - b.us))
    .map(({ entry }) => entry);
}

type ReportEvent = Extract<DeviceEvent, { type: "report" }>;

function toEvent(entry: ReportEntry, now: Ms): ReportEvent {
  const reading = readReport(entry.value);
  const raw = clipRaw(entry.value, rawCharsMax);
  const stamp = resolveStamp(entry.timestamp, now);
  return {
    type: "report",
    report: reading.ok ? { ...reading, raw } : { ok: false, raw, why: reading.why },
    stampedAt: stamp.stampedAtMs,
    stampSupplied: stamp.supplied,
    ...(stamp.clockWrong ? { clockWrong: true as const } : {}),
  };
}

function toResult(acted: Acted, event: ReportEvent): ReportResult {
  const { outcome } = acted;
  const update = outcome.device.updates.find(({ deploymentId }) => deploymentId === outcome.deploymentId);
  return {
    stampedAt: event.stampedAt,
    ...(event.report.ok ? { version: event.report.version, status: event.report.status } : {}),
    decision: outcome.decision ?? "rejected",
    ...(update ? { state: update.state, updateId: updateIdOf(update.deploymentId, outcome.device.uid) } : {}),
  };
}

export type RecordReportsDeps = Pick<DeviceActions, "act"> & { readonly failPoint: (name: string) => void };

/** Runs what concerns one device in turn, so that its reports are decided in the order in which they came. */
function makeTurns() {
  const tails = new Map<string, Promise<unknown>>();
  return function inTurn<Result>(key: string, run: () => Promise<Result>): Promise<Result> {
    const before = tails.get(key) ?? Promise.resolve();
    const turn = before.then(run, run);
    const tail = turn.catch(() => undefined);
    tails.set(key, tail);
    void tail.then(() => {
      if (tails.get(key) === tail) tails.delete(key);
    });
    return turn;
  };
}

/**
 * Takes what a device reported: each report is decided and stored by itself, in the order of their stamps. Answers
 * one result per report; NOT_FOUND for a device that does not exist, UNAUTHORIZED for an ended credential.
 */
export function makeRecordReports({ act, failPoint }: RecordReportsDeps) {
  const inTurn = makeTurns();

  async function recordOne(input: RecordReportsInput, entry: ReportEntry): Promise<ReportResult> {
    let event: ReportEvent | undefined;
    const acted = await act(
      input.ref,
      ({ now }) => {
        const read = toEvent(entry, now);
        event = read;
        return [read];
      },
      {
        actor: { kind: "device", id: input.ref.identity },
        seen: true,
        ...(input.credential === undefined ? {} : { credential: input.credential }),
      },
    );
    if (acted === undefined || event === undefined) {
      throw new OtauError(
        "NOT_FOUND",
        `There is no device ${input.ref.identity} in product ${input.ref.productId}.`,
      );
    }
    failPoint("report:stored");
    return toResult(acted, event);
  }

  return function recordReports(input: RecordReportsInput): Promise<ReportResult[]> {
    return inTurn(`${input.ref.productId}/${input.ref.identity}`, async () => {
      const results: ReportResult[] = [];
      for (const entry of inStampOrder(input.entries)) results.push(await recordOne(input, entry));
      return results;
    });
  };
}
