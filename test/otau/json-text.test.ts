import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findValue, listStrings, readJson, sliceRange } from "../../modules/otau/json-text.ts";

describe("reading JSON text", () => {
  it("accepts what JSON.parse accepts, and nothing else", () => {
    const pieces = fc.constantFrom(
      ...'{}[]:,"\\/ \n\t01.eE+-',
      "true",
      "null",
      '"a"',
      '"a":',
      "//",
      "/*",
      "\ufeff",
      "\u00a0",
    );
    const texts = fc.oneof(
      fc.json(),
      fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const reading = readJson(text, { depthMax: 1000 });
        let expected: unknown;
        try {
          expected = { value: JSON.parse(text) };
        } catch {
          expected = undefined;
        }
        expect(reading.ok ? { value: reading.value } : undefined).toEqual(expected);
      }),
      { numRuns: 3000 },
    );
  });

  it("finds no doubled key in what was written from a value", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
        expect(readJson(JSON.stringify(value))).toMatchObject({ ok: true, duplicates: [] });
      }),
    );
  });

  it.each([
    ['{"a":1,"a":2}', ["/a"]],
    ['{"a":1,"\\u0061":2}', ["/a"]],
    ['{"":1,"":2}', ["/"]],
    ['[{"a":{"b":[1,{"c~":1,"d":2,"c~":3}]}}]', ["/0/a/b/1/c~0"]],
    ['{"a":{"a":1},"b":{"a":1},"c":[{"a":1},{"a":1}]}', []],
    ['{"a":"b","b":"a","c":"c"}', []],
    ['{"__proto__":1,"constructor":2,"toString":3}', []],
    ['{"a":1,"a":2,"a":3}', ["/a", "/a"]],
  ])("names the doubled keys of %s", (text, duplicates) => {
    expect(readJson(text)).toMatchObject({ ok: true, duplicates });
  });

  it("takes 64 levels and refuses 65", () => {
    expect(readJson("[".repeat(64) + "]".repeat(64)).ok).toBe(true);
    expect(readJson("[".repeat(65) + "]".repeat(65))).toEqual({
      ok: false,
      why: "It is nested deeper than 64 levels",
    });
  });

  it("does not overflow on a million levels", () => {
    expect(readJson("[".repeat(1_000_000) + "]".repeat(1_000_000)).ok).toBe(false);
    expect(readJson('{"a":'.repeat(1_000_000)).ok).toBe(false);
    expect(readJson("]}".repeat(1_000_000)).ok).toBe(false);
  });
});

describe("finding a value in JSON text", () => {
  it("gives the exact text of every value by its path", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        for (const [path, expected] of leadsOf(value)) {
          const range = findValue(text, path);
          expect(JSON.parse(range === undefined ? "" : sliceRange(text, range))).toEqual(expected);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("takes the last of a doubled key, as parsing does, and gives nothing for a missing one", () => {
    expect(findValue('{"a":1,"a": 22 }', ["a"])).toEqual({ offset: 12, length: 2 });
    expect(findValue('{"a":[1]}', ["a", 1])).toBeUndefined();
    expect(findValue('{"0":1}', [0])).toBeUndefined();
  });

  it("lists strings but no keys", () => {
    expect(listStrings('{"k":"a","l":["\\n",1,{"m":"b"}]}').map(({ path, value }) => [path, value])).toEqual([
      [["k"], "a"],
      [["l", 0], "\n"],
      [["l", 2, "m"], "b"],
    ]);
  });
});

/** Every path of a value with what stands there. */
function leadsOf(
  value: unknown,
  path: readonly (string | number)[] = [],
): [readonly (string | number)[], unknown][] {
  // As the text has it: JSON writes -0 as 0.
  const written: unknown = JSON.parse(JSON.stringify(value));
  if (typeof value !== "object" || value === null) return [[path, written]];
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value);
  return [[path, written], ...entries.flatMap(([key, item]) => leadsOf(item, [...path, key]))];
}
