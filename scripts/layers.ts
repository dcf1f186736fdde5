// Who may import whom. Run by the test suite and by `npm run layers`.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve, sep } from "node:path";

const sourceFolders = ["endpoints", "services", "modules"];
const ground = ["modules/errors.ts", "modules/logger.ts", "modules/startup-error.ts"];
/** What the use cases ask for, and what they offer to those who carry devices' words. */
const ports = ["modules/usecases/ports", "modules/usecases/device-access.ts"];

/** One layer: files below `from` may import what begins with an entry of `to`, and themselves. */
type Layer = {
  readonly from: string;
  readonly to: readonly string[];
  /** npm packages it may use; undefined allows all, and Node's own modules too. */
  readonly packages?: readonly string[];
};

/** The first layer whose `from` begins a file's path is the file's; files without one (compose, main) are free. */
const layers: readonly Layer[] = [
  { from: "modules/otau/", to: [], packages: ["zod", "jsonc-parser", "semver"] },
  {
    from: "modules/usecases/",
    to: ["modules/otau/", "modules/errors.ts"],
    packages: ["zod", "node:crypto", "node:stream"],
  },
  { from: "modules/runtime/", to: ["modules/errors.ts", "modules/logger.ts"] },
  { from: "modules/adapters/redis-server/", to: ground },
  ...["modules/adapters/", "modules/platform/", "modules/gateway/"].map((from) => ({
    from,
    to: [...ground, ...ports, "modules/otau/"],
  })),
  { from: "modules/simulator/", to: [...ground, "modules/otau/"] },
  { from: "modules/cli/", to: ["modules/errors.ts", "modules/otau/", "modules/simulator/"] },
  ...["endpoints/", "services/"].map((from) => ({
    from,
    to: ["modules/app.ts", "modules/runtime/", "modules/usecases/", "modules/otau/", "modules/errors.ts"],
    packages: ["zod"],
  })),
];

const builtins = new Set(builtinModules);
const importPatterns = [
  /^(?:import|export)\b[^;"']*?\bfrom\s*["']([^"']+)["']/gm,
  /^import\s*["']([^"']+)["']/gm,
  /^(?!\s*(?:\*|\/[/*])).*?\bimport\(\s*["']([^"']+)["']/gm,
];

/** What one file imports: paths below the root, packages by name, Node's modules as `node:x`. */
type Module = {
  readonly path: string;
  readonly files: readonly string[];
  readonly packages: readonly string[];
  readonly text: string;
};

const packageName = (specifier: string): string => {
  if (specifier.startsWith("node:")) return specifier;
  const [first = "", second = ""] = specifier.split("/");
  if (builtins.has(first)) return `node:${specifier}`;
  return first.startsWith("@") ? `${first}/${second}` : first;
};

function readModule(root: string, path: string): Module {
  const text = readFileSync(join(root, path), "utf8");
  const specifiers = importPatterns.flatMap((pattern) =>
    [...text.matchAll(pattern)].map((match) => match[1] ?? ""),
  );
  const isFile = (specifier: string): boolean => specifier.startsWith(".");
  const files = specifiers.filter(isFile).map((one) =>
    relative(root, resolve(root, dirname(path), one))
      .split(sep)
      .join("/"),
  );
  return { path, text, files, packages: specifiers.filter((one) => !isFile(one)).map(packageName) };
}

function findSources(root: string): readonly string[] {
  return sourceFolders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) =>
        join(folder, name),
      ),
    )
    .map((path) => path.split(sep).join("/"))
    .filter((path) => /\.(ts|mts|mjs|js)$/.test(path));
}

function findForbidden({ path, files, packages }: Module): readonly string[] {
  const layer = layers.find(({ from }) => path.startsWith(from));
  if (layer === undefined) return [];
  const badFiles = files.filter(
    (file) => ![layer.from, ...layer.to].some((allowed) => file.startsWith(allowed)),
  );
  const badPackages = packages.filter(
    (name) => layer.packages !== undefined && !layer.packages.includes(name),
  );
  return [...badFiles, ...badPackages].map((target) => `${path} may not import ${target}`);
}

function findBarrel({ path, text }: Module): readonly string[] {
  const isBarrel = /(^|\/)index\.ts$/.test(path) || /^export\s+(?:type\s+)?[*{][^;]*\bfrom\b/m.test(text);
  return isBarrel ? [`${path} passes on what others export: import it where it is written`] : [];
}

function findCycles(modules: ReadonlyMap<string, Module>): readonly string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    const seenAt = trail.indexOf(path);
    if (seenAt >= 0) cycles.push(`${[...trail.slice(seenAt), path].join(" -> ")} is a cycle`);
    if (seenAt >= 0 || done.has(path)) return;
    for (const next of modules.get(path)?.files ?? []) walk(next, [...trail, path]);
    done.add(path);
  };
  for (const path of modules.keys()) walk(path, []);
  return cycles;
}

/** Every fault of the sources below `root`, and how many files were read: a check that sees nothing finds nothing. */
export function checkLayers(root: string): { readonly files: number; readonly faults: readonly string[] } {
  const modules = new Map(findSources(root).map((path) => [path, readModule(root, path)]));
  const faults = [...modules.values()].flatMap((module) => [...findForbidden(module), ...findBarrel(module)]);
  return { files: modules.size, faults: [...faults, ...findCycles(modules)] };
}

if (process.argv[1] === import.meta.filename) {
  const { files, faults } = checkLayers(join(import.meta.dirname, ".."));
  for (const fault of faults) console.error(fault);
  console.error(`${files} files, ${faults.length} faults`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
