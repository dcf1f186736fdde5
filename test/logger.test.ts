import { describe, expect, it } from "vitest";
import { makeLogger } from "../modules/logger.ts";

const logged = (fields: Record<string, unknown>): string => {
  const lines: string[] = [];
  makeLogger({ level: "info", target: { write: (line) => lines.push(line) } }).info(
    fields,
    "a constant message",
  );
  return lines.join("");
};

describe("makeLogger", () => {
  it("hides tokens, authorization and cookies, one level down too", () => {
    const line = logged({
      token: "s3cret-1",
      device: { token: "s3cret-2" },
      req: { headers: { authorization: "s3cret-3", cookie: "s3cret-4", "x-exosite-cik": "s3cret-5" } },
      headers: { authorization: "s3cret-6" },
    });
    expect(line).not.toContain("s3cret");
    expect(line).toContain("[hidden]");
  });

  it("cuts the query off addresses, which may be signed", () => {
    const line = logged({ payload: "https://cdn.example/fw.bin?X-Sig=s3cret", url: "http://a/b?c=s3cret" });
    expect(line).not.toContain("s3cret");
    expect(line).toContain("https://cdn.example/fw.bin?");
  });

  it("writes one JSON line with time, level and message", () => {
    expect(JSON.parse(logged({ deviceId: "gw-1" }))).toMatchObject({
      level: "info",
      deviceId: "gw-1",
      msg: "a constant message",
      time: expect.stringMatching(/^\d{4}-.*Z$/),
    });
  });
});
