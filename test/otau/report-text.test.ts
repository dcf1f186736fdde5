import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clipRaw, readReport } from "../../modules/otau/report-text.ts";
import { statuses } from "../../modules/otau/vocabulary.ts";

const report = (changes: Record<string, unknown> = {}) =>
  JSON.stringify({ version: "1.0.1", status: "INIT", ...changes });

describe("an otau_in value", () => {
  it.each(statuses)("with status %s is a report", (status) => {
    expect(readReport(report({ status }))).toEqual({ ok: true, version: "1.0.1", status });
  });

  it("keeps its message, an empty one too; null counts as none", () => {
    expect(readReport(report({ message: "42 %" }))).toMatchObject({ ok: true, message: "42 %" });
    expect(readReport(report({ message: "" }))).toMatchObject({ ok: true, message: "" });
    expect(readReport(report({ message: null }))).toEqual({ ok: true, version: "1.0.1", status: "INIT" });
  });

  it("may have other keys of any kind, and spaces around", () => {
    const deep = `${"[".repeat(5000)}${"]".repeat(5000)}`;
    const text = ` {"x":${deep},"__proto__":{"status":1},"version":"1","status":"INIT","Version":2}\n`;
    expect(readReport(text)).toEqual({ ok: true, version: "1", status: "INIT" });
  });

  it.each([
    ["an object where a text belongs", { version: "1", status: "INIT" }],
    ["an array", ["INIT"]],
    ["null", null],
    ["a number", 5],
    ["nothing", undefined],
    ["an empty text", ""],
    ["no JSON", "INIT"],
    ["form text", "version=1&status=INIT"],
    ["a JSON array", "[]"],
    ["a JSON null", "null"],
    ["a trailing comma", '{"version":"1","status":"INIT",}'],
    ["a byte order mark", `\ufeff${report()}`],
    ["JSON text within a JSON string", JSON.stringify(report())],
    ["no version", report({ version: undefined })],
    ["an empty version", report({ version: "" })],
    ["a version of 129 characters", report({ version: "a".repeat(129) })],
    ["a number as version", report({ version: 1 })],
    ["null as version", report({ version: null })],
    ["no status", report({ status: undefined })],
    ["an unknown status", report({ status: "DONE" })],
    ["a lower-case status", report({ status: "init" })],
    ["a status with spaces", report({ status: " INIT" })],
    ["an array as status", report({ status: ["INIT"] })],
    ["a status from the prototype", report({ status: "toString" })],
    ["a number as message", report({ message: 5 })],
    ["an object as message", report({ message: {} })],
    ["a doubled key", '{"version":"1","version":"1","status":"INIT"}'],
    ["a doubled key far down", '{"version":"1","status":"INIT","x":[{"y":{"z":1,"z":2}}]}'],
    ["a doubled key, one escaped", '{"version":"1","status":"INIT","st\\u0061tus":"INIT"}'],
    ["a million levels", "[".repeat(1_000_000)],
    ["a million levels in a key", `{"version":"1","status":"INIT","x":${'{"a":'.repeat(200_000)}`],
  ])("that is or has %s is rejected with a reason", (_, value) => {
    const reading = readReport(value);
    expect(reading.ok ? "" : reading.why).toMatch(/^\S.{10,}$/su);
  });

  it("takes a version of 128 characters of any script", () => {
    for (const version of ["a".repeat(128), "中".repeat(128), "😀".repeat(128)]) {
      expect(readReport(report({ version }))).toMatchObject({ ok: true, version });
    }
  });

  it("has a message of 4096 characters kept, and one more cut to 4096 with an ellipsis", () => {
    expect(readReport(report({ message: "a".repeat(4096) }))).toEqual({
      ok: true,
      version: "1.0.1",
      status: "INIT",
      message: "a".repeat(4096),
    });
    expect(readReport(report({ message: "a".repeat(4097) }))).toMatchObject({
      message: `${"a".repeat(4095)}…`,
      cut: true,
    });
    expect(readReport(report({ message: "😀".repeat(5000) }))).toMatchObject({
      message: `${"😀".repeat(4095)}…`,
      cut: true,
    });
  });

  it("has half a surrogate pair replaced, as no store can hold it", () => {
    expect(readReport(report({ version: "1\ud800", message: "\udc00" }))).toMatchObject({
      version: "1\ufffd",
      message: "\ufffd",
    });
  });

  it("never makes the reader throw", () => {
    const odd = fc.constantFrom(
      '{"version":"1"',
      '"status":"INIT"',
      ",",
      "}",
      "\ud800",
      "__proto__",
      '":',
      "[",
      "\\u12",
    );
    const values = fc.oneof(
      fc.anything(),
      fc.json(),
      fc.string({ unit: "binary" }),
      fc.array(odd, { maxLength: 20 }).map((parts) => parts.join("")),
      fc
        .record({ version: fc.jsonValue(), status: fc.constantFrom(...statuses), message: fc.jsonValue() })
        .map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(values, (value) => {
        expect(typeof readReport(value).ok).toBe("boolean");
      }),
      { numRuns: 2000 },
    );
  });
});

describe("raw text for history", () => {
  it("is cut to so many characters, well-formed, never between the halves of a pair", () => {
    expect(clipRaw("abc", 3)).toBe("abc");
    expect(clipRaw("abcd", 3)).toBe("ab…");
    expect(clipRaw("😀😀😀", 2)).toBe("😀…");
    expect(clipRaw("\ud800", 5)).toBe("\ufffd");
  });

  it("shows an object as JSON, and one nested too deep in words", () => {
    expect(clipRaw({ version: "1" }, 100)).toBe('{"version":"1"}');
    expect(clipRaw(undefined, 100)).toBe("");
    expect(clipRaw(JSON.parse("[".repeat(100_000) + "]".repeat(100_000)), 100)).toBe(
      "(an array, nested too deep to show)",
    );
  });
});
