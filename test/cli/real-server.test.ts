import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import { type Outcome, runOtau } from "./support/run-otau.ts";

let app: TestApp;
let workingDir: string;

beforeAll(async () => {
  app = await startApp();
  workingDir = await mkdtemp(join(tmpdir(), "otau-cli-"));
});
afterAll(async () => {
  await app.close();
  await rm(workingDir, { recursive: true });
});

const packageId = "package_acme_1-0-1.json";
const tagOf = (version: string): string =>
  JSON.stringify({ config_otau: { version, name: "Acme", type: "JSON", payload: { a: 1 } } });

function otau(...args: readonly string[]): Promise<Outcome> {
  const env = { OTAU_URL: app.apiUrl ?? "", OTAU_TOKEN: app.token };
  return runOtau(args, { env, workingDir });
}

async function done(...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await otau(...args);
  expect({ exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({ exitCode: 0, stderr: "" });
  return stdout;
}

/** A report of an update that is not written yet concerns nothing. */
async function written(identity: string): Promise<void> {
  await expect
    .poll(async () => (await app.call("GET", `/products/default/devices/${identity}/update`)).body)
    .toMatchObject({ state: "sent" });
}

/** A value that the device writes, as a platform hands it on. */
async function says(identity: string, status: string, version: string): Promise<void> {
  const otauIn = JSON.stringify({ version, status });
  const payload = [{ values: { otau_in: otauIn } }];
  const { status: code } = await app.call("POST", "/products/default/events", {
    type: "data_in",
    identity,
    payload,
  });
  expect(code).toBe(200);
}

it("imports a content listing: packages by their tags, files by their bytes, and says what it left", async () => {
  await mkdir(join(workingDir, "files", "fw"), { recursive: true });
  await writeFile(join(workingDir, "files", "fw", "1.bin"), "bytes");
  const listing = [
    {
      id: packageId,
      length: 0,
      type: "application/json",
      tags: { otau_info: encodeURIComponent(tagOf("1.0.1")) },
    },
    { id: "package_broken", tags: { otau_info: "{}" } },
    { id: "fw/1.bin", length: 5, tags: { board: "rev2" } },
    { id: "fw/2.bin", length: 5, tags: {} },
    { id: "../secret", length: 5, tags: {} },
  ];
  await writeFile(join(workingDir, "content.json"), JSON.stringify(listing));
  const dry = await otau("import", "content.json", "--files", "files", "--dry-run");
  expect(dry.stdout).toContain("3 of 5 would be imported");
  expect(await done("packages")).toBe("");
  const { exitCode, stdout, stderr } = await otau("import", "content.json", "--files", "files", "--json");
  expect(exitCode).toBe(1);
  expect(JSON.parse(stderr).detail).toContain("3 of 5 items are not imported");
  expect(JSON.parse(stdout).items.map(({ outcome }: { outcome: string }) => outcome)).toEqual([
    "imported",
    "invalid",
    "imported",
    "left",
    "left",
  ]);
  expect(await done("packages")).toMatch(/package_acme_1-0-1\.json +1\.0\.1 +JSON +available/);
  expect(await done("packages", "list", "--search", "broken")).toContain("invalid");
  expect(JSON.parse(await done("content", "info", "fw/1.bin", "--json"))).toMatchObject({
    length: 5,
    tags: { board: "rev2" },
  });
});

it("imports devices from a table, again without a change", async () => {
  await writeFile(join(workingDir, "devices.csv"), "id;version;site\ngw-1;1.0.0;berlin\ngw-2;1.0.0;oslo\n");
  expect(await done("import", "devices.csv", "--dry-run")).toContain("2 would be registered");
  expect(await done("import", "devices.csv")).toBe("2 created, 0 updated, 0 unchanged\n");
  expect(await done("import", "devices.csv")).toBe("0 created, 0 updated, 2 unchanged\n");
  expect(await done("devices", "list", "--tag", "site=oslo")).toMatch(/gw-2 +1\.0\.0/);
  const broken = await otau("import", packageId);
  expect(broken).toMatchObject({ exitCode: 1 });
});

it("applies, says why, watches to the end and shows the history", async () => {
  expect(await done("why", "gw-1")).toMatch(/^NO_DEPLOYMENT|^UP_TO_DATE/);
  const applied = await done("apply", packageId, "--device", "gw-1", "--json");
  const { deployment } = JSON.parse(applied);
  expect(await done("why", "gw-1")).toContain("deployment");
  expect(JSON.parse(await done("why", "gw-1", "--json"))).toMatchObject({ deploymentId: deployment.id });
  await written("gw-1");
  const watching = otau("watch", "--interval", "20");
  await says("gw-1", "INSTALL_SUCCESS", "1.0.1");
  await says("gw-1", "INSTALLED_VERSION", "1.0.1");
  const { exitCode, stdout } = await watching;
  expect(exitCode).toBe(0);
  expect(stdout).toContain(`deployment ${deployment.id}  finished  1/1  succeeded 1`);
  expect(await done("history", "gw-1")).toMatch(
    /INSTALLED_VERSION +1\.0\.1 +applied +confirming → succeeded/,
  );
  expect(await done("why", "gw-1")).toContain("UP_TO_DATE");
});

it("ends a watch of updates that failed with 1, and says what to type next", async () => {
  await done("apply", packageId, "--device", "gw-2");
  await written("gw-2");
  await says("gw-2", "INSTALL_ERROR", "1.0.1");
  const { exitCode, stderr } = await otau("watch");
  expect(exitCode).toBe(1);
  expect(stderr).toContain("1 of 1 did not succeed: failed 1\nSee why with: otau why IDENTITY");
  expect(await done("why", "gw-2")).toContain("FAILED");
});

it("names what is missing as the server does, with a line to type", async () => {
  const unknown = await otau("why", "nobody");
  expect(unknown).toMatchObject({ exitCode: 1, stdout: "" });
  expect(unknown.stderr).toContain("NOT_FOUND");
  expect(unknown.stderr).toContain("See what there is with: otau devices list");
  const refused = await otau("apply", packageId, "--device", "nobody");
  expect(refused.stderr).toContain("otau devices add");
});
