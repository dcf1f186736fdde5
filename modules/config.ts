import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { z } from "zod";
import type { FsyncPolicy } from "./adapters/redis-server/store.ts";
import { isLoopbackHost } from "./loopback.ts";
import { commandLineSettings, processRoles, type Setting, settings } from "./settings.ts";
import { StartupError } from "./startup-error.ts";

type Settings = typeof settings;
type SettingName = keyof Settings;
type Values = { readonly [Name in SettingName]: z.output<Settings[Name]["schema"]> };

/** Certificate chain and private key, as PEM text, and the files they came from. */
export type TlsMaterial = {
  readonly cert: string;
  readonly key: string;
  readonly files: { readonly cert?: string; readonly key?: string };
};

/** The whole configuration, checked and frozen. */
export type Config = Omit<
  Values,
  | "dataDir"
  | "deviceHost"
  | "durability"
  | "allowPrivateTargets"
  | "deviceTlsCert"
  | "deviceTlsKey"
  | "devicePlain"
> & {
  /** Absolute. */
  readonly dataDir: string;
  readonly deviceHost: string;
  /** What an operator demands; undefined takes what there is. */
  readonly durability: FsyncPolicy | undefined;
  readonly allowPrivateTargets: boolean;
  /** Whether the listeners without encryption open: always on loopback, elsewhere only where a setting says so. */
  readonly opensPlainDevice: boolean;
  readonly deviceTls: TlsMaterial | undefined;
  readonly isProduction: boolean;
  /** Folder of a server fetched at set-up. */
  readonly fetchedRedisDir: string;
  /** The search path on which a server is looked for. */
  readonly searchPath: string | undefined;
};

type Env = Readonly<Record<string, string | undefined>>;
type Fault = string;

const names = Object.keys(settings) as readonly SettingName[];
const settingOf = (name: SettingName): Setting<unknown> => settings[name];

/** An empty value counts as not set: that is how a template leaves one open. */
const textOf = (env: Env, name: string): string | undefined => (env[name] === "" ? undefined : env[name]);

/** The text of a setting, of a secret one also out of the file that `<NAME>_FILE` names. */
function readText({ name, isSecret }: Setting<unknown>, env: Env, faults: Fault[]): string | undefined {
  const direct = textOf(env, name);
  const path = isSecret ? textOf(env, `${name}_FILE`) : undefined;
  if (path === undefined) return direct;
  if (direct !== undefined) {
    faults.push(`${name} and ${name}_FILE are both set: keep one of them`);
    return undefined;
  }
  try {
    return readFileSync(path, "utf8").trimEnd();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "no reason known";
    faults.push(`${name}_FILE=${path} cannot be read (${code}): name a file this user can read`);
    return undefined;
  }
}

/** Reads every setting; what is wrong goes to `faults`, so that a reader mends all at once. */
function readValues(env: Env, faults: Fault[]): Partial<Record<SettingName, unknown>> {
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const key of names) {
    const one = settingOf(key);
    const raw = readText(one, env, faults);
    const parsed = one.schema.safeParse(raw);
    if (parsed.success) values[key] = parsed.data;
    else faults.push(`${one.name}${one.isSecret ? "" : `=${raw}`} ${sentenceOf(parsed.error)}`);
  }
  return values;
}

/** A union reports its members' faults one level down. */
function sentenceOf(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue?.code !== "invalid_union") return issue?.message ?? "is not valid";
  const inner = issue.errors
    .flat()
    .filter((each) => each.code !== "invalid_type" || each.expected !== "undefined");
  return inner.at(-1)?.message ?? issue.message;
}

/** Letters that differ, roughly: enough to guess which name a misspelt one means. */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (const [at, letter] of [...left].entries()) {
    const next = [at + 1];
    for (const [column, other] of [...right].entries()) {
      const replaced = (row[column] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** A misspelt name would be passed over in silence, and its reader would believe it works. */
function findUnknown(env: Env): readonly Fault[] {
  const known: readonly string[] = [
    ...names
      .map((key) => settingOf(key))
      .flatMap(({ name, isSecret }) => (isSecret ? [name, `${name}_FILE`] : [name])),
    ...commandLineSettings.map(({ name }) => name),
  ];
  return Object.keys(env)
    .filter((name) => name.startsWith("OTAU_") && !known.includes(name))
    .map((name) => {
      const [nearest] = known
        .map((other) => ({ other, differs: distance(name, other) }))
        .sort((left, right) => left.differs - right.differs);
      const guess = nearest !== undefined && nearest.differs <= 4 ? `, do you mean ${nearest.other}?` : "";
      return `${name} is no setting${guess} (docs/settings.md lists them; unset it)`;
    });
}

function checkStore(values: Values, isProduction: boolean): readonly Fault[] {
  const faults: Fault[] = [];
  const isExternal =
    values.store === "external" || (values.store === undefined && values.redisUrl !== undefined);
  if (values.store === "external" && values.redisUrl === undefined) {
    faults.push("OTAU_STORE=external needs REDIS_URL: set it, or leave OTAU_STORE out");
  }
  if (values.roles.length < processRoles.length && !isExternal) {
    faults.push(
      `OTAU_ROLES=${values.roles.join(",")} is a part of the roles, and parts share a store: set REDIS_URL, or leave OTAU_ROLES out`,
    );
  }
  if (values.store === "trial" && isProduction) {
    faults.push(
      "OTAU_STORE=trial is refused under NODE_ENV=production: set REDIS_URL or install redis-server",
    );
  }
  if (values.store === "trial" && (values.durability === "always" || values.durability === "everysec")) {
    faults.push(
      `OTAU_DURABILITY=${values.durability} would be a lie on the trial store: leave one of the two out`,
    );
  }
  if (values.durability === "external" && !isExternal) {
    faults.push("OTAU_DURABILITY=external needs REDIS_URL: set it, or say always, everysec or no");
  }
  return faults;
}

function checkListeners(values: Values): readonly Fault[] {
  if (!values.roles.includes("gateway")) return [];
  const faults: Fault[] = [];
  const deviceHost = values.deviceHost ?? values.host;
  const hasTls = values.deviceTlsCert !== undefined && values.deviceTlsKey !== undefined;
  if ((values.deviceTlsCert === undefined) !== (values.deviceTlsKey === undefined)) {
    faults.push("DEVICE_TLS_CERT and DEVICE_TLS_KEY belong together: set both or none");
  }
  if (!isLoopbackHost(deviceHost) && !values.devicePlain && !hasTls) {
    const setBy = values.deviceHost === undefined ? "HOST" : "DEVICE_HOST";
    faults.push(
      `${setBy}=${deviceHost} is not loopback, and device tokens would travel readable: set DEVICE_TLS_CERT and DEVICE_TLS_KEY, or DEVICE_PLAIN=true, or DEVICE_HOST=127.0.0.1`,
    );
  }
  return [...faults, ...findDoublePorts(values, hasTls)];
}

/** Two listeners on one port: the second would fail only after the first took requests. */
function findDoublePorts(values: Values, hasTls: boolean): readonly Fault[] {
  const ports: readonly (readonly [string, number])[] = [
    ...(values.roles.includes("api") ? ([["PORT", values.port]] as const) : []),
    ["DEVICE_HTTP_PORT", values.deviceHttpPort],
    ["MQTT_PORT", values.mqttPort],
    ...(hasTls
      ? ([
          ["DEVICE_TLS_PORT", values.deviceTlsPort],
          ["MQTTS_PORT", values.mqttsPort],
        ] as const)
      : []),
  ];
  const sameHost = values.deviceHost === undefined || values.deviceHost === values.host;
  return ports.flatMap(([name, port], index) => {
    const other = ports
      .slice(0, index)
      .find(([first, taken]) => taken === port && (sameHost || first !== "PORT"));
    return port !== 0 && other !== undefined ? [`${name}=${port} is ${other[0]} too: give each its own`] : [];
  });
}

/** PEM text as it is; anything else is the path of a PEM file. */
function readPem(name: string, value: string | undefined, faults: Fault[]): string | undefined {
  if (value === undefined || value.includes("-----BEGIN ")) return value;
  try {
    const text = readFileSync(value, "utf8");
    if (text.includes("-----BEGIN ")) return text;
    faults.push(`${name} names a file without PEM text: give a PEM file`);
  } catch (error) {
    faults.push(
      `${name} names a file that cannot be read (${(error as NodeJS.ErrnoException).code ?? "no reason known"})`,
    );
  }
  return undefined;
}

/** The files that a certificate and its key were read from: those that may be renewed while the program runs. */
function tlsFiles(values: Values, env: Env): TlsMaterial["files"] {
  const fileOf = (value: string | undefined) => (value?.includes("-----BEGIN ") ? undefined : value);
  const cert = fileOf(values.deviceTlsCert);
  const key = textOf(env, "DEVICE_TLS_KEY_FILE") ?? fileOf(values.deviceTlsKey);
  return { ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) };
}

function refuse(faults: readonly Fault[]): never {
  const [only] = faults;
  if (faults.length === 1 && only !== undefined) throw new StartupError(only);
  throw new StartupError(
    `${faults.length} settings are not right:\n${faults.map((fault) => `  - ${fault}`).join("\n")}`,
  );
}

/**
 * Reads the configuration from an environment.
 *
 * @throws StartupError naming every setting that is wrong, with its value and what to do.
 */
export function loadConfig(env: Env): Config {
  const faults: Fault[] = [];
  const read = readValues(env, faults);
  faults.push(...findUnknown(env));
  if (faults.length > 0) refuse(faults);
  const values = read as Values;
  const isProduction = env["NODE_ENV"] === "production";
  faults.push(...checkStore(values, isProduction), ...checkListeners(values));
  const { deviceTlsCert, deviceTlsKey, devicePlain, ...rest } = values;
  const cert = readPem("DEVICE_TLS_CERT", deviceTlsCert, faults);
  const key = readPem("DEVICE_TLS_KEY", deviceTlsKey, faults);
  if (faults.length > 0) refuse(faults);
  const deviceHost = values.deviceHost ?? values.host;
  return Object.freeze({
    ...rest,
    dataDir: resolve(values.dataDir),
    deviceHost,
    durability: values.durability === "external" ? undefined : values.durability,
    allowPrivateTargets: values.allowPrivateTargets ?? isLoopbackHost(values.host),
    opensPlainDevice: devicePlain || isLoopbackHost(deviceHost),
    deviceTls:
      cert === undefined || key === undefined ? undefined : { cert, key, files: tlsFiles(values, env) },
    isProduction,
    fetchedRedisDir: join(import.meta.dirname, "..", ".otau", "redis"),
    searchPath: env["PATH"],
  });
}

/** The environment of this process, with what an `.env` in the working directory adds; what is set already stays. */
export function processEnv(): Env {
  if (existsSync(".env")) process.loadEnvFile(".env");
  return process.env;
}
