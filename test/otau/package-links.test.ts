import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { listContentLinks, substituteContentLinks } from "../../modules/otau/package-links.ts";

const link = (id: string) => `https://host/${id}?sig="x"`;

describe("content links", () => {
  it("are replaced in a FILE payload, everything else byte for byte", () => {
    const text =
      '{ "n":1.0, "name":"otau+content:a", "type":"FILE","payload" : "otau+content:fw/a.bin" ,"x":["otau+content:b"]}';
    expect(listContentLinks(text)).toEqual(["fw/a.bin"]);
    expect(substituteContentLinks(text, link)).toBe(
      '{ "n":1.0, "name":"otau+content:a", "type":"FILE","payload" : "https://host/fw/a.bin?sig=\\"x\\"" ,"x":["otau+content:b"]}',
    );
  });

  it("are replaced in a URL_LIST payload, each in its place", () => {
    const text =
      '{"payload":["otau+content:a","https://h/otau+content:b", "otau+content\\u003ac" ],"type":"URL_LIST"}';
    expect(listContentLinks(text)).toEqual(["a", "c"]);
    expect(substituteContentLinks(text, (id) => id.toUpperCase())).toBe(
      '{"payload":["A","https://h/otau+content:b", "C" ],"type":"URL_LIST"}',
    );
  });

  it.each([
    '{"type":"JSON","payload":{"u":"otau+content:a"}}',
    '{"type":"TARBALL","payload":"otau+content:a"}',
    '{"type":"FILE","payload":"https://h/a\\\\"}',
    '{"type":"URL_LIST","payload":[["otau+content:a"]]}',
    '{"type":"FILE","payload":"https://h","x":{"payload":"otau+content:a"}}',
  ])("are left alone in %s", (text) => {
    expect(substituteContentLinks(text, link)).toBe(text);
  });

  it("change nothing but themselves", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue()), (extras) => {
        const of = (payload: string) => JSON.stringify({ ...extras, type: "FILE", payload }, null, 1);
        expect(substituteContentLinks(of("otau+content:a"), link)).toBe(of(link("a")));
      }),
    );
  });
});
