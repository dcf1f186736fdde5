import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findGaps } from "../../scripts/complete-lockfile.mjs";

const readLock = (): string =>
  readFileSync(join(import.meta.dirname, "..", "..", "package-lock.json"), "utf8");

describe("the lockfile", () => {
  it("names the packages of every platform, else npm ci refuses it; scripts/complete-lockfile.mjs adds them", () => {
    const { packages } = JSON.parse(readLock());
    expect(Object.keys(packages).length).toBeGreaterThan(100);
    expect(findGaps(packages)).toEqual([]);
  });

  it("names no registry host", () => {
    expect(readLock()).not.toContain('"resolved"');
  });
});
