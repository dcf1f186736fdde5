import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestClock } from "../../modules/adapters/redis/clock.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { apply, eventually, givenProduct, infoOf, type Problem, report, updateIn } from "./support.ts";

type Why = {
  readonly code: string;
  readonly text: string;
  readonly since: string;
  readonly until?: string;
  readonly deploymentId?: string;
  readonly details: Readonly<Record<string, unknown>>;
};

const minute = 60_000;

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ testClock: true });
});
afterAll(() => app.close());

const ask = async (below: string, identity = "gw-1") =>
  (await app.call<Why>("GET", `${below}/devices/${identity}/why`)).body;
/** Asks until it is the wanted code: workers have their hand in many of them. */
const askUntil = (below: string, code: string, identity = "gw-1") =>
  eventually(
    () => ask(below, identity),
    (why) => why.code === code,
  );
const says = (status: string, more: object = {}) => ({ version: "1.0.1", status, ...more });
const advance = (byMs: number) => (app.stores.clock as TestClock).advance(byMs);
const now = async () => (await app.stores.devices.now()) as number;

async function givenSent(id: string, options: object = {}) {
  const below = await givenProduct(app, id, ["gw-1"]);
  const deployment = await apply(app, below, ["gw-1"], options);
  await updateIn(app, below, "gw-1", "sent");
  return { below, deployment };
}

describe("devices.why", () => {
  it("says of a live update whether the device was reached, works, is silent or means another version", async () => {
    const { below, deployment } = await givenSent("live");
    const offline = await ask(below);
    expect(offline).toMatchObject({
      code: "OFFLINE",
      deploymentId: deployment.id,
      details: { version: "1.0.1", packageId: "package_a.json", online: false, attempt: 1 },
    });
    expect(Date.parse(offline.until ?? "") - Date.parse(offline.since)).toBe(604_800_000);
    await app.call("POST", `${below}/events`, {
      type: "data_in",
      identity: "gw-1",
      payload: [{ values: { temperature: 20 } }],
    });
    await report(app, below, "gw-1", { version: "1.0.0", status: "INSTALLED_VERSION" });
    const other = await ask(below);
    expect(other).toMatchObject({ code: "VERSION_MISMATCH", details: { reportedVersion: "1.0.0" } });
    expect(other.text).toMatch(/1\.0\.1.*1\.0\.0/);
    await advance(minute);
    await report(app, below, "gw-1", { version: "1.0.0", status: "INSTALLED_VERSION" });
    expect((await ask(below)).since).toBe(other.since);
    await report(app, below, "gw-1", says("DOWNLOAD_STEP", { message: "30 %" }));
    const busy = await ask(below);
    expect(busy).toMatchObject({ code: "IN_PROGRESS", details: { online: true, message: "30 %" } });
    await advance(2 * minute);
    const silent = await ask(below);
    expect(silent).toMatchObject({ code: "SILENT", until: busy.until, details: { online: false } });
    expect(silent.text).toContain("(2 min");
  });

  it("says that a device took the value and has not acknowledged it", async () => {
    const { below } = await givenSent("taken");
    const token = await app.call<{ token: string }>("POST", `${below}/devices/gw-1/token`);
    const read = await fetch(`${app.deviceUrl}/onep:v1/stack/alias?config_otau`, {
      headers: { "X-Exosite-CIK": token.body.token },
    });
    expect(read.status).toBe(200);
    const why = await ask(below);
    expect(why).toMatchObject({ code: "NOT_ACKNOWLEDGED", details: { delivered: true, online: true } });
    expect(why.since).toBe(why.details["deliveredAt"]);
  });

  it("says how a deployment holds its updates back, and since when", async () => {
    const below = await givenProduct(app, "held", ["gw-1"]);
    const startAt = new Date((await now()) + 60 * minute).toISOString();
    const { id } = await apply(app, below, ["gw-1"], { startAt });
    expect(await ask(below)).toMatchObject({ code: "SCHEDULED", until: startAt, deploymentId: id });
    await advance(minute);
    await app.call("POST", `${below}/deployments/${id}/pause`);
    const paused = await ask(below);
    expect(paused.code).toBe("PAUSED");
    expect((await now()) - Date.parse(paused.since)).toBeLessThan(minute);
    await app.call("POST", `${below}/packages/package_a.json/withdraw`, { reason: "bricks", stop: false });
    expect(await ask(below)).toMatchObject({
      code: "WITHDRAWN",
      details: { withdrawnReason: "bricks" },
      text: expect.stringContaining("bricks"),
    });
    await app.call("POST", `${below}/packages/package_a.json/withdraw`, { reason: "bricks", stop: true });
    expect((await askUntil(below, "CANCELED")).text).toContain("package was withdrawn");
  });

  it("says that slots and rate are used up, with their figures", async () => {
    const below = await givenProduct(app, "limits", ["gw-1", "gw-2", "gw-3"]);
    const slots = await apply(app, below, ["gw-1", "gw-2"], { rollout: { maxConcurrent: 1 } });
    const isSlot = ({ code }: Why) => code === "SLOT";
    const both = await eventually(
      () => Promise.all([ask(below, "gw-1"), ask(below, "gw-2")]),
      (answers) => answers.some(isSlot) && answers.some(({ code }) => code === "OFFLINE"),
    );
    expect(both.find(isSlot)).toMatchObject({ details: { slots: { held: 1, max: 1 } } });
    await app.call("POST", `${below}/deployments/${slots.id}/cancel`);
    const rate = await apply(app, below, ["gw-1", "gw-2", "gw-3"], { rollout: { ratePerMinute: 1 } });
    const isRate = ({ code, deploymentId }: Why) => code === "RATE" && deploymentId === rate.id;
    const all = await eventually(
      () => Promise.all(["gw-1", "gw-2", "gw-3"].map((each) => ask(below, each))),
      (answers) => answers.filter(isRate).length < 3 && answers.some(isRate),
    );
    const held = all.find(isRate);
    expect(held?.details).toMatchObject({ ratePerMinute: 1 });
    expect(Date.parse(held?.until ?? "")).toBeGreaterThan(await now());
  });

  it("says which wave a device is in, that the next wants an approval, and that the gate tripped", async () => {
    const identities = ["gw-1", "gw-2", "gw-3", "gw-4"];
    const below = await givenProduct(app, "waves", identities);
    const gate = { minFinished: 2, maxFailedPercent: 50 };
    const rollout = { waves: [{ count: 2 }, { count: 1 }, { count: 1 }], approval: "wave", gate };
    const { id } = await apply(app, below, identities, { rollout });
    const isIn = (own: number) => (why: Why) =>
      why.code === "WAVE" && (why.details["wave"] as { own?: number }).own === own;
    const answers = await eventually(
      () => Promise.all(identities.map((each) => ask(below, each))),
      (all) => all.filter(({ code }) => code === "OFFLINE").length === 2,
    );
    const [first = "", second = ""] = identities.filter((_, at) => answers[at]?.code === "OFFLINE");
    const next = identities[answers.findIndex(isIn(2))] ?? "";
    const last = identities[answers.findIndex(isIn(3))] ?? "";
    expect(await ask(below, last)).toMatchObject({
      code: "WAVE",
      details: { wave: { own: 3, open: 1, of: 3, finals: 0, size: 2, advancePercent: 100 } },
    });
    await report(app, below, first, says("INSTALLED_VERSION"));
    expect((await ask(below, next)).text).toContain("1 of 2 updates final");
    await app.call("POST", `${below}/devices/${second}/cancel`);
    const approval = await askUntil(below, "APPROVAL", next);
    expect(approval).toMatchObject({ deploymentId: id, details: { wave: { finals: 2 } } });
    await app.call("POST", `${below}/deployments/${id}/advance`);
    await askUntil(below, "OFFLINE", next);
    await report(app, below, next, says("INSTALL_ERROR"));
    const halted = await askUntil(below, "HALTED", last);
    expect(halted.text).toContain("1 of 2 finished updates failed (50 %, with 50 % as its limit)");
  });

  it("says when a window opens, and how long a device rests", async () => {
    const below = await givenProduct(app, "calm", ["gw-1", "gw-2"]);
    const month = (new Date(await now()).getUTCMonth() + 6) % 12;
    const rrule = `FREQ=YEARLY;BYMONTH=${month + 1};BYMONTHDAY=3;BYHOUR=2;BYMINUTE=0;BYSECOND=0`;
    const windows = [{ rrule, durationMs: 2 * 60 * minute, timeZone: "UTC" }];
    await apply(app, below, ["gw-2"], { rollout: { windows } });
    const closed = await askUntil(below, "WINDOW", "gw-2");
    expect(closed.until).toMatch(/-03T02:00:00\.000Z$/);
    expect(Date.parse(closed.until ?? "")).toBeGreaterThan(await now());

    const rest = { failures: 1, withinMs: 60 * minute, forMs: 30 * minute };
    await app.call("PUT", below, { rest });
    await apply(app, below, ["gw-1"]);
    await updateIn(app, below, "gw-1", "sent");
    await report(app, below, "gw-1", says("INSTALL_ERROR"));
    await apply(app, below, ["gw-1"]);
    const resting = await askUntil(below, "RESTING");
    expect(Date.parse(resting.until ?? "") - Date.parse(resting.since)).toBe(30 * minute);
    expect(resting.details).toMatchObject({ failures: 1, withinMs: 60 * minute });
  });

  it("says what an update is queued behind", async () => {
    const { below, deployment } = await givenSent("queue");
    await app.call("PUT", `${below}/packages/package_b.json`, { otau_info: infoOf("2") });
    await apply(app, below, ["gw-1"], { onActive: "queue" }, "package_b.json");
    const why = await askUntil(below, "QUEUED");
    expect(why).toMatchObject({ details: { behind: { deploymentId: deployment.id, state: "sent" } } });
  });

  it("says when a failed attempt is tried again", async () => {
    const { below, deployment } = await givenSent("again", { retry: { jitter: 0, delayMs: minute } });
    await report(app, below, "gw-1", says("DOWNLOAD_ERROR", { message: "disk full" }));
    const why = await ask(below);
    expect(why).toMatchObject({ code: "RETRY_AT", details: { reason: "DOWNLOAD_ERROR" } });
    expect(Date.parse(why.until ?? "") - Date.parse(why.since)).toBe(minute);
    expect(why.text).toContain("disk full");
    await app.call("POST", `${below}/deployments/${deployment.id}/pause`);
    expect((await ask(below)).code).toBe("PAUSED");
  });

  it("says how the last update ended", async () => {
    const { below } = await givenSent("ends", {
      timeouts: { acknowledgeMs: minute },
      retry: { maxAttempts: 1 },
    });
    await advance(minute);
    const late = await askUntil(below, "TIMED_OUT");
    expect(late).toMatchObject({ details: { reason: "ACKNOWLEDGE_TIMEOUT" } });

    await apply(app, below, ["gw-1"]);
    await updateIn(app, below, "gw-1", "sent");
    await report(app, below, "gw-1", says("INSTALL_ERROR", { message: "bad signature" }));
    expect(await ask(below)).toMatchObject({ code: "FAILED", details: { message: "bad signature" } });

    await apply(app, below, ["gw-1"]);
    await updateIn(app, below, "gw-1", "sent");
    await report(app, below, "gw-1", says("INSTALL_ABORTED"));
    expect((await ask(below)).code).toBe("ABORTED");

    await apply(app, below, ["gw-1"]);
    await updateIn(app, below, "gw-1", "sent");
    await app.call("POST", `${below}/devices/gw-1/cancel`);
    expect((await ask(below)).code).toBe("CANCELED");

    const expiresAt = new Date((await now()) + minute).toISOString();
    await apply(app, below, ["gw-1"], { expiresAt });
    await updateIn(app, below, "gw-1", "sent");
    await advance(minute);
    expect((await askUntil(below, "EXPIRED")).since).toBe(expiresAt);
  });

  it("says that all is well, or was, and that nothing was ever applied", async () => {
    const { below } = await givenSent("well");
    await report(app, below, "gw-1", says("INSTALLED_VERSION"));
    expect(await ask(below)).toMatchObject({ code: "UP_TO_DATE", details: { installedVersion: "1.0.1" } });
    await apply(app, below, ["gw-1"]);
    await askUntil(below, "ALREADY_INSTALLED");
    await advance(minute);
    await report(app, below, "gw-1", { version: "1.0.0", status: "INSTALLED_VERSION" });
    const drifted = await ask(below);
    expect(drifted).toMatchObject({ code: "DRIFTED", details: { confirmedVersion: "1.0.1" } });
    await advance(minute);
    await report(app, below, "gw-1", { version: "1.0.0", status: "INSTALLED_VERSION" });
    expect((await ask(below)).since).toBe(drifted.since);

    await app.call("POST", `${below}/devices`, [{ identity: "gw-2" }]);
    const never = await ask(below, "gw-2");
    expect(never).toMatchObject({ code: "NO_DEPLOYMENT", details: {} });
    expect(never.deploymentId).toBeUndefined();
  });

  it("answers 404 for a device that does not exist", async () => {
    const reply = await app.call<Problem>("GET", "/products/default/devices/nobody/why");
    expect([reply.status, reply.body.code]).toEqual([404, "NOT_FOUND"]);
  });
});
