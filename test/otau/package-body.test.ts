import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readOtauInfo } from "../../modules/otau/package.ts";
import { otauInfoTextFromBody } from "../../modules/otau/package-body.ts";

describe("a body { otau_info }", () => {
  it("gives the text of otau_info as it was sent", () => {
    const text = '{ "b":1.0 ,"10":1,"2":12345678901234567890, "config_otau": {} }';
    expect(otauInfoTextFromBody(`\n{ "otau\\u005finfo" :  ${text}\t}`)).toEqual({ ok: true, text });
  });

  it.each([
    ["", ""],
    ["{", ""],
    ["[]", ""],
    ["null", ""],
    ["{}", "/otau_info"],
    ['{"otau_info":"{}"}', "/otau_info"],
    ['{"otau_info":[]}', "/otau_info"],
    ['{"otau_info":{},"otau_info":{}}', "/otau_info"],
    ['{"otau_info":{},"a/b":1}', "/a~1b"],
    [`{"otau_info":${'{"a":'.repeat(65)}1${"}".repeat(66)}`, ""],
    [`{"otau_info":${"[".repeat(500_000)}`, ""],
  ])("that is %.40s is refused at %j", (body, path) => {
    expect(otauInfoTextFromBody(body)).toMatchObject({ ok: false, problems: [{ path }] });
  });

  it("leaves what is wrong within otau_info to the package's own rules", () => {
    const text = `{"a":1,"a":2,"deep":${"[".repeat(63)}${"]".repeat(63)}}`;
    expect(otauInfoTextFromBody(`{"otau_info":${text}}`)).toEqual({ ok: true, text });
    expect(readOtauInfo(text, { allowHttpPayload: false, extraTypes: [] })).toMatchObject({
      valid: false,
      problems: [{ path: "/a" }, { path: "/config_otau" }],
    });
  });

  it("gives back every object exactly, in every script", () => {
    const values = fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue({ maxDepth: 4 }));
    fc.assert(
      fc.property(values, fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(otauInfoTextFromBody(`{"otau_info":${text}}`)).toEqual({ ok: true, text });
      }),
      { numRuns: 300 },
    );
  });
});
