import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type ApiStandIn, refusal, startApiStandIn } from "./support/api-stand-in.ts";
import { type Outcome, runOtau } from "./support/run-otau.ts";

let api: ApiStandIn;
let home: string;

beforeEach(async () => {
  api = await startApiStandIn();
  api.on("GET /products/default/summary", { json: {} });
  api.on("GET /products/line-2/summary", { json: {} });
  api.on("GET /products/line-2/devices", { json: { items: [], next: null } });
  home = await mkdtemp(join(tmpdir(), "otau-home-"));
});
afterEach(async () => {
  await api[Symbol.asyncDispose]();
  await rm(home, { recursive: true });
});

function otau(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  stdin = "",
): Promise<Outcome> {
  return runOtau(args, { env: { HOME: home, ...env }, stdin });
}

it("proves a login, keeps it for this user alone, and uses its address, token and product", async () => {
  const kept = await otau(["login", `${api.url}/`, "--product", "line-2"], {}, "secret\n");
  expect(kept).toMatchObject({ exitCode: 0, stderr: "" });
  expect(kept.stdout).not.toContain("secret");
  const { mode } = await stat(join(home, ".config", "otau", "profiles.json"));
  expect(mode & 0o777).toBe(0o600);
  expect(await otau(["devices"])).toMatchObject({ exitCode: 0 });
  expect(api.seen.at(-1)).toMatchObject({
    path: "/api/v1/products/line-2/devices",
    headers: { authorization: "Bearer secret" },
  });
});

it("sends a kept token to no other server", async () => {
  await otau(["login", api.url], {}, "secret");
  await using other = await startApiStandIn();
  other.on("GET /products/default/devices", { json: { items: [], next: null } });
  await otau(["devices"], { OTAU_URL: other.url });
  expect(other.seen).toHaveLength(1);
  expect(other.seen[0]?.headers.authorization).not.toBe("Bearer secret");
});

it("keeps nothing of a login that the server refuses", async () => {
  api.on("GET /products/default/summary", refusal(401, "UNAUTHORIZED", "This token is not valid."));
  expect(await otau(["login", api.url], {}, "wrong")).toMatchObject({ exitCode: 1 });
  expect((await otau(["profiles"])).stderr).toContain("otau login URL");
  expect(await otau(["login", api.url])).toMatchObject({ exitCode: 2 });
  expect(await otau(["login", "ftp://x"], {}, "t")).toMatchObject({ exitCode: 2 });
});

it("tells several logins apart, lists them without tokens, and forgets them", async () => {
  await otau(["login", api.url], {}, "first");
  await otau(["login", api.url, "--profile", "lab", "--product", "line-2"], {}, "second");
  await otau(["profiles", "default"]);
  const listed = await otau(["profiles", "--json"]);
  expect(JSON.parse(listed.stdout)).toEqual([
    { profile: "default", url: api.url, productId: "default", current: true },
    { profile: "lab", url: api.url, productId: "line-2", current: false },
  ]);
  await otau(["devices"], { OTAU_PROFILE: "lab" });
  expect(api.seen.at(-1)?.headers.authorization).toBe("Bearer second");
  expect((await otau(["devices"], { OTAU_PROFILE: "none" })).stderr).toContain(
    "otau login URL --profile none",
  );
  await otau(["logout"]);
  expect((await otau(["profiles"])).stdout).not.toMatch(/^default/m);
  expect(await otau(["logout"])).toMatchObject({ exitCode: 1 });
});

it("says what to do with a damaged file", async () => {
  await otau(["login", api.url], {}, "t");
  await writeFile(join(home, ".config", "otau", "profiles.json"), "{");
  expect((await otau(["devices"])).stderr).toContain("Delete it");
});
