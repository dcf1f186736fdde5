import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestClock } from "../../modules/adapters/redis/clock.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { apply, type Deployment, eventually, givenProduct, type Problem, report } from "./support.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ testClock: true });
});
afterAll(() => app.close());

const now = () => app.stores.devices.now();
const advance = (ms: number) => (app.stores.clock as TestClock).advance(ms);
const totals = async (below: string, id: string) =>
  (await app.call<Deployment>("GET", `${below}/deployments/${id}`)).body.totals;
const reach = (below: string, id: string, state: string, count: number) =>
  eventually(
    () => totals(below, id),
    (counts) => counts[state] === count,
  );
/** Rounds of the conductor pass, in which it could have written what it must not write. */
const rounds = () => new Promise((resolve) => setTimeout(resolve, 700));

/** A daily window that opens so long from now, by UTC. */
async function windowIn(ms: number, durationMs: number, timeZone: string | undefined = "UTC") {
  const opens = new Date((await now()) + ms);
  const [hour, minute, second] = [opens.getUTCHours(), opens.getUTCMinutes(), opens.getUTCSeconds()];
  const rrule = `FREQ=DAILY;BYHOUR=${hour};BYMINUTE=${minute};BYSECOND=${second}`;
  return { rrule, durationMs, ...(timeZone === "" ? {} : { timeZone }) };
}

describe("a deployment with windows", () => {
  it("writes in them alone, retries included", async () => {
    const below = await givenProduct(app, "windows", ["d1", "d2"]);
    const windows = [await windowIn(2 * hourMs, 10 * minuteMs)];
    const retry = { on: ["INSTALL_ERROR"], delayMs: 20 * minuteMs, jitter: 0 };
    const { id } = await apply(app, below, ["d1", "d2"], { retry, rollout: { windows } });
    await rounds();
    expect(await totals(below, id)).toMatchObject({ waiting: 2 });
    const why = await app.call<{ code: string; until: string }>("GET", `${below}/devices/d1/why`);
    expect(why.body.code).toBe("WINDOW");
    expect(Math.abs(Date.parse(why.body.until) - (await now()) - 2 * hourMs)).toBeLessThan(minuteMs);
    await advance(2 * hourMs);
    await reach(below, id, "sent", 2);
    await report(app, below, "d1", { version: "1.0.1", status: "INSTALL_ERROR" });
    await advance(hourMs);
    await rounds();
    expect(await totals(below, id)).toMatchObject({ sent: 1, retrying: 1 });
    await advance(23 * hourMs);
    await reach(below, id, "sent", 2);
  });

  it("goes by the device's own time zone where the window names none", async () => {
    const below = await givenProduct(app, "zones");
    const devices = [
      { identity: "utc", tags: { timeZone: "UTC" } },
      { identity: "none" },
      { identity: "unknown", tags: { timeZone: "Europe/Atlantis" } },
      { identity: "east", tags: { timeZone: "Etc/GMT-2" } },
    ];
    await app.call("POST", `${below}/devices`, devices);
    const windows = [await windowIn(4 * hourMs, 10 * minuteMs, "")];
    const identities = devices.map(({ identity }) => identity);
    const { id } = await apply(app, below, identities, { rollout: { windows } });
    await advance(2 * hourMs);
    await reach(below, id, "sent", 1);
    const east = await app.call<{ state: string }>("GET", `${below}/devices/east/update`);
    expect(east.body.state).toBe("sent");
    await advance(2 * hourMs);
    await reach(below, id, "sent", 4);
  });

  it("makes up after an outage for the window that it swallowed", async () => {
    const below = await givenProduct(app, "made-up", ["d1"]);
    const windows = [await windowIn(2 * hourMs, 10 * minuteMs)];
    const { id } = await apply(app, below, ["d1"], { rollout: { windows } });
    await advance(3 * hourMs);
    await rounds();
    expect(await totals(below, id)).toMatchObject({ waiting: 1 });
    const to = await now();
    await app.stores.outages.record({ from: to - 2 * hourMs, to });
    await advance(10_000);
    await reach(below, id, "sent", 1);
  });

  it("foresees how long it takes", async () => {
    const below = await givenProduct(app, "foresee", ["d1", "d2", "d3"]);
    const windows = [await windowIn(2 * hourMs, 2 * minuteMs)];
    const options = { dryRun: true, rollout: { windows, ratePerMinute: 1 } };
    const path = `${below}/packages/package_a.json/apply`;
    const body = { devices: ["d1", "d2", "d3"], options };
    const reply = await app.call<{ forecastMs: number }>("POST", path, body);
    // Two minutes of the first window, one of the next day's; the rule knows whole seconds.
    const expected = 26 * hourMs + minuteMs;
    expect(Math.abs(reply.body.forecastMs - expected)).toBeLessThan(2000);
  });

  it.each([
    [{ rrule: "FREQ=SECONDLY", durationMs: minuteMs }, "rrule"],
    [{ rrule: "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", durationMs: minuteMs }, "rrule"],
    [{ rrule: "FREQ=DAILY", durationMs: minuteMs, timeZone: "Mars/Olympus" }, "timeZone"],
    [{ rrule: "FREQ=DAILY", durationMs: 0 }, "durationMs"],
    [{ rrule: "FREQ=DAILY" }, "durationMs"],
  ])("is refused with %j", async (window, field) => {
    const below = await givenProduct(app, "refused", ["d1"]);
    const reply = await app.call<Problem>("POST", `${below}/packages/package_a.json/apply`, {
      devices: ["d1"],
      options: { rollout: { windows: [window] } },
    });
    expect([reply.status, reply.body.errors?.[0]?.path]).toEqual([
      400,
      `/options/rollout/windows/0/${field}`,
    ]);
  });
});
