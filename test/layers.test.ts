import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkLayers } from "../scripts/layers.ts";

const project = join(import.meta.dirname, "..");

describe("the layers", () => {
  it("hold in this project", () => {
    const { files, faults } = checkLayers(project);
    expect(faults).toEqual([]);
    expect(files).toBeGreaterThan(20);
  });
});

describe("the check of layers", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "otau-layers-"));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const plant = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const faults = (): readonly string[] => checkLayers(root).faults;

  it.each([
    ["modules/otau/a.ts", 'import { readFileSync } from "node:fs";', "node:fs"],
    ["modules/otau/a.ts", 'import { readFileSync } from "fs";', "node:fs"],
    ["modules/otau/a.ts", 'import { Redis } from "ioredis";', "ioredis"],
    ["modules/otau/a.ts", 'import type { Store } from "../adapters/b.ts";', "modules/adapters/b.ts"],
    ["modules/otau/a.ts", 'const { b } = await import("../errors.ts");', "modules/errors.ts"],
    ["modules/usecases/a.ts", 'import { b } from "../adapters/b.ts";', "modules/adapters/b.ts"],
    ["modules/usecases/a.ts", 'import "../gateway/b.ts";', "modules/gateway/b.ts"],
    ["modules/runtime/a.ts", 'import {\n  b,\n} from "../otau/b.ts";', "modules/otau/b.ts"],
    [
      "modules/adapters/redis/a.ts",
      'import { b } from "../../usecases/apply.ts";',
      "modules/usecases/apply.ts",
    ],
    ["modules/gateway/a.ts", 'import { b } from "../adapters/b.ts";', "modules/adapters/b.ts"],
    ["endpoints/a.ts", 'import { b } from "../modules/adapters/b.ts";', "modules/adapters/b.ts"],
    ["services/device2/a.ts", 'import { b } from "../../modules/gateway/b.ts";', "modules/gateway/b.ts"],
  ])("sees %s import what it may not: %s", (path, text, target) => {
    plant(path, text);
    expect(faults()).toEqual([`${path} may not import ${target}`]);
  });

  it("sees a cycle", () => {
    plant("modules/otau/a.ts", 'import { b } from "./b.ts";');
    plant("modules/otau/b.ts", 'import { c } from "./c.ts";');
    plant("modules/otau/c.ts", 'import { a } from "./a.ts";');
    expect(faults()).toEqual([
      "modules/otau/a.ts -> modules/otau/b.ts -> modules/otau/c.ts -> modules/otau/a.ts is a cycle",
    ]);
  });

  it("sees a barrel", () => {
    plant("modules/otau/index.ts", "export const a = 1;");
    plant("modules/otau/all.ts", 'export * from "./index.ts";');
    expect(faults()).toHaveLength(2);
  });

  it("lets through what is allowed", () => {
    plant("modules/otau/a.ts", 'import { z } from "zod";\nimport { b } from "./b.ts";');
    plant(
      "modules/usecases/a.ts",
      'import { a } from "../otau/a.ts";\nimport { OtauError } from "../errors.ts";',
    );
    plant("modules/adapters/redis/a.ts", 'import type { Devices } from "../../usecases/ports.ts";');
    plant("modules/compose.ts", 'import { a } from "./adapters/redis/a.ts";');
    expect(faults()).toEqual([]);
  });
});
