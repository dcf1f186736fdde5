import { describe, expect, it } from "vitest";
import { makeRruleCalendar } from "../../../modules/adapters/calendar/rrule-calendar.ts";

const calendar = makeRruleCalendar();
const at = (text: string) => Date.parse(text);
const iso = (times: readonly number[]) => times.map((time) => new Date(time).toISOString());
const openings = (rrule: string, timeZone: string, from: string, to: string) =>
  iso(calendar.openings(rrule, timeZone, at(from), at(to)));

describe("openings", () => {
  it("follow the clock on the wall through the change to summer time and back", () => {
    expect(
      openings("FREQ=DAILY;BYHOUR=4", "Europe/Berlin", "2026-03-28T00:00Z", "2026-03-31T00:00Z"),
    ).toEqual(["2026-03-28T03:00:00.000Z", "2026-03-29T02:00:00.000Z", "2026-03-30T02:00:00.000Z"]);
    expect(
      openings("FREQ=DAILY;BYHOUR=4", "Europe/Berlin", "2026-10-24T00:00Z", "2026-10-26T06:00Z"),
    ).toEqual(["2026-10-24T02:00:00.000Z", "2026-10-25T03:00:00.000Z", "2026-10-26T03:00:00.000Z"]);
  });

  it("take an hour that is skipped after the leap, and one that comes twice the first time", () => {
    const rule = "FREQ=DAILY;BYHOUR=2;BYMINUTE=30";
    expect(openings(rule, "Europe/Berlin", "2026-03-29T00:00Z", "2026-03-29T12:00Z")).toEqual([
      "2026-03-29T01:30:00.000Z",
    ]);
    expect(openings(rule, "Europe/Berlin", "2026-10-25T00:00Z", "2026-10-25T12:00Z")).toEqual([
      "2026-10-25T00:30:00.000Z",
    ]);
  });

  it("leave out `from` and take in `to`", () => {
    expect(openings("FREQ=DAILY", "UTC", "2026-05-01T00:00Z", "2026-05-03T00:00Z")).toEqual([
      "2026-05-02T00:00:00.000Z",
      "2026-05-03T00:00:00.000Z",
    ]);
  });

  it.each([
    ["FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=22", "2026-11-28T22:00:00.000Z"],
    ["FREQ=WEEKLY", "2026-11-30T00:00:00.000Z"],
    ["FREQ=MONTHLY", "2026-12-01T00:00:00.000Z"],
    ["FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=1", "2026-11-27T01:00:00.000Z"],
    ["FREQ=YEARLY", "2027-01-01T00:00:00.000Z"],
    ["FREQ=YEARLY;BYMONTH=7", "2027-07-01T00:00:00.000Z"],
    ["FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2028-02-29T00:00:00.000Z"],
    ["FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "2026-11-30T00:00:00.000Z"],
  ])("of %s: the next is %s", (rule, next) => {
    const found = calendar.nextOpening(rule, "UTC", at("2026-11-24T12:00Z"));
    expect(iso(found === undefined ? [] : [found])).toEqual([next]);
  });

  it("end", () => {
    expect(
      calendar.nextOpening("FREQ=DAILY;UNTIL=20260101T000000Z", "UTC", at("2026-11-24T12:00Z")),
    ).toBeUndefined();
    expect(
      calendar.nextOpening("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "UTC", at("2026-11-24T12:00Z")),
    ).toBeUndefined();
  });
});

describe("faultOfRule", () => {
  it.each(["FREQ=DAILY;BYHOUR=2", "FREQ=WEEKLY;BYDAY=MO,TU;BYHOUR=22;BYMINUTE=30", "FREQ=MONTHLY;BYDAY=1SA"])(
    "finds none in %s",
    (rule) => expect(calendar.faultOfRule(rule)).toBeUndefined(),
  );

  it.each([
    "",
    "daily",
    "FREQ=SECONDLY",
    "FREQ=HOURLY;INTERVAL=24;BYHOUR=5",
    "FREQ=DAILY;INTERVAL=0",
    "FREQ=DAILY;COUNT=3",
    "FREQ=DAILY;BYHOUR=24",
    "FREQ=DAILY;BYMONTHDAY=0",
    "FREQ=WEEKLY;BYDAY=XX",
    "FREQ=DAILY;UNTIL=soon",
    "BYHOUR=2",
    "DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY",
  ])("finds one in %j", (rule) => expect(calendar.faultOfRule(rule)).toEqual(expect.any(String)));

  it("knows time zones", () => {
    expect(calendar.hasZone("Europe/Berlin")).toBe(true);
    expect(calendar.hasZone("Europe/Atlantis")).toBe(false);
  });
});
