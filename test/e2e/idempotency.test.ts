import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import { openRaceTrack, type RaceTrack } from "../support/race-track.ts";

const patience = { timeout: 10_000, interval: 20 };

let track: RaceTrack;
let first: TestApp;
let second: TestApp;

beforeAll(async () => {
  track = await openRaceTrack();
  first = track.first;
  second = track.second;
});
afterAll(() => track.close());

describe("an apply with an idempotency key", () => {
  const path = `/products/default/packages/package_1.0.1/apply`;
  type Applied = { readonly deployment: { readonly id: string } };
  const send = (app: TestApp, key: string, devices: readonly string[], to = path) =>
    app.call<Applied & { readonly code?: string }>(
      "POST",
      to,
      { devices },
      { headers: { "idempotency-key": key } },
    );
  const countOf = async (identity: string) => (await track.updatesOf(identity)).length;

  it("is accepted once, and answered with the same deployment whenever it is sent again", async () => {
    await track.addDevices(["key-1"]);
    const replies = [
      await send(first, "repeated", ["key-1"]),
      await send(first, "repeated", ["key-1"]),
      await send(second, "repeated", ["key-1"]),
    ];
    expect(replies.map(({ status }) => status)).toEqual([202, 202, 202]);
    expect(new Set(replies.map(({ body }) => body.deployment.id)).size).toBe(1);
    expect(await countOf("key-1")).toBe(1);
  });

  it("is refused with another body, and taken again for another package", async () => {
    await track.addDevices(["key-2", "key-3"]);
    const taken = await send(first, "changed", ["key-2"]);
    const changed = await send(second, "changed", ["key-2", "key-3"]);
    expect([changed.status, changed.body.code]).toEqual([422, "IDEMPOTENCY_KEY_REUSED"]);
    const elsewhere = await send(
      first,
      "changed",
      ["key-2"],
      `/products/default/packages/package_1.0.2/apply`,
    );
    expect(elsewhere.status).toBe(202);
    expect(elsewhere.body.deployment.id).not.toBe(taken.body.deployment.id);
    expect(await countOf("key-3")).toBe(0);
  });

  it("makes one deployment though twenty clients send it at once", async () => {
    await track.addDevices(["key-4"]);
    const sent = Array.from({ length: 20 }, (_, index) =>
      send(index % 2 ? first : second, "concurrent", ["key-4"]),
    );
    const replies = await Promise.all(sent);
    for (const { status, body } of replies) {
      if (status !== 202) expect([status, body.code]).toEqual([409, "IDEMPOTENCY_IN_PROGRESS"]);
    }
    const ids = replies.filter(({ status }) => status === 202).map(({ body }) => body.deployment.id);
    expect(new Set(ids).size).toBe(1);
    expect(await countOf("key-4")).toBe(1);
    const after = await send(first, "concurrent", ["key-4"]);
    expect([after.status, after.body.deployment.id]).toEqual([202, ids[0]]);
  });

  it("is remembered over a restart", async () => {
    await track.addDevices(["key-5"]);
    const before = await startApp({ on: first });
    const taken = await send(before, "restarted", ["key-5"]);
    await before.close();
    const after = await startApp({ on: first });
    const again = await send(after, "restarted", ["key-5"]);
    const changed = await send(after, "restarted", ["key-4"]);
    await after.close();
    expect([again.status, again.body.deployment.id]).toEqual([202, taken.body.deployment.id]);
    expect(changed.status).toBe(422);
    expect(await countOf("key-5")).toBe(1);
  });

  it("keeps no refusal: what was refused may be mended and sent again", async () => {
    const refused = await send(first, "mended", ["key-6"]);
    expect([refused.status, refused.body.code]).toEqual([422, "UNKNOWN_DEVICES"]);
    await track.addDevices(["key-6"]);
    const taken = await send(first, "mended", ["key-6"]);
    expect(taken.status).toBe(202);
    expect(await countOf("key-6")).toBe(1);
  });

  it("is refused when the key is no key", async () => {
    for (const key of ["", "k".repeat(129), "with space"]) {
      const { status, body } = await send(first, key, ["key-1"]);
      expect([key, status, body.code]).toEqual([key, 400, "INVALID_INPUT"]);
    }
  });
});

describe("an operator's acts with an idempotency key", () => {
  it("a cancel sent again answers as the first did, though the update ended otherwise meanwhile", async () => {
    await track.addDevices(["key-7"]);
    const id = await track.apply(first, "1.0.1", ["key-7"]);
    const headers = { "idempotency-key": "cancel-once" };
    const canceled = await first.call<{ state: string }>(
      "POST",
      `/products/default/devices/key-7/cancel`,
      {},
      { headers },
    );
    expect([canceled.status, canceled.body.state]).toEqual([200, "canceled"]);
    await track.ok("POST", `/products/default/devices/key-7/retry`, {});
    const again = await second.call<{ state: string }>(
      "POST",
      `/products/default/devices/key-7/cancel`,
      {},
      { headers },
    );
    expect([again.status, again.body]).toEqual([200, canceled.body]);
    await vi.waitFor(async () => expect((await track.totalsOf(id))["sent"]).toBe(1), patience);
  });
});
