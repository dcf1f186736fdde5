import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isInstalled } from "../../scripts/setup.mjs";
import { copySetup, pathWith, runSetup } from "./setup-copy.ts";

const trial =
  "the trial store will be used (the last seconds may be lost); set REDIS_URL or install redis-server";

describe("the set-up", () => {
  it("says that the trial store will be used where nothing can be fetched, and does not fail", async () => {
    const folder = copySetup();
    const { code, lines } = await runSetup(folder, { PATH: pathWith(folder, {}) });
    expect(lines).toBe(`otau setup: no Redis here and none could be fetched (no apt-get here): ${trial}\n`);
    expect(code).toBe(0);
    expect(existsSync(join(folder, ".otau", "setup.lock"))).toBe(false);
  });

  it("does not fetch where OTAU_NO_FETCH says no", async () => {
    const folder = copySetup();
    const { code, lines } = await runSetup(folder, { PATH: pathWith(folder, {}), OTAU_NO_FETCH: "1" });
    expect(lines).toBe(`otau setup: no Redis here and OTAU_NO_FETCH is set: ${trial}\n`);
    expect(code).toBe(0);
  });

  it.each([
    ["REDIS_URL is set", { REDIS_URL: "redis://db" }],
    ["the trial store is wanted", { OTAU_STORE: "trial" }],
  ])("does nothing and says nothing where %s", async (_, env) => {
    const folder = copySetup();
    expect(await runSetup(folder, { PATH: pathWith(folder, {}), ...env })).toEqual({ code: 0, lines: "" });
  });

  it("does nothing where a server is on the search path", async () => {
    const folder = copySetup();
    const path = pathWith(folder, { "valkey-server": process.execPath });
    expect(await runSetup(folder, { PATH: path })).toEqual({ code: 0, lines: "" });
  });

  it("reads REDIS_URL from an .env file too", async () => {
    const folder = copySetup();
    writeFileSync(join(folder, ".env"), "# the store\nREDIS_URL=redis://db:6379\n");
    expect(await runSetup(folder, { PATH: pathWith(folder, {}) })).toEqual({ code: 0, lines: "" });
  });

  it("passes over a lock that a killed set-up left behind", async () => {
    const folder = copySetup();
    mkdirSync(join(folder, ".otau"));
    writeFileSync(join(folder, ".otau", "setup.lock"), "99999999");
    expect((await runSetup(folder, { PATH: pathWith(folder, {}), OTAU_NO_FETCH: "1" })).code).toBe(0);
  });
});

describe("isInstalled", () => {
  const lock = (packages: Record<string, unknown>): string =>
    JSON.stringify({ packages: { "": {}, ...packages } });
  const write = (wanted: string, present: string | undefined): string => {
    const folder = copySetup();
    writeFileSync(join(folder, "package-lock.json"), wanted);
    mkdirSync(join(folder, "node_modules"));
    if (present !== undefined) writeFileSync(join(folder, "node_modules", ".package-lock.json"), present);
    return folder;
  };
  const both = { "node_modules/a": { version: "1.0.0" } };

  it("holds where every package lies there at its version, whatever the files' times", () => {
    expect(isInstalled(write(lock(both), lock(both)))).toBe(true);
  });

  it("does not hold after an install that was broken off, for another version, or for a missing package", () => {
    expect(isInstalled(write(lock(both), undefined))).toBe(false);
    expect(isInstalled(write(lock(both), lock({ "node_modules/a": { version: "1.0.1" } })))).toBe(false);
    expect(isInstalled(write(lock(both), lock({})))).toBe(false);
  });

  it("passes over optional packages of other platforms", () => {
    const wanted = lock({ ...both, "node_modules/b-win32": { version: "1.0.0", optional: true } });
    expect(isInstalled(write(wanted, lock(both)))).toBe(true);
  });
});
