import type { Logger } from "pino";
import { z } from "zod";
import type { ConfigStore } from "../usecases/ports-scripting.ts";
import {
  type Done,
  done,
  makeAnswering,
  type Result,
  readArguments,
  ServiceFault,
} from "./service-result.ts";

const racesMax = 8;

type Parameters = Readonly<Record<string, unknown>>;

/** Murano's Config: the solution and the parameters of its services. No operation ever throws. */
export type Config = {
  /** Of `services/<service>.yaml`, and over them what scripts set. 404 for an unknown service. */
  readonly getParameters: (call: {
    readonly service: string;
  }) => Promise<Result<{ readonly service: string; readonly parameters: Parameters }>>;
  /**
   * Sets the named parameters and leaves the others; what fits no parameter of the service is 400. Scripts see it at
   * once and are told by the event `service` of the service `config`; what the server itself reads, such as the
   * resources of device2, changes with its next start.
   */
  readonly setParameters: (call: {
    readonly service: string;
    readonly parameters: Parameters;
  }) => Promise<Result<Done>>;
  /** Services that this solution has a file for, or all of them by `type: "available"`. */
  readonly listServices: (call?: {
    readonly type?: "used" | "available" | undefined;
  }) => Promise<Result<readonly { readonly service: string; readonly events: readonly string[] }[]>>;
  readonly solution: () => Promise<
    Result<{
      readonly id: string;
      readonly name: string;
      readonly version: string;
      readonly products: readonly string[];
    }>
  >;
  /** By service: which events the solution handles. */
  readonly usage: () => Promise<
    Result<{ readonly [service: string]: { readonly service: string; readonly handlers: readonly string[] } }>
  >;
};

export type ConfigDeps = {
  /** By service, checked: what `services/<service>.yaml` says. */
  readonly configs: ReadonlyMap<string, unknown>;
  /** Every service there is, with the schema of its parameters. */
  readonly services: Readonly<
    Record<string, { readonly events: readonly string[]; readonly config?: z.ZodType }>
  >;
  readonly handlers: readonly { readonly service: string; readonly event: string }[];
  readonly overrides: ConfigStore;
  readonly solution: { readonly name: string; readonly version: string };
  readonly productIds: () => Promise<readonly string[]>;
  readonly emit: (service: string, event: string, payload: unknown) => Promise<unknown>;
  readonly log: Pick<Logger, "error">;
};

const parametersSchema = z.custom<Parameters>(isObject, { error: "is an object" });
const serviceSchema = z.object({ service: z.string().min(1).max(64) });
const setSchema = serviceSchema.extend({ parameters: parametersSchema });
const listSchema = z.object({ type: z.enum(["used", "available"]).default("used") });

/** Makes Config for scripts. */
export function makeConfig(deps: ConfigDeps): Config {
  const answering = makeAnswering("Config", deps.log);

  function known(service: string) {
    const found = Object.hasOwn(deps.services, service) ? deps.services[service] : undefined;
    if (found !== undefined) return found;
    const names = Object.keys(deps.services).join(", ");
    throw new ServiceFault(404, "NOT_FOUND", `There is no service ${service}; there are ${names}.`);
  }

  const written = (service: string): Parameters => {
    const config = deps.configs.get(service);
    return isObject(config) ? config : {};
  };

  async function getParameters(service: string) {
    known(service);
    const override = await deps.overrides.get(service);
    return { service, parameters: merge(written(service), readText(override)) };
  }

  async function setParameters(service: string, parameters: Parameters): Promise<Done> {
    const schema = known(service).config ?? z.strictObject({});
    for (let race = 0; race < racesMax; race++) {
      const before = await deps.overrides.get(service);
      const after = merge(readText(before), parameters);
      readArguments(schema, merge(written(service), after));
      if (!(await deps.overrides.replace(service, before, JSON.stringify(after)))) continue;
      await deps.emit("config", "service", { service: { service, action: "updated" } });
      return done;
    }
    throw new ServiceFault(
      503,
      "STORE_UNAVAILABLE",
      `The parameters of ${service} change too fast; try again.`,
    );
  }

  const isUsed = (service: string): boolean =>
    deps.configs.has(service) || deps.handlers.some((handler) => handler.service === service);

  const handlersOf = (service: string): readonly string[] =>
    deps.handlers.filter((handler) => handler.service === service).map(({ event }) => event);

  return {
    getParameters: (call) =>
      answering("getParameters", () => getParameters(readArguments(serviceSchema, call).service)),
    setParameters: (call) =>
      answering("setParameters", () => {
        const { service, parameters } = readArguments(setSchema, call);
        return setParameters(service, parameters);
      }),
    listServices: (call) =>
      answering("listServices", async () => {
        const { type } = readArguments(listSchema, call);
        return Object.entries(deps.services)
          .filter(([service]) => type === "available" || isUsed(service))
          .map(([service, { events }]) => ({ service, events }));
      }),
    solution: () =>
      answering("solution", async () => {
        const { name, version } = deps.solution;
        return { id: name, name, version, products: [...(await deps.productIds())].sort() };
      }),
    usage: () =>
      answering("usage", async () =>
        Object.fromEntries(
          Object.keys(deps.services)
            .filter(isUsed)
            .map((service) => [service, { service, handlers: handlersOf(service) }]),
        ),
      ),
  };
}

function isObject(given: unknown): given is Parameters {
  return typeof given === "object" && given !== null && !Array.isArray(given);
}

// By entries: parameters of a script may well have a key `__proto__`.
function merge(below: Parameters, above: Parameters): Parameters {
  return Object.fromEntries([...Object.entries(below), ...Object.entries(above)]);
}

function readText(text: string | undefined): Parameters {
  if (text === undefined) return {};
  const parsed: unknown = JSON.parse(text);
  return isObject(parsed) ? parsed : {};
}
