import { describe, expect, it } from "vitest";
import { readOtauInfo } from "../../modules/otau/package.ts";
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

describe("a payload", () => {
  const linkPaths = (payload: unknown, given = rules) => pathsOf(infoOf({ payload }), given);

  it.each([
    "https://example.com/fw.bin",
    "HTTPS://Example.com",
    "https://user:secret@example.com:8443/a%20b?c=d#e",
    "https://[2001:db8::1]/x",
    "https://bücher.example/ü",
    "otau+content:files/fw-1.0.1.bin",
  ])("of type FILE may be %s", (payload) => {
    expect(linkPaths(payload)).toEqual([]);
  });

  it.each([
    "",
    "fw.bin",
    "//example.com/fw.bin",
    "https:",
    "https://",
    "https:example.com",
    "https:///example.com",
    "https://?x",
    "https://exa mple.com",
    " https://example.com",
    "https://example.com\n",
    "https://example.com/\u0000",
    "https://example.com\\@other.example",
    "https://[::1",
    "https://example.com:99999/",
    "ftp://example.com/fw.bin",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "http://example.com/fw.bin",
    "https://example.com/\ud800",
    "otau+content:",
    "otau+content:../secret",
    "otau+content:a//b",
    "OTAU+CONTENT:a",
    5,
    null,
    {},
    ["https://example.com/fw.bin"],
  ])("of type FILE must not be %j", (payload) => {
    expect(linkPaths(payload)).toEqual(["/config_otau/payload"]);
  });

  it("may be a plain http: link where that is allowed, and says how to allow it where not", () => {
    expect(linkPaths("http://example.com/x", { ...rules, allowHttpPayload: true })).toEqual([]);
    expect(problemsOf(infoOf({ payload: "http://example.com/x" }))["/config_otau/payload"]).toContain(
      "OTAU_ALLOW_HTTP_PAYLOAD=true",
    );
  });

  it("of type JSON is an object", () => {
    const paths = (payload: unknown) => pathsOf(infoOf({ type: "JSON", payload }));
    expect(paths({})).toEqual([]);
    for (const payload of [null, [], "{}", 1, true]) expect(paths(payload)).toEqual(["/config_otau/payload"]);
  });

  it("of type URL_LIST is an array of 1 to 1000 links, each judged", () => {
    const paths = (payload: unknown) => pathsOf(infoOf({ type: "URL_LIST", payload }));
    expect(paths(Array(1000).fill("https://example.com/a"))).toEqual([]);
    expect(paths(["otau+content:a", "https://example.com"])).toEqual([]);
    expect(paths([])).toEqual(["/config_otau/payload"]);
    expect(paths(Array(1001).fill("https://example.com/a"))).toEqual(["/config_otau/payload"]);
    expect(paths("https://example.com")).toEqual(["/config_otau/payload"]);
    expect(paths(["https://example.com", "no", 1])).toEqual([
      "/config_otau/payload/1",
      "/config_otau/payload/2",
    ]);
  });

  it("of an unknown type is refused by naming the known ones", () => {
    expect(problemsOf(infoOf({ type: "file" }), { ...rules, extraTypes: ["TARBALL"] })).toEqual({
      "/config_otau/type": 'type "file" is not known; known types are FILE, JSON, URL_LIST, TARBALL',
    });
    expect(pathsOf(infoOf({ type: "__proto__" }))).toEqual(["/config_otau/type"]);
    expect(pathsOf(infoOf({ type: "" }))).toEqual(["/config_otau/type"]);
  });

  it("of a type that settings admit may be any JSON value, but must be there", () => {
    const given = { ...rules, extraTypes: ["TARBALL"] };
    for (const payload of [null, 0, "", [], {}, false]) {
      expect(pathsOf(infoOf({ type: "TARBALL", payload }), given)).toEqual([]);
    }
    expect(pathsOf(infoOf({ type: "TARBALL", payload: undefined }), given)).toEqual(["/config_otau/payload"]);
  });
});
