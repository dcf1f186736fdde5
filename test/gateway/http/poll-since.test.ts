import { describe, expect, it } from "vitest";
import { baselineUs, lastModifiedDate, readSince } from "../../../modules/gateway/http/poll-since.ts";

const nowMs = 2_000_000_000_000;
const atUs = (seconds: number): number => Math.round(seconds * 1_000_000);

describe("If-Modified-Since", () => {
  it("is Unix seconds or an HTTP date", () => {
    expect(readSince("1384892328")).toEqual({ kind: "second", second: 1384892328 });
    expect(readSince("Tue, 19 Nov 2013 20:18:48 GMT")).toEqual({ kind: "second", second: 1384892328 });
    expect(readSince("0")).toEqual({ kind: "beginning" });
    expect(readSince(undefined)).toEqual({ kind: "now" });
    expect(readSince("yesterday")).toBeUndefined();
  });
});

describe("what a polling device knows", () => {
  it("is told back as a date in GMT of the next full second", () => {
    expect(lastModifiedDate(atUs(1384892327.25))).toBe("Tue, 19 Nov 2013 20:18:48 GMT");
  });

  it("is the very value handed over when it sends our date back, or one second later", () => {
    const known = { stampUs: atUs(1000.25) };
    for (const second of [1001, 1002]) {
      expect(baselineUs({ kind: "second", second }, known, undefined, nowMs)).toBe(atUs(1000.25));
    }
    expect(baselineUs({ kind: "second", second: 1003 }, known, undefined, nowMs)).toBe(atUs(1003));
  });

  it("is nothing when our date comes back but this value was never handed over", () => {
    const present = { timestampUs: atUs(1000.75), delivered: false };
    expect(baselineUs({ kind: "second", second: 1001 }, undefined, present, nowMs)).toBe(-1);
    expect(
      baselineUs({ kind: "second", second: 1001 }, undefined, { ...present, delivered: true }, nowMs),
    ).toBe(atUs(1001));
  });

  it("is what stands now when the date lies ahead of the clock", () => {
    const present = { timestampUs: atUs(1000.75), delivered: true };
    const since = { kind: "second", second: nowMs / 1000 + 3600 } as const;
    expect(baselineUs(since, undefined, present, nowMs)).toBe(atUs(1000.75));
  });
});
