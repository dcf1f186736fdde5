import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  configBytesMax,
  describeOtauInfo,
  readConfigOtau,
  readOtauInfo,
} from "../../modules/otau/package.ts";
import type { PackageRules } from "../../modules/otau/package-payload.ts";

const rules: PackageRules = { allowHttpPayload: false, extraTypes: [] };
const config = {
  version: "1.0.1",
  name: "Prod FW 1.0.1",
  type: "FILE",
  payload: "https://example.com/fw.bin",
};
const infoOf = (changes: Record<string, unknown>) =>
  JSON.stringify({ config_otau: { ...config, ...changes } });

/** The problems of a tag, as `path` to message. */
function problemsOf(tagValue: string, given = rules): Record<string, string> {
  const reading = readOtauInfo(tagValue, given);
  return reading.valid
    ? {}
    : Object.fromEntries(reading.problems.map(({ path, message }) => [path, message]));
}

const pathsOf = (tagValue: string, given = rules) => Object.keys(problemsOf(tagValue, given));

describe("a tag otau_info", () => {
  const text =
    '{"author":"Jim","vendor":"acme","product":"iotgw1","config_otau":{"version":"1.0.1","name":"Prod FW 1.0.1",' +
    '"type":"FILE","payload":"https://example.com/fw.bin","description":"Fixes the clock + 100 % more cowbell"}}';

  it("is read as JSON", () => {
    const reading = readOtauInfo(text, rules);
    expect(reading).toMatchObject({
      valid: true,
      info: { author: "Jim", vendor: "acme", product: "iotgw1" },
      config: { ...config, description: "Fixes the clock + 100 % more cowbell" },
    });
  });

  it("is read percent-encoded, as the schema's example has it, and a plus stays a plus", () => {
    expect(readOtauInfo(encodeURIComponent(text), rules)).toEqual(readOtauInfo(text, rules));
    expect(describeOtauInfo(encodeURIComponent(text))).toEqual(JSON.parse(text));
  });

  it("is decoded once only", () => {
    expect(pathsOf(encodeURIComponent(encodeURIComponent(text)))).toEqual([""]);
  });

  it("is not decoded where it is JSON already", () => {
    const reading = readOtauInfo(infoOf({ name: "100%25 wool" }), rules);
    expect(reading).toMatchObject({ valid: true, config: { name: "100%25 wool" } });
  });

  it.each([
    ["%7B%22author%2", "the percent sign at character 12 is not followed by two hexadecimal digits"],
    ["%7B%FF%FE%7D", "its percent-encoded bytes are not UTF-8"],
    ["%C0%AF", "its percent-encoded bytes are not UTF-8"],
    ["%7Bnot json%7D", "neither as it is nor percent-decoded"],
    ["", "It is empty"],
    ["{", "otau_info cannot be read"],
    ['{"config_otau":{},}', "It is not JSON"],
    ["\ufeff{}", "It is not JSON"],
    ["{} // yes", "It is not JSON"],
    ["[1]", "must be a JSON object, not an array"],
    ["null", "must be a JSON object, not null"],
    ['"{}"', 'must be a JSON object, not "{}"'],
    ['{"a":"\ud800"}', "half a surrogate pair"],
    ["[".repeat(100_000), "nested deeper than 64 levels"],
  ])("that is %j is a problem that says so", (tagValue, message) => {
    expect(problemsOf(tagValue)[""]).toContain(message);
  });

  it("is shown as far as it is JSON, valid or not", () => {
    expect(readOtauInfo('{"config_otau":5,"x":1}', rules)).toMatchObject({ info: { config_otau: 5, x: 1 } });
    expect(describeOtauInfo("[1]")).toEqual([1]);
    expect(describeOtauInfo("{")).toBeUndefined();
  });

  it("has all its problems named at once", () => {
    const tagValue =
      '{"author":1,"config_otau":{"version":"","type":"TARBALL","description":null},"author":2}';
    expect(pathsOf(tagValue).toSorted()).toEqual([
      "/author",
      "/config_otau/description",
      "/config_otau/name",
      "/config_otau/payload",
      "/config_otau/type",
      "/config_otau/version",
    ]);
  });

  it("must not hold a key twice, at any depth, escaped or not", () => {
    expect(problemsOf('{"config_otau":{},"config_otau":{}}')["/config_otau"]).toContain("more than once");
    expect(pathsOf(`{"x":[0,{"a/b":1,"a\\u002fb":2}],"config_otau":${JSON.stringify(config)}}`)).toEqual([
      "/x/1/a~1b",
    ]);
    expect(pathsOf('{"__proto__":1,"__proto__":2}')).toContain("/__proto__");
  });

  it("names a hundred problems and counts the rest", () => {
    const reading = readOtauInfo(infoOf({ type: "URL_LIST", payload: Array(500).fill("no") }), rules);
    expect(reading.valid ? [] : reading.problems).toHaveLength(101);
    expect(reading.valid ? "" : reading.problems.at(-1)?.message).toBe("There are 400 more problems");
  });

  it("gives a whole number as sequence", () => {
    const withSequence = (sequence: unknown) => JSON.stringify({ sequence, config_otau: config });
    expect(readOtauInfo(withSequence(7), rules)).toHaveProperty("sequence", 7);
    expect(readOtauInfo(withSequence("7"), rules)).not.toHaveProperty("sequence");
    expect(readOtauInfo(withSequence(1.5), rules)).not.toHaveProperty("sequence");
  });
});

describe("config_otau", () => {
  it.each([
    ["version", 1, 128],
    ["name", 1, 256],
    ["description", 0, 4096],
  ])("has a %s of %i to %i characters", (key, min, max) => {
    expect(pathsOf(infoOf({ [key]: "é".repeat(max) }))).toEqual([]);
    expect(pathsOf(infoOf({ [key]: "😀".repeat(max) }))).toEqual([]);
    expect(pathsOf(infoOf({ [key]: "é".repeat(max + 1) }))).toEqual([`/config_otau/${key}`]);
    expect(pathsOf(infoOf({ [key]: "" }))).toEqual(min === 0 ? [] : [`/config_otau/${key}`]);
    expect(pathsOf(infoOf({ [key]: 5 }))).toEqual([`/config_otau/${key}`]);
    expect(pathsOf(infoOf({ [key]: "\ud800" }))).toEqual([`/config_otau/${key}`]);
  });

  it.each(["version", "name", "type", "payload"])("must have a %s", (key) => {
    expect(problemsOf(infoOf({ [key]: undefined }))[`/config_otau/${key}`]).toContain(`${key} is missing`);
  });

  it("must be there", () => {
    expect(problemsOf("{}")["/config_otau"]).toBe("config_otau must be a JSON object, not nothing");
  });

  it("may have 65,536 bytes of UTF-8 and no more", () => {
    const filled = (bytes: number) => {
      const rest = bytes - JSON.stringify({ ...config, x: "é" }).length - 1;
      return infoOf({ x: `é${"a".repeat(rest)}` });
    };
    expect(pathsOf(filled(configBytesMax))).toEqual([]);
    expect(problemsOf(filled(configBytesMax + 1))).toEqual({
      "/config_otau": "config_otau has 65537 bytes; at most 65536 are allowed",
    });
  });

  it("keeps its exact text: order, digits, spaces and escapes", () => {
    const text =
      '{ "b":1.0,"10":1,"2":12345678901234567890, "__proto__" : {"x":1e400},\t"version":"1\\u002e0",\r\n"name":"\\ud83d\\ude00",' +
      '"type" :"JSON" , "payload":{"\\u00e9":[ ] , "half":"\\ud800"} }';
    const reading = readOtauInfo(` {"x":{"config_otau":1}, "config_otau" : ${text} } `, rules);
    expect(reading).toMatchObject({ valid: true, configText: text, config: { version: "1.0", name: "😀" } });
  });

  it("keeps its exact text whatever it holds, sent raw or percent-encoded", () => {
    const spaces = fc.stringMatching(/^[ \t\r\n]{0,3}$/);
    const extras = fc.dictionary(fc.string({ unit: "binary", maxLength: 8 }), fc.jsonValue({ maxDepth: 3 }));
    fc.assert(
      fc.property(extras, extras, spaces, fc.constantFrom(0, 1, 3), (inner, outer, space, indent) => {
        const text = JSON.stringify({ ...inner, ...config }, null, indent);
        const outerText = JSON.stringify({ ...outer, author: "é中😀", vendor: "v", product: "p" });
        const { config_otau: _, ...others } = JSON.parse(outerText) as Record<string, unknown>;
        const tagValue = `${space}{"config_otau"${space}:${space}${text}${space},${JSON.stringify(others).slice(1)}${space}`;
        for (const sent of [tagValue, encodeURIComponent(tagValue)]) {
          const reading = readOtauInfo(sent, rules);
          expect(reading).toMatchObject({ valid: true, configText: text });
          expect(reading.info).toEqual(JSON.parse(tagValue));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("a config_otau set on a device directly", () => {
  it("is kept as it is, spaces around it included", () => {
    const text = ` ${JSON.stringify(config)}\n`;
    expect(readConfigOtau(text, rules)).toEqual({ valid: true, configText: text, config });
  });

  it("is not percent-decoded", () => {
    expect(readConfigOtau(encodeURIComponent(JSON.stringify(config)), rules).valid).toBe(false);
  });

  it("has its problems named from its root", () => {
    expect(
      readConfigOtau('{"version":"1","version":"1","name":"n","type":"FILE","payload":1}', rules),
    ).toMatchObject({
      valid: false,
      problems: [{ path: "/version" }, { path: "/payload" }],
    });
    expect(readConfigOtau("[]", rules).valid).toBe(false);
    expect(readConfigOtau('{"version":"\ud800"}', rules).valid).toBe(false);
  });
});

describe("reading a package", () => {
  it("never throws, whatever the text", () => {
    const odd = fc.constantFrom(
      "%",
      "%7B",
      "%ff",
      "\ud800",
      "\udc00",
      "__proto__",
      '"',
      "{",
      "}",
      "[",
      "\\u",
      "//",
      "/*",
    );
    const texts = fc.oneof(
      fc.string({ unit: "binary", maxLength: 200 }),
      fc.array(odd, { maxLength: 50 }).map((parts) => parts.join("")),
      fc.json().map((text) => `{"config_otau":${text},"__proto__":${text}}`),
      fc
        .record({
          version: fc.anything(),
          type: fc.constantFrom("FILE", "JSON", "URL_LIST", "x"),
          payload: fc.jsonValue(),
        })
        .map(
          (value) =>
            `{"config_otau":${JSON.stringify(value, (_, item) => (typeof item === "bigint" ? 1 : item))}}`,
        ),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(typeof readOtauInfo(text, rules).valid).toBe("boolean");
        expect(typeof readConfigOtau(text, rules).valid).toBe("boolean");
      }),
      { numRuns: 2000 },
    );
  });

  it.each(["[", '{"a":', '"', "%", "%5B", "\\", "😀", "1,", "/*", '"\\u0000"'])(
    "ends with a mebibyte of %j",
    (part) => {
      const text = part.repeat(Math.floor(1_048_576 / part.length));
      expect(readOtauInfo(text, rules).valid).toBe(false);
      expect(readOtauInfo(`{"config_otau":{"payload":${text}`, rules).valid).toBe(false);
    },
  );
});
