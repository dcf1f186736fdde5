import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestClock } from "../../modules/adapters/redis/clock.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { apply, type Deployment, eventually, givenProduct, report } from "./support.ts";

type Detail = Deployment & {
  readonly forecast?: { readonly pacePerMinute: number; readonly finishAt?: string };
  readonly slowest: readonly { readonly identity: string; readonly state: string; readonly sentAt: string }[];
  readonly failing: readonly object[];
};

const minute = 60_000;

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ testClock: true });
});
afterAll(() => app.close());

const detailOf = async (below: string, id: string) =>
  (await app.call<Detail>("GET", `${below}/deployments/${id}`)).body;

describe("deployments.get", () => {
  it("shows pace and forecast, the slowest devices, and failures by reason and message", async () => {
    const identities = Array.from({ length: 16 }, (_, at) => `gw-${10 + at}`);
    const below = await givenProduct(app, "insight", identities);
    const { id } = await apply(app, below, identities);
    const begun = await eventually(
      () => detailOf(below, id),
      ({ totals }) => totals["sent"] === 16,
    );
    expect(begun.failing).toEqual([]);
    expect(begun.slowest).toHaveLength(10);
    await (app.stores.clock as TestClock).advance(minute);
    const say = (identity: string, status: string, message?: string) =>
      report(app, below, identity, { version: "1.0.1", status, ...(message ? { message } : {}) });
    await say("gw-10", "INSTALL_ERROR", "bad signature");
    await say("gw-11", "INSTALL_ERROR", "bad signature");
    await say("gw-12", "INSTALL_ERROR", "no space");
    await say("gw-13", "INSTALLED_VERSION");
    const shown = await eventually(
      () => detailOf(below, id),
      ({ forecast }) => (forecast?.pacePerMinute ?? 0) > 0,
    );
    expect(shown.failing).toEqual([
      {
        reason: "INSTALL_ERROR",
        message: "bad signature",
        count: 2,
        identities: ["gw-10", "gw-11"],
      },
      { reason: "INSTALL_ERROR", message: "no space", count: 1, identities: ["gw-12"] },
    ]);
    expect(shown).not.toHaveProperty("failingSample");
    const slow = shown.slowest.map(({ identity }) => identity);
    expect(slow).toHaveLength(10);
    for (const gone of ["gw-10", "gw-11", "gw-12", "gw-13"]) expect(slow).not.toContain(gone);
    expect(shown.slowest.map(({ sentAt }) => sentAt)).toEqual(
      shown.slowest.map(({ sentAt }) => sentAt).toSorted(),
    );
    // 4 of 16 in a little over a minute: three times as long for the rest.
    const now = await app.stores.devices.now();
    expect(shown.forecast?.pacePerMinute).toBeGreaterThan(3);
    expect(shown.forecast?.pacePerMinute).toBeLessThanOrEqual(4);
    const leftMs = Date.parse(shown.forecast?.finishAt ?? "") - now;
    expect(leftMs / minute).toBeCloseTo(12 / (shown.forecast?.pacePerMinute ?? 0), 1);
  });

  it("foresees nothing of what is paused or over", async () => {
    const below = await givenProduct(app, "over", ["gw-1"]);
    const { id } = await apply(app, below, ["gw-1"]);
    await app.call("POST", `${below}/deployments/${id}/pause`);
    await (app.stores.clock as TestClock).advance(minute);
    expect(await detailOf(below, id)).not.toHaveProperty("forecast");
    await app.call("POST", `${below}/deployments/${id}/cancel`);
    const over = await eventually(
      () => detailOf(below, id),
      ({ totals }) => totals["canceled"] === 1,
    );
    expect([over.slowest, over.failing]).toEqual([[], []]);
  });
});
