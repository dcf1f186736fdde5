import { afterAll, expect, it } from "vitest";
import { z } from "zod";
import { OtauError } from "../../modules/errors.ts";
import { created } from "../../modules/runtime/reply.ts";
import { cleanUp, endpoint, json, memoryIdempotency, problemIn, serve } from "./support.ts";

const base = {
  method: "POST",
  summary: "A sample",
  tags: [],
  errors: [],
  security: { role: "viewer", scope: "root" },
} as const;

/** Counts its runs; waits for `gate` if one is given; fails while `failing` says so. */
const counting = () => {
  const state = { runs: 0, failing: false, gate: Promise.resolve() };
  const orders = endpoint({
    ...base,
    path: "/orders/{room}",
    params: z.strictObject({ room: z.string() }),
    query: z.strictObject({ loud: z.string().optional() }),
    body: z.strictObject({ what: z.string() }).optional(),
    reply: { status: 201, schema: z.strictObject({ run: z.number() }) },
    handle: async () => {
      state.runs += 1;
      const run = state.runs;
      await state.gate;
      if (state.failing) throw new OtauError("EMPTY_TARGET", "Nothing to order.");
      return created(`/orders/${run}`, { run });
    },
  });
  return { state, orders };
};

const keyed = (key: string, what = "tea", token = "admin-token"): RequestInit =>
  json("POST", { what }, { "idempotency-key": key, authorization: `Bearer ${token}` });

afterAll(cleanUp);

it("does a repeated request once and answers it as before", async () => {
  const { orders, state } = counting();
  const server = await serve({ orders });
  const first = await server.call("/orders/a", keyed("k1"));
  const second = await server.call("/orders/a", keyed("k1"));
  expect([await first.json(), await second.json()]).toEqual([{ run: 1 }, { run: 1 }]);
  expect(second.status).toBe(201);
  expect(second.headers.get("location")).toBe("/orders/1");
  expect(second.headers.get("content-type")).toBe(first.headers.get("content-type"));
  expect(second.headers.get("idempotency-replayed")).toBe("true");
  expect(state.runs).toBe(1);
});

it("keeps keys of other tokens and paths apart, and runs each time without one", async () => {
  const { orders, state } = counting();
  const server = await serve({ orders });
  await server.call("/orders/a", keyed("k1"));
  await server.call("/orders/a", keyed("k1", "tea", "viewer-token"));
  await server.call("/orders/b", keyed("k1"));
  await server.call("/orders/a", json("POST", { what: "tea" }));
  await server.call("/orders/a", json("POST", { what: "tea" }));
  expect(state.runs).toBe(5);
});

it("refuses a key that came with another body or query", async () => {
  const { orders } = counting();
  const server = await serve({ orders });
  await server.call("/orders/a", keyed("k1"));
  const body = await server.call("/orders/a", keyed("k1", "coffee"));
  expect(await problemIn(body)).toMatchObject({ status: 422, code: "IDEMPOTENCY_KEY_REUSED" });
  expect((await server.call("/orders/a?loud=yes", keyed("k1"))).status).toBe(422);
});

it("refuses a second request while the first runs", async () => {
  const { orders, state } = counting();
  const server = await serve({ orders });
  const { promise, resolve } = Promise.withResolvers<void>();
  state.gate = promise;
  const first = server.call("/orders/a", keyed("k1"));
  await expect.poll(() => state.runs).toBe(1);
  const second = await server.call("/orders/a", keyed("k1"));
  expect(await problemIn(second)).toMatchObject({ status: 409, code: "IDEMPOTENCY_IN_PROGRESS" });
  resolve();
  expect((await first).status).toBe(201);
});

it("frees the key when the request is refused, before or in the handler", async () => {
  const { orders, state } = counting();
  const server = await serve({ orders });
  expect((await server.call("/orders/a", json("POST", { wat: 1 }, { "idempotency-key": "k1" }))).status).toBe(
    400,
  );
  state.failing = true;
  expect((await server.call("/orders/a", keyed("k1"))).status).toBe(422);
  state.failing = false;
  expect((await server.call("/orders/a", keyed("k1"))).status).toBe(201);
});

it("answers well even if the answer cannot be kept", async () => {
  const { orders } = counting();
  const finish = () => Promise.reject(new Error("the store is away"));
  const server = await serve({ orders }, { idempotency: { ...memoryIdempotency(), finish } });
  expect((await server.call("/orders/a", keyed("k1"))).status).toBe(201);
});

it("takes keys of 1 to 128 visible ASCII characters", async () => {
  const { orders } = counting();
  const server = await serve({ orders });
  for (const key of ["", "a b", "k".repeat(129), "é"]) {
    const response = await server.call("/orders/a", keyed(key));
    expect((await problemIn(response)).errors).toMatchObject([{ path: "Idempotency-Key" }]);
  }
  expect((await server.call("/orders/a", keyed("k".repeat(128)))).status).toBe(201);
});

it("leaves the key to an endpoint that keeps its own answers", async () => {
  const own = endpoint({
    ...base,
    path: "/own",
    idempotency: "own",
    reply: { status: 200, schema: z.unknown() },
    handle: ({ idempotency }) => idempotency ?? null,
  });
  const server = await serve({ own });
  const given = await server.call("/own", { method: "POST", headers: { "idempotency-key": "k1" } });
  expect(await given.json()).toEqual({
    key: "k1",
    scope: '["tok-admin","own",[]]',
    digest: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(await (await server.call("/own", { method: "POST" })).json()).toBeNull();
});
