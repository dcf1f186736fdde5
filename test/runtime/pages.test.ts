import { afterAll, expect, it } from "vitest";
import { serveAssets } from "../../modules/runtime/assets.ts";
import { parseManifest } from "../../modules/runtime/manifest.ts";
import { cleanUp, endpoint, folderWith, serve } from "./support.ts";

const alive = endpoint({
  method: "GET",
  path: "/healthz",
  summary: "Alive",
  tags: [],
  security: { role: "none", scope: "root" },
  reply: { status: 200, contentType: "text/plain" },
  errors: [],
  handle: () => "ok",
});

const head = "formatversion: 1.0.0\ninfo: { name: a, summary: b, version: '1' }\n";

afterAll(cleanUp);

it("serves the manifest's assets beside the endpoints, and nothing hidden or outside", async () => {
  const root = await folderWith({
    "assets/index.html": "<p>console</p>",
    "assets/js/app.js": "1",
    "assets/.env": "secret",
    "other.txt": "outside",
  });
  const { assets } = parseManifest("solution.yaml", `${head}assets: {}\n`);
  if (assets === undefined) throw new Error("the manifest names assets");
  const server = await serve({ alive }, {}, { assets: serveAssets(root, assets) });
  const page = await server.call("/");
  expect([await page.text(), page.headers.get("content-type")]).toEqual([
    "<p>console</p>",
    "text/html; charset=utf-8",
  ]);
  expect(await (await server.call("/js/app.js")).text()).toBe("1");
  expect(await (await server.call("/healthz")).text()).toBe("ok");
  for (const path of ["/.env", "/..%2Fother.txt", "/js", "/nope.js"]) {
    expect((await server.call(path)).status).toBe(404);
  }
});

it("lets pages of the named origins call, and of no other", async () => {
  const { endpoints } = parseManifest(
    "solution.yaml",
    `${head}endpoints: { cors: { origin: ["http://localhost:*"] } }\n`,
  );
  const server = await serve({ alive }, {}, { cors: endpoints.cors });
  const from = (origin: string, init: RequestInit = {}) =>
    server.call("/healthz", { ...init, headers: { ...init.headers, origin } });
  const allowed = (response: Response) => response.headers.get("access-control-allow-origin");
  expect(allowed(await from("http://localhost:5173"))).toBe("http://localhost:5173");
  expect(allowed(await from("http://localhost.evil.example"))).toBeNull();
  const asked = { method: "OPTIONS", headers: { "access-control-request-method": "PUT" } };
  const preflight = await from("http://localhost:1", asked);
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get("access-control-allow-methods")).toContain("PUT");
});

it("answers no other origin when the manifest names none", async () => {
  const server = await serve({ alive }, {}, { cors: parseManifest("solution.yaml", head).endpoints.cors });
  const response = await server.call("/healthz", { headers: { origin: "http://localhost:1" } });
  expect(response.headers.has("access-control-allow-origin")).toBe(false);
});

it("lets a running request end before it closes", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let entered = false;
  const slow = endpoint({
    ...alive,
    handle: async () => {
      entered = true;
      await promise;
      return "late";
    },
  });
  const server = await serve({ slow });
  const answer = server.call("/healthz");
  await expect.poll(() => entered).toBe(true);
  const closed = server.listening.close(10_000);
  resolve();
  expect(await (await answer).text()).toBe("late");
  await closed;
  await expect(server.call("/healthz")).rejects.toThrow();
});
