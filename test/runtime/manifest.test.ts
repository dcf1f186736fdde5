import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { parseManifest, readManifest } from "../../modules/runtime/manifest.ts";
import { cleanUp, folderWith } from "./support.ts";

const head = "formatversion: 1.0.0\ninfo: { name: a, summary: b, version: '1' }\n";

afterAll(cleanUp);

it("reads the solution's own manifest", async () => {
  const manifest = await readManifest(fileURLToPath(new URL("../../solution.yaml", import.meta.url)));
  expect(manifest.info.name).toBe("otau");
  expect(manifest.endpoints.cors.origin).toEqual([]);
});

it("fills in what is left out", () => {
  const manifest = parseManifest("solution.yaml", head);
  expect(manifest.endpoints).toMatchObject({
    location: "endpoints",
    include: ["**/*.ts"],
    cors: { origin: [] },
  });
  expect(manifest.services.location).toBe("services");
  expect(manifest.assets).toBeUndefined();
});

it("takes one origin or several", () => {
  const text = `${head}endpoints: { cors: { origin: "http://localhost:*" } }\n`;
  expect(parseManifest("solution.yaml", text).endpoints.cors.origin).toEqual(["http://localhost:*"]);
});

it.each([
  ["an unknown key", `${head}endpoint:\n  location: x\n`, "solution.yaml:3:1: endpoint: is not a known key"],
  ["a wrong type", `${head}services:\n  include: 5\n`, "solution.yaml:4:3: services.include:"],
  ["a missing part", "formatversion: 1.0.0\n", "solution.yaml:1:1: info:"],
  ["another format", head.replace("1.0.0", "2.0"), "solution.yaml:1:1: formatversion: must be 1.0.0"],
  [
    "a way out of the folder",
    `${head}assets: { location: ../x }\n`,
    "solution.yaml:3:11: assets.location: must stay",
  ],
  ["broken YAML", `${head}assets: [\n`, "solution.yaml:4:1:"],
  ["a key twice", `${head}modules: {}\nmodules: {}\n`, "solution.yaml:4:1: Map keys must be unique"],
])("refuses %s, naming file, line and column", (_what, text, message) => {
  expect(() => parseManifest("solution.yaml", text)).toThrow(message);
});

it("says so when there is no manifest", async () => {
  const root = await folderWith({});
  await expect(readManifest(`${root}/solution.yaml`)).rejects.toThrow(
    "solution.yaml: the manifest cannot be read",
  );
});
