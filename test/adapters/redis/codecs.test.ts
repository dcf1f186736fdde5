import fc, { type Arbitrary } from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeDevice, encodeDevice, readUpdate } from "../../../modules/adapters/redis/device-codec.ts";
import { diffFields, joinFields, smallBytesMax } from "../../../modules/adapters/redis/fields.ts";
import { decodeLine, encodeLine } from "../../../modules/adapters/redis/line-codec.ts";
import {
  decodeRecord,
  decodeUpdate,
  encodeRecord,
  encodeUpdate,
} from "../../../modules/adapters/redis/update-codec.ts";
import type { Device, HistoryLine, LastReport, Update } from "../../../modules/otau/model.ts";
import {
  actorKinds,
  decisions,
  historyKinds,
  liveStates,
  phases,
  reasons,
  statuses,
  updateStates,
} from "../../../modules/otau/vocabulary.ts";

type Arbitraries<Shape> = { readonly [Key in keyof Required<Shape>]: Arbitrary<Required<Shape>[Key]> };

const text = fc.string({ unit: "binary", maxLength: 300 }).map((value) => value.toWellFormed());
const longText = fc.oneof(text, fc.string({ unit: "grapheme", minLength: 4000, maxLength: 4096 }));
const ms = fc.integer({ min: 0, max: 4_102_444_800_000 });
const count = fc.integer({ min: 0, max: 10_000 });
const id = fc.stringMatching(/^[a-z0-9]{1,26}$/);
const yes = fc.constant(true as const);

const lastReport: Arbitraries<LastReport> = {
  status: fc.constantFrom(...statuses),
  message: longText,
  stampedAt: ms,
};
const updateFields: Arbitraries<Update> = {
  deploymentId: id,
  state: fc.constantFrom(...updateStates),
  phase: fc.constantFrom(...phases),
  status: fc.constantFrom(...statuses),
  message: longText,
  attempt: count,
  maxAttempts: count,
  attemptBase: count,
  reason: fc.constantFrom(...reasons),
  confirmed: fc.boolean(),
  late: yes,
  deviceMayFinish: yes,
  installedAnyway: yes,
  supersededBy: id,
  corrections: fc.array(
    fc.record({
      at: ms,
      from: fc.constantFrom(...updateStates),
      to: fc.constantFrom(...updateStates),
      cause: fc.constantFrom(...statuses),
    }),
    { maxLength: 5 },
  ),
  createdAt: ms,
  sentAt: ms,
  deliveredAt: ms,
  startedAt: ms,
  lastReportAt: ms,
  deadlineAt: ms,
  deadlineOf: fc.constantFrom("acknowledgeMs", "testMs", "downloadMs", "installMs", "confirmMs"),
  retryAt: ms,
  totalDeadlineAt: ms,
  endedAt: ms,
  revision: count,
  everDelivered: yes,
  deliveredBefore: yes,
  rank: fc.integer({ min: 0, max: 10 }),
  restarts: count,
  lastReport: fc.record(lastReport, { requiredKeys: ["status", "stampedAt"] }) as Arbitrary<LastReport>,
  progressStampedAt: ms,
  installSuccessAt: ms,
  attemptEndedBy: fc.constantFrom("error", "timeout"),
  hadTarget: yes,
  heardTarget: yes,
  installedAtWrite: text,
  timestampUs: ms.map((at) => at * 1000 + 7),
  handedAgainAt: ms,
  handedAgainSeq: count,
  otherVersion: text,
  slot: yes,
  ready: yes,
};
const anyUpdate = fc.record(updateFields, {
  requiredKeys: [
    ...(["deploymentId", "state", "attempt", "maxAttempts", "attemptBase"] as const),
    ...(["createdAt", "revision", "rank", "restarts"] as const),
  ],
}) as Arbitrary<Update>;
const finalUpdate = anyUpdate.filter(({ state }) => !(liveStates as readonly string[]).includes(state));
const tagName = fc.oneof(fc.stringMatching(/^[A-Za-z0-9_.-]{1,64}$/), fc.constant("__proto__"));

const deviceFields: Arbitraries<Device> = {
  productId: fc.constant("p"),
  identity: fc.constant("gw-1"),
  uid: fc.constant("0x0"),
  revision: count,
  createdAt: ms,
  tags: fc.dictionary(tagName, text, { maxKeys: 32, noNullPrototype: true }),
  installedVersion: text,
  installedStampedAt: ms,
  confirmedVersion: fc.oneof(text, fc.constant("=")),
  drifted: fc.boolean(),
  updates: fc.constant([]),
  pastLoaded: fc.boolean(),
  configSet: fc.oneof(
    fc.record({ deploymentId: id, timestampUs: ms }),
    fc.record({ text: longText, timestampUs: ms }),
  ),
  succeededSet: fc.record({ deploymentId: id, timestampUs: ms }),
  historySeq: count,
  eventSeq: count,
  fold: fc.record(
    { seq: count, status: fc.constantFrom(...statuses), version: text, message: longText, steps: yes },
    { requiredKeys: ["seq", "status", "version"] },
  ) as Arbitrary<NonNullable<Device["fold"]>>,
  stepRate: fc.record({ second: count, count }),
  failedAt: fc.array(ms, { minLength: 1, maxLength: 20 }).map((times) => times.toSorted((a, b) => a - b)),
  restUntil: ms,
};
const anyDevice = fc.record(deviceFields, {
  requiredKeys: [
    ...(["productId", "identity", "uid", "revision", "createdAt", "tags", "drifted"] as const),
    ...(["updates", "pastLoaded", "historySeq", "eventSeq"] as const),
  ],
}) as Arbitrary<Device>;

const lineFields: Arbitraries<HistoryLine> = {
  seq: count,
  at: ms,
  stampedAt: ms,
  kind: fc.constantFrom(...historyKinds),
  raw: longText,
  status: fc.constantFrom(...statuses),
  version: text,
  message: longText,
  cut: yes,
  clockWrong: yes,
  decision: fc.constantFrom(...decisions),
  count,
  lastAt: ms,
  deploymentId: id,
  attempt: count,
  from: fc.constantFrom(...updateStates),
  to: fc.constantFrom(...updateStates),
  reason: fc.constantFrom(...reasons),
  actor: fc.record({ kind: fc.constantFrom(...actorKinds), id: text }),
  note: text,
};
const anyLine = fc.record(lineFields, {
  requiredKeys: ["seq", "at", "kind", "actor"],
}) as Arbitrary<HistoryLine>;

describe("the codec of updates", () => {
  it("gives back every update, whatever its texts", () => {
    fc.assert(
      fc.property(anyUpdate, (update) => {
        expect(decodeUpdate(update.deploymentId, encodeUpdate(update))).toEqual(update);
        expect(decodeRecord(update.deploymentId, encodeRecord(update))).toEqual(update);
      }),
    );
  });

  it("turns half a surrogate pair into the replacement character, as the store holds text", () => {
    const update: Update = {
      ...{ deploymentId: "d", state: "sent", attempt: 1, maxAttempts: 3, attemptBase: 0, createdAt: 5 },
      ...{
        revision: 1,
        rank: 0,
        restarts: 0,
        message: "half \ud83d",
        lastReport: { status: "TEST", stampedAt: 5 },
      },
    };
    expect(decodeUpdate("d", encodeUpdate(update)).message).toBe("half \ufffd");
  });
});

describe("the codec of devices", () => {
  it("gives back every device with its live and its newest written update", () => {
    fc.assert(
      fc.property(
        anyDevice,
        fc.option(anyUpdate, { nil: undefined }),
        fc.option(finalUpdate, { nil: undefined }),
        (device, live, newest) => {
          const fields = encodeDevice(device, live, newest);
          const decoded = decodeDevice(fields, device, readUpdate(fields, "l"), readUpdate(fields, "n"));
          expect(decoded).toEqual(device);
          expect(readUpdate(fields, "l")).toEqual(live);
          expect(readUpdate(fields, "n")).toEqual(newest);
        },
      ),
    );
  });

  it("keeps what an update set as a mark of one letter, not a second time", () => {
    const live: Update = {
      ...{ deploymentId: "d", state: "sent", attempt: 1, maxAttempts: 3, attemptBase: 0, createdAt: 5 },
      ...{ revision: 1, rank: 0, restarts: 0, sentAt: 6, timestampUs: 6001 },
    };
    const device: Device = {
      ...{
        productId: "p",
        identity: "gw-1",
        uid: "0x0",
        revision: 1,
        createdAt: 5,
        tags: {},
        drifted: false,
      },
      ...{ updates: [], pastLoaded: false, historySeq: 0, eventSeq: 0 },
      configSet: { deploymentId: "d", timestampUs: 6001 },
    };
    expect(encodeDevice(device, live, undefined).get("g")).toBe("l");
  });
});

describe("the codec of history lines", () => {
  it("gives back every line", () => {
    fc.assert(
      fc.property(anyLine, (line) => {
        expect(decodeLine(encodeLine(line))).toEqual(line);
      }),
    );
  });
});

const anyFields = fc
  .dictionary(
    fc.stringMatching(/^[A-Za-z#~][a-z0-9_.-]{0,70}$/),
    fc.oneof(text, longText, fc.constant("\u0002")),
    {
      maxKeys: 12,
    },
  )
  .map((fields) => new Map(Object.entries(fields)));

describe("the fields of a device's hashes", () => {
  it("turn from any ones into any others, and no short name or value passes 64 bytes", () => {
    fc.assert(
      fc.property(anyFields, anyFields, (before, after) => {
        const small = new Map<string, string>();
        const large = new Map<string, string>();
        for (const [from, to] of [
          [new Map<string, string>(), before],
          [before, after],
        ] as const) {
          const changes = diffFields(from, to);
          for (const name of changes.deleteSmall) small.delete(name);
          for (const name of changes.deleteLarge) large.delete(name);
          setAll(small, changes.setSmall);
          setAll(large, changes.setLarge);
        }
        expect(joinFields([...small].flat(), [...large].flat())).toEqual(after);
        for (const part of [...small].flat())
          expect(Buffer.byteLength(part)).toBeLessThanOrEqual(smallBytesMax);
      }),
    );
  });

  it("need the overflow hash only above 256 bytes", () => {
    const changes = diffFields(new Map(), new Map([["lm", "é".repeat(128)]]));
    expect(changes.setLarge).toEqual([]);
    expect(diffFields(new Map(), new Map([["lm", "é".repeat(129)]])).setLarge).toHaveLength(2);
  });
});

function setAll(fields: Map<string, string>, values: readonly string[]): void {
  for (let at = 0; at + 1 < values.length; at += 2) fields.set(values[at] ?? "", values[at + 1] ?? "");
}
