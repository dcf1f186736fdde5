import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import { isSignedBy, startReceiver } from "../support/receiver.ts";

type Webhook = { readonly id: string; readonly secret: string; readonly url: string };
type Deliveries = {
  readonly items: readonly { readonly id: string; readonly state: string; readonly attempts: number }[];
};

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ testClock: true });
});
afterAll(() => app.close());

const base = "/products/default/webhooks";
const changed = { types: ["device.changed"] };

async function subscribe(url: string, more: object = changed): Promise<Webhook> {
  const made = await app.call<Webhook>("POST", base, { url, ...more });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body;
}
const touch = (identity: string) => app.call("PUT", `/products/default/devices/${identity}`, {});
const remove = ({ id }: Webhook) => app.call("DELETE", `${base}/${id}`);
const deliveries = async ({ id }: Webhook, state: string) =>
  (await app.call<Deliveries>("GET", `${base}/${id}/deliveries?state=${state}`)).body.items;
const clock = () => app.stores.clock as unknown as { advance: (ms: number) => Promise<void> };

describe("a webhook", () => {
  it("is told of an event, signed as Standard Webhooks say, with the line itself as body", async () => {
    await using receiver = await startReceiver();
    const hook = await subscribe(receiver.url);
    expect(hook.secret).toMatch(/^whsec_[A-Za-z0-9+/]+=*$/);
    await touch("signed-1");
    await expect.poll(() => receiver.calls.length).toBe(1);
    const [call] = receiver.calls;
    if (call === undefined) throw new Error("no call");
    expect(isSignedBy(hook.secret, call)).toBe(true);
    expect(isSignedBy(`whsec_${Buffer.alloc(32).toString("base64")}`, call)).toBe(false);
    expect(Math.abs(Date.now() / 1000 - Number(call.headers["webhook-timestamp"]))).toBeLessThan(60);
    expect(call.id).toBe(call.event["id"]);
    expect(call.event).toMatchObject({ type: "device.changed", identity: "signed-1", productId: "default" });
    const shown = await app.call<{ items: { id: string }[] }>(
      "GET",
      "/products/default/audit?identity=signed-1",
    );
    expect(shown.body.items).toEqual([call.event]);
    await expect
      .poll(async () => (await deliveries(hook, "delivered")).map(({ id }) => id))
      .toEqual([call.id]);
    await remove(hook);
  });

  it("never shows its secret again", async () => {
    const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
    const hook = await subscribe("http://127.0.0.1:1/", { ...changed, secret });
    expect(hook.secret).toBe(secret);
    for (const path of ["", `/${hook.id}`]) {
      const reply = await app.call("GET", `${base}${path}`);
      expect(JSON.stringify(reply.body)).toContain(hook.id);
      expect(JSON.stringify(reply.body)).not.toContain("whsec_");
    }
    await remove(hook);
  });

  it("repeats an event with the same id until it is taken, and keeps the order", async () => {
    let failing: string | undefined;
    await using receiver = await startReceiver((call, before) => {
      failing ??= call.id;
      return call.id === failing ? ([500, 301, 404][before] ?? 200) : 200;
    });
    const hook = await subscribe(receiver.url);
    for (const at of [1, 2, 3]) await touch(`order-${at}`);
    for (const [at, pauseMs] of [1100, 5500, 33_000].entries()) {
      await expect.poll(async () => (await deliveries(hook, "retrying"))[0]?.attempts).toBe(at + 1);
      expect(receiver.calls).toHaveLength(at + 1);
      await clock().advance(pauseMs);
    }
    await expect.poll(() => receiver.calls.length, { timeout: 5000 }).toBe(6);
    const [first] = receiver.calls;
    expect(receiver.calls.slice(0, 4).map(({ id }) => id)).toEqual(Array(4).fill(first?.id));
    expect(new Set(receiver.calls.map(({ event }) => event["identity"])).size).toBe(3);
    const numbers = receiver.calls.map(({ id }) => Number(id));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    await remove(hook);
  });

  it("is not held up by another that is slow", async () => {
    await using slow = await startReceiver(() => "never");
    await using quick = await startReceiver();
    const hooks = [await subscribe(slow.url), await subscribe(quick.url)];
    for (let at = 0; at < 20; at++) await touch(`quick-${at}`);
    await expect.poll(() => quick.calls.length, { timeout: 5000 }).toBe(20);
    expect(slow.calls).toHaveLength(1);
    await slow.close();
    for (const hook of hooks) await remove(hook);
  });

  it("gives an event up after a day, and sends it again when asked", async () => {
    await using receiver = await startReceiver(() => 503);
    const hook = await subscribe(receiver.url);
    await touch("dead-1");
    await expect.poll(async () => (await deliveries(hook, "retrying"))[0]?.attempts).toBe(1);
    expect(await deliveries(hook, "dead")).toEqual([]);
    for (const attempts of [2, 3]) {
      await clock().advance(attempts === 2 ? 60_000 : 86_400_000);
      await expect.poll(() => receiver.calls.length).toBe(attempts);
    }
    await expect.poll(async () => (await deliveries(hook, "dead")).length).toBe(1);
    const [dead] = await deliveries(hook, "dead");
    expect(dead).toMatchObject({ state: "dead", attempts: 3, statusCode: 503, type: "device.changed" });
    receiver.answerWith(() => 200);
    await touch("dead-2");
    await expect.poll(() => receiver.calls.length).toBe(4);
    const replayed = await app.call("POST", `${base}/${hook.id}/replay`);
    expect(replayed.body).toEqual({ replayed: 1 });
    await expect.poll(() => receiver.calls.length).toBe(5);
    expect(receiver.calls[4]?.id).toBe(dead?.id);
    await expect.poll(() => deliveries(hook, "dead")).toEqual([]);
    await remove(hook);
  });

  it("is told of its types and its deployment alone, from its making on", async () => {
    await using receiver = await startReceiver();
    await touch("before-1");
    const hooks = [
      await subscribe(receiver.url, { types: ["package.changed"] }),
      await subscribe(receiver.url, { types: ["device.changed"], deploymentId: "none" }),
    ];
    await touch("types-1");
    await app.call("PUT", "/products/default/content/package_types");
    await expect.poll(() => receiver.calls.length).toBe(1);
    expect(receiver.calls[0]?.event["type"]).toBe("package.changed");
    for (const hook of hooks) await remove(hook);
  });

  it("is told each event once by two processes that both work", async () => {
    await using other = await startApp({ on: app, testClock: true });
    await using receiver = await startReceiver();
    const hook = await subscribe(receiver.url);
    for (let at = 0; at < 40; at++)
      await (at % 2 ? app : other).call("PUT", `/products/default/devices/two-${at}`, {});
    await expect.poll(() => receiver.calls.length, { timeout: 8000 }).toBe(40);
    expect(new Set(receiver.calls.map(({ id }) => id)).size).toBe(40);
    await remove(hook);
  });

  it("is changed, keeps its precondition, and is gone when deleted", async () => {
    const hook = await subscribe("http://127.0.0.1:1/a");
    const path = `${base}/${hook.id}`;
    const stale = { headers: { "if-match": '"9"' } };
    expect((await app.call("PATCH", path, { types: null }, stale)).status).toBe(412);
    const patched = await app.call<{ url: string }>("PATCH", path, {
      types: null,
      url: "http://127.0.0.1:2/",
    });
    expect(patched.body).not.toHaveProperty("types");
    expect([patched.status, patched.body.url, patched.headers.get("etag")]).toEqual([
      200,
      "http://127.0.0.1:2/",
      '"2"',
    ]);
    expect((await remove(hook)).status).toBe(204);
    for (const method of ["GET", "DELETE"]) expect((await app.call(method, path)).status).toBe(404);
    expect((await app.call("POST", `${path}/replay`)).status).toBe(404);
  });

  it.each([
    [{ types: ["device.changed"] }, "/url"],
    [{ url: "ftp://x.example/", types: ["device.changed"] }, "/url"],
    [{ url: "https://me:secret@x.example/", types: ["device.changed"] }, "/url"],
    [{ url: "https://x.example/", types: [] }, "/types"],
    [{ url: "https://x.example/", types: ["all"] }, "/types/0"],
    [{ url: "https://x.example/", types: ["device.changed"], secret: "short" }, "/secret"],
    [{ url: "https://x.example/", types: ["device.changed"], filter: 1 }, "/filter"],
  ])("refuses %j", async (body, path) => {
    const reply = await app.call<{ errors: { path: string }[] }>("POST", base, body);
    expect(reply.status).toBe(400);
    expect(reply.body.errors.map((fault) => fault.path)).toContain(path);
  });

  it("is made by administrators alone, and shown to all who read", async () => {
    const operator = await app.call<{ token: string }>("POST", "/tokens", {
      name: "v",
      role: "operator",
      products: ["*"],
    });
    const body = { url: "http://127.0.0.1:1/", ...changed };
    expect((await app.call("POST", base, body, { token: operator.body.token })).status).toBe(403);
    expect((await app.call("GET", base, undefined, { token: operator.body.token })).status).toBe(200);
  });
});

describe("where private targets are not allowed", () => {
  it.each([
    "http://x.example/",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://10.1.2.3/",
    "https://localhost/",
    "https://[::ffff:10.0.0.1]/",
  ])("refuses %s", async (url) => {
    await using strict = await startApp({ env: { OTAU_ALLOW_PRIVATE_TARGETS: "false", OTAU_ROLES: "api" } });
    const reply = await strict.call<{ code: string }>("POST", base, { url, ...changed });
    expect([reply.status, reply.body.code]).toEqual([400, "INVALID_INPUT"]);
  });
});
