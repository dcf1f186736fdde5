import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { resolveAdminToken } from "../modules/admin-token.ts";

describe("resolveAdminToken", () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "otau-admin-"));
  });
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  it("generates a token at the first start, readable by its owner alone, and keeps it", () => {
    const first = resolveAdminToken({ adminToken: undefined, dataDir: join(dataDir, "new") });
    expect(first.isNew).toBe(true);
    expect(first.token.length).toBeGreaterThanOrEqual(32);
    const path = join(dataDir, "new", "admin-token");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, "utf8").trim()).toBe(first.token);
    const second = resolveAdminToken({ adminToken: undefined, dataDir: join(dataDir, "new") });
    expect(second).toEqual({ token: first.token, path, isNew: false });
  });

  it("takes the setting's token and writes no file", () => {
    const token = "s".repeat(32);
    expect(resolveAdminToken({ adminToken: token, dataDir })).toEqual({
      token,
      path: undefined,
      isNew: false,
    });
    expect(() => statSync(join(dataDir, "admin-token"))).toThrow();
  });

  it("refuses a file that holds too little", () => {
    writeFileSync(join(dataDir, "admin-token"), "short\n");
    expect(() => resolveAdminToken({ adminToken: undefined, dataDir })).toThrow("holds 5 characters");
  });
});
