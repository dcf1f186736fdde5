import { describe, expect, it } from "vitest";
import { makeLoginThrottle } from "../modules/login-throttle.ts";

const outside = "203.0.113.7";
const wrong = async () => undefined;
const right = async () => "caller";

describe("wrong tokens", () => {
  it("are refused unseen after ten within a minute, a valid one too", async () => {
    const throttle = makeLoginThrottle();
    for (let attempt = 0; attempt < 10; attempt++) expect(await throttle(outside, wrong)).toBeUndefined();
    await expect(throttle(outside, right)).rejects.toMatchObject({ code: "RATE_LIMITED" });
  });

  it("of one peer do not shut out another", async () => {
    const throttle = makeLoginThrottle();
    for (let attempt = 0; attempt < 10; attempt++) await throttle(outside, wrong);
    expect(await throttle("203.0.113.8", right)).toBe("caller");
  });

  it("from this machine are not counted", async () => {
    const throttle = makeLoginThrottle();
    for (let attempt = 0; attempt < 50; attempt++) await throttle("::ffff:127.0.0.1", wrong);
    expect(await throttle("127.0.0.1", right)).toBe("caller");
  });
});
