import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";

type Token = {
  id: string;
  name: string;
  role: string;
  products: string[];
  expiresAt?: string;
  token?: string;
};

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const wanted = { name: "dashboard", role: "viewer", products: ["*"] };
const statusWith = async (token: string | undefined) =>
  (await app.call("GET", "/products", undefined, { token: token ?? null })).status;

describe("tokens.create", () => {
  it("shows the secret once, and the token works at once", async () => {
    const made = await app.call<Token>("POST", "/tokens", wanted);
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject(wanted);
    expect(made.headers.get("location")).toBe(`/api/v1/tokens/${made.body.id}`);
    expect(await statusWith(made.body.token)).toBe(200);
    const shown = await app.call<Token>("GET", `/tokens/${made.body.id}`);
    const { token: _secret, ...rest } = made.body;
    expect(shown.body).toEqual(rest);
    expect(JSON.stringify((await app.call("GET", "/tokens")).body)).not.toContain(made.body.token);
  });

  it.each([
    [{ ...wanted, role: "root" }, "/role"],
    [{ ...wanted, products: [] }, "/products"],
    [{ ...wanted, products: ["*", "acme"] }, "/products"],
    [{ ...wanted, expiresAt: "tomorrow" }, "/expiresAt"],
    [{ ...wanted, scope: "all" }, "/scope"],
    [{ role: "viewer", products: ["*"] }, "/name"],
  ])("refuses %j", async (body, path) => {
    const reply = await app.call<{ errors: { path: string }[] }>("POST", "/tokens", body);
    expect(reply.status).toBe(400);
    expect(reply.body.errors.map((fault) => fault.path)).toContain(path);
  });

  it("makes one token for a key that is sent twice", async () => {
    const headers = { "idempotency-key": "k1" };
    const [first, again] = [
      await app.call<Token>("POST", "/tokens", wanted, { headers }),
      await app.call<Token>("POST", "/tokens", wanted, { headers }),
    ];
    expect(again.body).toEqual(first.body);
    const other = await app.call<{ code: string }>("POST", "/tokens", { ...wanted, name: "x" }, { headers });
    expect([other.status, other.body.code]).toEqual([422, "IDEMPOTENCY_KEY_REUSED"]);
  });

  it("ends a token when its time has come", async () => {
    const expiresAt = new Date(Date.now() - 1000).toISOString();
    const made = await app.call<Token>("POST", "/tokens", { ...wanted, expiresAt });
    expect(made.body.expiresAt).toBe(expiresAt);
    expect(await statusWith(made.body.token)).toBe(401);
  });
});

describe("tokens.rotate", () => {
  it("gives a new secret and ends the old one at once", async () => {
    const made = (await app.call<Token>("POST", "/tokens", wanted)).body;
    const rotated = await app.call<Token>("POST", `/tokens/${made.id}/rotate`);
    expect([rotated.status, rotated.body.id]).toEqual([200, made.id]);
    expect(rotated.body.token).not.toBe(made.token);
    expect([await statusWith(made.token), await statusWith(rotated.body.token)]).toEqual([401, 200]);
  });

  it("answers 404 for an unknown token", async () => {
    expect((await app.call("POST", "/tokens/nobody/rotate")).status).toBe(404);
  });
});

describe("tokens.delete", () => {
  it("ends the token with 204, then it is gone", async () => {
    const made = (await app.call<Token>("POST", "/tokens", wanted)).body;
    const path = `/tokens/${made.id}`;
    const stale = { headers: { "if-match": '"7"' } };
    expect((await app.call("DELETE", path, undefined, stale)).status).toBe(412);
    expect((await app.call("DELETE", path)).status).toBe(204);
    expect(await statusWith(made.token)).toBe(401);
    expect((await app.call("DELETE", path)).status).toBe(404);
    expect((await app.call("GET", path)).status).toBe(404);
  });
});

describe("tokens.list", () => {
  it("lists every token once over its pages", async () => {
    const ids: string[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? "limit=2" : `limit=2&cursor=${cursor}`;
      const page = (await app.call<{ items: Token[]; next: string | null }>("GET", `/tokens?${query}`)).body;
      ids.push(...page.items.map(({ id }) => id));
      cursor = page.next;
    } while (cursor !== null);
    expect(ids.length).toBeGreaterThan(3);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
