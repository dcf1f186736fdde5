import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import {
  type AnyEndpoint,
  type AnyEventHandler,
  type AnyInitScript,
  isEndpoint,
  isEventHandler,
  isInitScript,
} from "./define.ts";
import { faultOfEndpoint, pathShape } from "./endpoint-rules.ts";
import { makePathFilter } from "./glob.ts";
import type { Manifest } from "./manifest.ts";
import { parseYaml, SolutionError } from "./yaml-file.ts";

/** An endpoint with the name that file, OpenAPI document and log share. */
export type LoadedEndpoint = {
  readonly operationId: string;
  readonly file: string;
  readonly endpoint: AnyEndpoint;
};

/** A handler of `services/<service>/<event>.ts`. */
export type LoadedHandler = {
  readonly service: string;
  readonly event: string;
  readonly file: string;
  readonly handler: AnyEventHandler;
};

/** A service the solution may use: its events, and the schema of `services/<service>.yaml`. */
export type KnownService = { readonly events: readonly string[]; readonly config?: z.ZodType };

/** All that the solution's files say, checked. */
export type Solution = {
  readonly endpoints: readonly LoadedEndpoint[];
  readonly handlers: readonly LoadedHandler[];
  /** By service; present for each service that has a file. */
  readonly configs: ReadonlyMap<string, unknown>;
  readonly initScript: AnyInitScript | undefined;
};

/** Takes the events a service has no handler for. */
export const fallbackEvent = "fallback";

type Part = {
  readonly location: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
};

const filesOf = async (root: string, part: Part): Promise<readonly string[]> => {
  const isWanted = makePathFilter(part.include, part.exclude);
  const folder = join(root, part.location);
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((path) => isWanted(path) && !path.endsWith(".d.ts"))
    .sort();
};

const importDefault = async (root: string, file: string): Promise<unknown> => {
  const module: unknown = await import(pathToFileURL(join(root, file)).href).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SolutionError(`${file}: cannot be loaded: ${reason}`, { cause });
  });
  if (typeof module === "object" && module !== null && "default" in module) return module.default;
  throw new SolutionError(`${file}: has no default export`);
};

const loadEndpoint = async (root: string, location: string, path: string): Promise<LoadedEndpoint> => {
  const file = `${location}/${path}`;
  const endpoint = await importDefault(root, file);
  if (!isEndpoint(endpoint)) throw new SolutionError(`${file}: the default export is not made by endpoint()`);
  const fault = faultOfEndpoint(endpoint);
  if (fault !== undefined) throw new SolutionError(`${file}: ${fault}`);
  return { operationId: (path.split("/").at(-1) ?? path).replace(/\.ts$/, ""), file, endpoint };
};

const refuseDoubles = (
  endpoints: readonly LoadedEndpoint[],
  what: string,
  keyOf: (one: LoadedEndpoint) => string,
) => {
  const seen = new Map<string, string>();
  for (const one of endpoints) {
    const key = keyOf(one);
    const before = seen.get(key);
    if (before !== undefined)
      throw new SolutionError(`${one.file}: ${what} ${key} is already taken by ${before}`);
    seen.set(key, one.file);
  }
};

const known = (
  services: Readonly<Record<string, KnownService>>,
  file: string,
  name: string,
): KnownService => {
  const service = Object.hasOwn(services, name) ? services[name] : undefined;
  if (service !== undefined) return service;
  throw new SolutionError(
    `${file}: unknown service "${name}"; known are ${Object.keys(services).join(", ")}`,
  );
};

const loadHandler = async (
  root: string,
  location: string,
  path: string,
  services: Readonly<Record<string, KnownService>>,
): Promise<LoadedHandler> => {
  const file = `${location}/${path}`;
  const [service, event, ...rest] = path.replace(/\.ts$/, "").split("/");
  if (service === undefined || event === undefined || rest.length > 0) {
    throw new SolutionError(`${file}: a handler's place is ${location}/<service>/<event>.ts`);
  }
  const { events } = known(services, file, service);
  if (event !== fallbackEvent && !events.includes(event)) {
    throw new SolutionError(
      `${file}: unknown event "${event}" of ${service}; known are ${events.join(", ")}`,
    );
  }
  const handler = await importDefault(root, file);
  if (!isEventHandler(handler) || typeof handler.handle !== "function") {
    throw new SolutionError(`${file}: the default export is not made by eventHandler()`);
  }
  return { service, event, file, handler };
};

const loadConfig = async (
  root: string,
  location: string,
  path: string,
  services: Readonly<Record<string, KnownService>>,
): Promise<readonly [string, unknown]> => {
  const file = `${location}/${path}`;
  const name = path.replace(/\.ya?ml$/, "");
  const service = known(services, file, name);
  const text = await readFile(join(root, file), "utf8");
  return [name, parseYaml(file, text, service.config ?? z.strictObject({}))];
};

const loadInitScript = async (root: string, file: string | undefined): Promise<AnyInitScript | undefined> => {
  if (file === undefined) return undefined;
  const script = await importDefault(root, file);
  if (isInitScript(script)) return script;
  throw new SolutionError(`${file}: the default export is not made by initScript()`);
};

/**
 * Finds and checks every file the manifest speaks of, `root` being its folder.
 * Throws SolutionError naming file and reason; nothing of a faulty solution is ever served.
 */
export const loadSolution = async (
  root: string,
  manifest: Pick<Manifest, "endpoints" | "services" | "init_script">,
  services: Readonly<Record<string, KnownService>>,
): Promise<Solution> => {
  const endpointFiles = await filesOf(root, manifest.endpoints);
  const serviceFiles = await filesOf(root, manifest.services);
  const isYaml = (path: string) => /\.ya?ml$/.test(path);
  const at = manifest.services.location;
  const endpoints = await Promise.all(
    endpointFiles.map((path) => loadEndpoint(root, manifest.endpoints.location, path)),
  );
  refuseDoubles(endpoints, "the name", ({ operationId }) => operationId);
  refuseDoubles(endpoints, "the route", ({ endpoint }) => `${endpoint.method} ${pathShape(endpoint.path)}`);
  const handlers = await Promise.all(
    serviceFiles.filter((path) => !isYaml(path)).map((path) => loadHandler(root, at, path, services)),
  );
  const configs = await Promise.all(
    serviceFiles.filter(isYaml).map((path) => loadConfig(root, at, path, services)),
  );
  return {
    endpoints,
    handlers,
    configs: new Map(configs),
    initScript: await loadInitScript(root, manifest.init_script),
  };
};
