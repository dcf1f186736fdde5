import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import metrics from "../../endpoints/metrics.ts";
import { roleAllows } from "../../modules/roles.ts";
import { type LoadedEndpoint, loadSolution } from "../../modules/runtime/load.ts";
import { readManifest } from "../../modules/runtime/manifest.ts";
import { knownServices } from "../../modules/services.ts";
import { cleanUp, serve } from "../runtime/support.ts";
import { startApp, type TestApp } from "../support/app.ts";

const root = join(import.meta.dirname, "..", "..");
const roles = ["viewer", "operator", "publisher", "platform", "admin"] as const;
type Role = (typeof roles)[number];

const readers: readonly Role[] = ["viewer", "operator", "publisher", "admin"];
const steerers: readonly Role[] = ["operator", "publisher", "admin"];
const publishers: readonly Role[] = ["publisher", "admin"];
const admins: readonly Role[] = ["admin"];
const platforms: readonly Role[] = ["platform", "admin"];
const anyone = "anyone";

/** Who may call what: written down here once more, so that a new route or a changed role has to be meant. */
const callers: Readonly<Record<string, readonly Role[] | typeof anyone>> = {
  "products.list": readers,
  "products.get": readers,
  "products.put": admins,
  "products.delete": admins,
  "tokens.list": admins,
  "tokens.create": admins,
  "tokens.get": admins,
  "tokens.delete": admins,
  "tokens.rotate": admins,
  "content.list": readers,
  "content.get": readers,
  "content.data": readers,
  "content.put": publishers,
  "content.delete": publishers,
  "packages.list": readers,
  "packages.get": readers,
  "packages.put": publishers,
  "packages.delete": publishers,
  "packages.withdraw": publishers,
  "packages.restore": publishers,
  "packages.apply": steerers,
  "deployments.list": readers,
  "deployments.get": readers,
  "deployments.updates": readers,
  "deployments.pause": steerers,
  "deployments.resume": steerers,
  "deployments.cancel": steerers,
  "deployments.advance": steerers,
  "deployments.patch": steerers,
  "deployments.retry": steerers,
  "updates.list": readers,
  "devices.list": readers,
  "devices.get": readers,
  "devices.state.get": readers,
  "devices.update": readers,
  "devices.updates": readers,
  "devices.why": readers,
  "devices.history": readers,
  "devices.packages": readers,
  "devices.create": steerers,
  "devices.put": steerers,
  "devices.patch": steerers,
  "devices.delete": steerers,
  "devices.state.patch": steerers,
  "devices.token": steerers,
  "devices.cancel": steerers,
  "devices.retry": steerers,
  "events.create": platforms,
  "summary.get": readers,
  "audit.list": readers,
  "audit.export": readers,
  "webhooks.list": readers,
  "webhooks.get": readers,
  "webhooks.deliveries": readers,
  "webhooks.create": admins,
  "webhooks.patch": admins,
  "webhooks.delete": admins,
  "webhooks.replay": admins,
  stream: readers,
  healthz: anyone,
  readyz: anyone,
  // The test listens on loopback.
  metrics: anyone,
  openapi: anyone,
  docs: anyone,
  "docs.file": anyone,
};

/** Bodies that the routes below a product take, so that only the product can be at fault. */
const bodies: Readonly<Record<string, unknown>> = {
  "packages.put": { otau_info: { config_otau: { version: "1", name: "n", type: "JSON", payload: {} } } },
  "packages.withdraw": { reason: "a test" },
  "packages.apply": { devices: ["gw-1"] },
  "deployments.retry": { states: ["failed"] },
  "devices.create": [{ identity: "gw-1" }],
  "devices.put": {},
  "devices.patch": {},
  "devices.state.patch": { config_io: "{}" },
  "events.create": [],
  "webhooks.create": { url: "https://app.example.com/", types: ["update.changed"] },
  "webhooks.patch": {},
  "deployments.patch": { rollout: { maxConcurrent: 1 } },
};

const manifest = await readManifest(join(root, "solution.yaml"));
const { endpoints } = await loadSolution(root, manifest, knownServices);

const values: Readonly<Record<string, string>> = {
  packageId: "package_a.json",
  id: "firmware.bin",
  identity: "gw-1",
  deploymentId: "d1",
  tokenId: "t1",
};

function pathOf({ endpoint }: LoadedEndpoint, productId: string): string {
  const path = endpoint.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    name === "productId" ? productId : (values[name] ?? "x"),
  );
  return path.startsWith("/api/v1") ? path.slice("/api/v1".length) : `/${path}`;
}

let app: TestApp;
const tokens = new Map<Role, string>();

beforeAll(async () => {
  app = await startApp();
  for (const id of ["acme", "other"]) await app.call("PUT", `/products/${id}`, {});
  for (const role of roles) {
    const body = { name: role, role, products: ["acme"] };
    const reply = await app.call<{ token: string }>("POST", "/tokens", body);
    tokens.set(role, reply.body.token);
  }
});
afterAll(async () => {
  await app.close();
  await cleanUp();
});

/** A parameter that no route knows: whoever may call is told so (400) before anything is done. */
async function ask(loaded: LoadedEndpoint, productId: string, token: string | null): Promise<number> {
  const path = `${pathOf(loaded, productId)}?no-such-parameter=1`;
  return (await app.call(loaded.endpoint.method, path, undefined, { token })).status;
}

it("names the callers of every route, and of no other", () => {
  expect(endpoints.map(({ operationId }) => operationId).sort()).toEqual(Object.keys(callers).sort());
});

const named = endpoints.map((loaded) => [loaded.operationId, loaded] as const);
const ofProduct = named.filter(([, { endpoint }]) => endpoint.security.scope === "product");

describe.each(named)("%s", (name, loaded) => {
  const allowed = callers[name] ?? [];
  const isOpen = allowed === anyone;

  it("asks for a token", async () => {
    expect(await ask(loaded, "acme", null)).toBe(isOpen ? 400 : 401);
    expect(await ask(loaded, "acme", "otau_made_up")).toBe(isOpen ? 400 : 401);
  });

  it.each(roles)("judges a token of the role %s", async (role) => {
    const mayCall = isOpen || allowed.includes(role);
    expect(await ask(loaded, "acme", tokens.get(role) ?? null)).toBe(mayCall ? 400 : 403);
  });
});

describe.each(ofProduct)("%s", (_name, loaded) => {
  it.each(roles)("hides other products from a token of the role %s", async (role) => {
    const token = tokens.get(role) ?? null;
    expect(await ask(loaded, "other", token)).toBe(404);
    expect(await ask(loaded, "no-such-product", token)).toBe(404);
  });
});

it.each(ofProduct.filter(([name]) => name !== "products.put"))(
  "%s answers 404 for an unknown product",
  async (name, loaded) => {
    const { method } = loaded.endpoint;
    const reply = await app.call<{ code: string; detail: string }>(
      method,
      pathOf(loaded, "no-such-product"),
      bodies[name],
    );
    expect([reply.status, reply.body.code]).toEqual([404, "NOT_FOUND"]);
    expect(reply.body.detail).toContain("no-such-product");
  },
);

it("keeps an administrator of some products away from tokens", async () => {
  const token = tokens.get("admin") ?? null;
  expect((await app.call("GET", "/tokens", undefined, { token })).status).toBe(403);
  const wider = { name: "wider", role: "admin", products: ["*"] };
  expect((await app.call("POST", "/tokens", wider, { token })).status).toBe(403);
});

it("asks for a token for the figures where others can reach the listener", async () => {
  const server = await serve(
    { metrics },
    {
      roleAllows,
      authenticate: (token) => (token === "viewer" ? { id: "v", role: "viewer", products: "*" } : undefined),
      helpersFor: () => ({
        app: { health: { metrics: async () => ({ text: "up 1", contentType: "text/plain" }) } },
      }),
    },
    { onLoopbackOnly: false },
  );
  const ask = (token: string) => server.call("/metrics", { headers: { authorization: `Bearer ${token}` } });
  expect((await ask("nobody")).status).toBe(401);
  expect(await (await ask("viewer")).text()).toBe("up 1");
});
