import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeForm, parseForm } from "../../../modules/gateway/http/form.ts";

describe("a form body", () => {
  it("is split at the first equals sign", () => {
    expect(parseForm("a=1=2&b=")).toEqual([
      { name: "a", value: "1=2" },
      { name: "b", value: "" },
    ]);
  });

  it("has plus signs for spaces and UTF-8 in escapes", () => {
    expect(parseForm("a+b=x+y%2B%C3%BC")).toEqual([{ name: "a b", value: "x y+ü" }]);
  });

  it("keeps broken escapes as they stand", () => {
    expect(parseForm("a=50%&b=%zz%41%c3")).toEqual([
      { name: "a", value: "50%" },
      { name: "b", value: "%zzA\uFFFD" },
    ]);
  });

  it("takes plain JSON literally and to its end", () => {
    const raw = '{"version":"1.0+build","message":"a&b=c 100%25 \\"}\\" {"}';
    expect(parseForm(`otau_in=${raw}&x=1`)).toEqual([
      { name: "otau_in", value: raw },
      { name: "x", value: "1" },
    ]);
  });

  it("takes plain JSON without the line end some clients count in", () => {
    expect(parseForm('otau_in={"a":1}\r\n')).toEqual([{ name: "otau_in", value: '{"a":1}' }]);
  });

  it("decodes what only begins like JSON", () => {
    expect(parseForm("a={%22x%22:1}&b={oops&c=[1")).toEqual([
      { name: "a", value: '{"x":1}' },
      { name: "b", value: "{oops" },
      { name: "c", value: "[1" },
    ]);
  });

  it("gives the same pairs when it is encoded and read again", () => {
    const text = fc.string({ unit: "grapheme" });
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            text.filter((name) => name !== ""),
            text,
          ),
        ),
        (pairs) => {
          const read = parseForm(encodeForm(pairs));
          expect(read.map(({ name, value }) => [name, value])).toEqual(pairs);
        },
      ),
    );
  });
});
