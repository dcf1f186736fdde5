import { describe, expect, it } from "vitest";
import { apply, eventually, givenProduct, readAll } from "../endpoints/support.ts";
import { startApp, type TestApp } from "../support/app.ts";

type Seen = { readonly totals: Readonly<Record<string, number>> };

const totalsOf = async (app: TestApp, below: string, id: string) =>
  (await app.call<Seen>("GET", `${below}/deployments/${id}`)).body.totals;

describe("thousands that fail at once", () => {
  it("are tried again at the rate and no faster", async () => {
    await using app = await startApp();
    const fleet = Array.from({ length: 5000 }, (_, at) => `d${at}`);
    const below = await givenProduct(app, "burst", fleet);
    const retry = { on: ["INSTALL_ERROR"], delayMs: 0, jitter: 0, maxAttempts: 2 };
    const { id } = await apply(app, below, fleet, { retry });
    await eventually(
      () => totalsOf(app, below, id),
      ({ sent }) => sent === 5000,
    );
    const ratePerMinute = 60_000;
    await app.call("PATCH", `${below}/deployments/${id}`, { rollout: { ratePerMinute } });
    const otau_in = JSON.stringify({ version: "1.0.1", status: "INSTALL_ERROR" });
    for (let at = 0; at < 5000; at += 1000) {
      const events = fleet
        .slice(at, at + 1000)
        .map((identity) => ({ type: "data_in", identity, payload: [{ values: { otau_in } }] }));
      await app.call("POST", `${below}/events`, events);
    }
    await eventually(
      () => totalsOf(app, below, id),
      ({ sent }) => sent === 5000,
    );
    const updates = await readAll<{ attempt: number; sentAt: string }>(
      app,
      `${below}/deployments/${id}/updates`,
      500,
    );
    expect(updates.every(({ attempt }) => attempt === 2)).toBe(true);
    const sentAt = updates.map((update) => Date.parse(update.sentAt)).toSorted((a, b) => a - b);
    for (const [at, time] of sentAt.entries()) {
      const inSecond = sentAt.findIndex((other) => other > time + 999);
      expect((inSecond < 0 ? sentAt.length : inSecond) - at).toBeLessThanOrEqual(1001);
    }
  });
});
