import { describe, expect, it } from "vitest";
import { normaliseStamp, resolveStamp } from "../../modules/otau/stamps.ts";

const second = 1_700_000_000;

describe("a stamp", () => {
  it.each([
    ["seconds", second, second * 1e3, second * 1e6],
    ["seconds with a fraction", second + 0.25, second * 1e3 + 250, second * 1e6 + 250_000],
    ["milliseconds", second * 1e3 + 7, second * 1e3 + 7, second * 1e6 + 7000],
    ["microseconds", second * 1e6 + 7999, second * 1e3 + 7, second * 1e6 + 7999],
    ["digits as text", `${second}`, second * 1e3, second * 1e6],
    ["digits of microseconds as text", `${second}123456`, second * 1e3 + 123, second * 1e6 + 123_456],
    ["nought", 0, 0, 0],
    ["the last second", 1e11 - 1, (1e11 - 1) * 1e3, (1e11 - 1) * 1e6],
    ["the first millisecond", 1e11, 1e11, 1e14],
    ["the last millisecond", 1e14 - 1, 1e14 - 1, (1e14 - 1) * 1e3],
    ["the first microsecond", 1e14, 1e11, 1e14],
  ])("in %s is understood", (_, value, ms, us) => {
    expect(normaliseStamp(value)).toEqual({ ms, us });
  });

  it.each([
    undefined,
    null,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -1,
    "",
    "-5",
    "1e3",
    " 5",
    "0x5",
    "١",
    true,
    {},
    [5],
  ])("must not be %j", (value) => {
    expect(normaliseStamp(value)).toBeUndefined();
  });
});

describe("the time by which a report counts", () => {
  const arrivedAtMs = second * 1e3;
  const arrival = { stampedAtMs: arrivedAtMs, supplied: false };

  it("is its supplied stamp, up to the arrival itself", () => {
    expect(resolveStamp(second - 60, arrivedAtMs)).toEqual({
      stampedAtMs: arrivedAtMs - 60_000,
      supplied: true,
    });
    expect(resolveStamp(arrivedAtMs, arrivedAtMs)).toEqual({ stampedAtMs: arrivedAtMs, supplied: true });
    expect(resolveStamp(second * 1e6 + 999, arrivedAtMs)).toEqual({
      stampedAtMs: arrivedAtMs,
      supplied: true,
    });
    expect(resolveStamp(1_577_836_800, arrivedAtMs)).toEqual({
      stampedAtMs: 1_577_836_800_000,
      supplied: true,
    });
  });

  it("is its arrival without a stamp, with one that is none, and with one before 2020", () => {
    for (const supplied of [undefined, Number.NaN, -5, 0, "x", 1_577_836_799]) {
      expect(resolveStamp(supplied, arrivedAtMs)).toEqual(arrival);
    }
  });

  it("is its arrival when the stamp lies ahead, marked only beyond five minutes", () => {
    expect(resolveStamp(arrivedAtMs + 1, arrivedAtMs)).toEqual(arrival);
    expect(resolveStamp(arrivedAtMs + 300_000, arrivedAtMs)).toEqual(arrival);
    expect(resolveStamp(arrivedAtMs + 300_001, arrivedAtMs)).toEqual({ ...arrival, clockWrong: true });
    expect(resolveStamp(1e300, arrivedAtMs)).toEqual({ ...arrival, clockWrong: true });
  });
});
