import { describe, expect, it } from "vitest";
import { OtauError } from "../../modules/errors.ts";
import { makeAnswering, type Service } from "../../modules/platform/service-result.ts";
import { failureOf } from "./support.ts";

const lines: string[] = [];
const log = { error: (_fields: unknown, message: string) => void lines.push(message) } as never;
const failing = (service: Service, error: unknown) =>
  makeAnswering(service, log)("any", async (): Promise<object> => {
    throw error;
  });

describe("a service call", () => {
  it("answers what it was asked, unchanged", async () => {
    const answer = { some: "thing" };
    expect(await makeAnswering("Device2", log)("any", async () => answer)).toBe(answer);
  });

  it("says that the service failed while the store is away", async () => {
    const away = new OtauError("STORE_UNAVAILABLE", "The store does not answer.");
    expect(failureOf(await failing("Device2", away))).toEqual({
      status: 503,
      type: "ServerError",
      said: { code: 503, reason: "STORE_UNAVAILABLE", message: "The store does not answer." },
    });
  });

  it("tells nobody but the log what a fault of ours was", async () => {
    const failure = failureOf(await failing("Keystore", new TypeError("secret of the inside")));
    expect(failure).toMatchObject({ status: 500, type: "ServerError", said: { code: 500 } });
    expect(JSON.stringify(failure)).not.toContain("secret");
    expect(lines).toEqual(["service call failed"]);
  });

  it("words its errors as Content where it is Content", async () => {
    const missing = new OtauError("NOT_FOUND", "There is no item.");
    expect(failureOf(await failing("Content", missing)).said).toEqual({
      type: "NOT_FOUND",
      message: "There is no item.",
    });
  });
});
