import { z } from "zod";
import { fsyncPolicies, rungs } from "./adapters/redis-server/store.ts";
import { logLevels } from "./logger.ts";

/** What one process can be: the app API, the device listeners, the one that acts when time comes. */
export const processRoles = ["api", "gateway", "worker"] as const;

/** One setting: its name in the environment, how its text is read, and what its reader must know. */
export type Setting<Value> = {
  readonly name: string;
  /** Reads the text; undefined where it is not set. */
  readonly schema: z.ZodType<Value, string | undefined>;
  /** The default as a reader sees it. */
  readonly defaultText: string;
  readonly description: string;
  /** Never printed, and `<NAME>_FILE` may name a file that holds it. */
  readonly isSecret: boolean;
};

const setting = <Value>(
  name: string,
  schema: z.ZodType<Value, string | undefined>,
  defaultText: string,
  description: string,
  isSecret = false,
): Setting<Value> => ({ name, schema, defaultText, description, isSecret });

/** A text that is converted where it is set, else the default. */
const text = <Value>(schema: z.ZodType<Value, string>, preset: Value): z.ZodType<Value, string | undefined> =>
  z.union([z.undefined().transform(() => preset), schema]);

const optional = <Value>(
  schema: z.ZodType<Value, string>,
): z.ZodType<Value | undefined, string | undefined> => schema.optional();

const oneOf = <const Names extends readonly [string, ...string[]]>(names: Names) =>
  z.enum(names, { error: `must be one of ${names.join(", ")}` });

const yesOrNo = z
  .enum(["true", "false", "1", "0"], { error: "must be true or false" })
  .transform((word) => word === "true" || word === "1");

const portError = "must be a whole number from 0 (any free port) to 65535";
const port = z
  .string()
  .regex(/^\d{1,5}$/, { error: portError })
  .transform(Number)
  .refine((number) => number <= 65_535, { error: portError });

const wholeNumber = z
  .string()
  .regex(/^[1-9]\d{0,8}$/, { error: "must be a whole number from 1 to 999999999" })
  .transform(Number);

const host = z.string().regex(/^[A-Za-z0-9.:_-]{1,253}$/, {
  error: "must be a host name or an IP address, without brackets or a port",
});

const roles = z
  .string()
  .transform((list) => list.split(",").map((role) => role.trim()))
  .pipe(
    z
      .array(oneOf(processRoles))
      .refine((list) => new Set(list).size === list.length, { error: "must name each role once" }),
  )
  .readonly();

const redisSchemes = /^(redis|rediss):$/;
const redisUrls = z
  .string()
  .transform((list) => list.split(",").map((url) => url.trim()))
  .refine((urls) => urls.every((url) => URL.canParse(url) && redisSchemes.test(new URL(url).protocol)), {
    error: "must be redis://host:port or rediss://host:port (of a cluster several, separated by commas)",
  })
  .transform((urls) => urls.join(","));

const webUrl = z.url({ protocol: /^https?$/, error: "must be an absolute http: or https: URL" });

const typeNames = z
  .string()
  .transform((list) => list.split(",").map((name) => name.trim()))
  .refine((names) => names.every((name) => /^[A-Za-z0-9_.-]{1,64}$/.test(name)), {
    error: "must be names of 1-64 letters, digits, _ . - separated by commas",
  })
  .readonly();

const adminToken = z
  .string()
  .min(32, { error: "must have at least 32 characters; leave it out to have one generated" })
  .regex(/^[\x21-\x7e]+$/, { error: "must be visible ASCII without spaces" });

/** Every setting there is, by the name it has in the configuration. Documentation and checks are made from it. */
export const settings = {
  redisUrl: setting(
    "REDIS_URL",
    optional(redisUrls),
    "none: a Redis of its own",
    "The Redis to use, `redis://` or `rediss://`; several nodes of a Redis Cluster are separated by commas. Without it a server found on this machine (or fetched into `.otau/redis`) runs as a child, its data in `OTAU_DATA_DIR`.",
    true,
  ),
  store: setting(
    "OTAU_STORE",
    optional(oneOf(rungs)),
    "the best one there is",
    "Forces a rung of the store's ladder: `external` (REDIS_URL), `own` (a Redis as a child), `trial` (bundled, for trial only).",
  ),
  durability: setting(
    "OTAU_DURABILITY",
    optional(oneOf([...fsyncPolicies, "external"])),
    "`always` for a Redis of its own; else what the server is set to",
    "What an acknowledged write survives: `always` (every write is on the disk first), `everysec` (a power cut may lose a second), `no`. Of an external server it is a demand: refused where the server does less. `external` takes whatever the server is set to.",
  ),
  dataDir: setting(
    "OTAU_DATA_DIR",
    text(z.string(), "./data"),
    "`./data`",
    "Content bytes, the data of a Redis of its own, the generated admin token. Back up this one folder.",
  ),
  host: setting("HOST", text(host, "127.0.0.1"), "`127.0.0.1`", "Address of the app API and the console."),
  port: setting(
    "PORT",
    text(port, 8080),
    "`8080`",
    "Port of the app API and the console; 0 = any free one, as for every port.",
  ),
  deviceHost: setting(
    "DEVICE_HOST",
    optional(host),
    "`HOST`",
    "Address of the device listeners. Off loopback they need TLS or `DEVICE_PLAIN=true`.",
  ),
  deviceHttpPort: setting(
    "DEVICE_HTTP_PORT",
    text(port, 8081),
    "`8081`",
    "Port of the HTTP device API, not encrypted.",
  ),
  mqttPort: setting("MQTT_PORT", text(port, 1883), "`1883`", "Port of the MQTT device API, not encrypted."),
  devicePlain: setting(
    "DEVICE_PLAIN",
    text(yesOrNo, false),
    "`false`",
    "Allows device listeners without encryption off loopback: device tokens then travel readable.",
  ),
  deviceTlsCert: setting(
    "DEVICE_TLS_CERT",
    optional(z.string()),
    "none",
    "Certificate chain for the device listeners: path of a PEM file, or the PEM text itself.",
  ),
  deviceTlsKey: setting(
    "DEVICE_TLS_KEY",
    optional(z.string()),
    "none",
    "Its private key: path of a PEM file, or the PEM text itself.",
    true,
  ),
  deviceTlsPort: setting(
    "DEVICE_TLS_PORT",
    text(port, 8443),
    "`8443`",
    "Port of the HTTP device API with TLS, opened where a certificate is set.",
  ),
  mqttsPort: setting(
    "MQTTS_PORT",
    text(port, 8883),
    "`8883`",
    "Port of the MQTT device API with TLS, opened where a certificate is set.",
  ),
  adminToken: setting(
    "OTAU_ADMIN_TOKEN",
    optional(adminToken),
    "generated at the first start into `<data dir>/admin-token`",
    "The token of the first administrator, at least 32 characters.",
    true,
  ),
  roles: setting(
    "OTAU_ROLES",
    text(roles, processRoles),
    "`api,gateway,worker`",
    "What this process does. A subset needs `REDIS_URL`; any number of processes share one Redis.",
  ),
  defaultProduct: setting(
    "OTAU_DEFAULT_PRODUCT",
    text(
      z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, { error: "must be 1-64 letters, digits, _ or -" }),
      "default",
    ),
    "`default`",
    "The product of a device whose `Host` header names none.",
  ),
  deviceUrl: setting(
    "OTAU_DEVICE_URL",
    optional(webUrl),
    "the device listener",
    "The address under which devices reach the HTTP device API; links to content bytes start with it.",
  ),
  allowHttpPayload: setting(
    "OTAU_ALLOW_HTTP_PAYLOAD",
    text(yesOrNo, false),
    "`false`",
    "Allows `http:` addresses as a package's payload; else only `https:`.",
  ),
  extraTypes: setting(
    "OTAU_EXTRA_TYPES",
    text<readonly string[]>(typeNames, []),
    "none",
    "Package types admitted beside FILE, JSON and URL_LIST, with any JSON value as payload.",
  ),
  allowPrivateTargets: setting(
    "OTAU_ALLOW_PRIVATE_TARGETS",
    optional(yesOrNo),
    "`true` while `HOST` is loopback",
    "Allows webhooks and connectors to call `http:`, loopback and private addresses.",
  ),
  journalLines: setting(
    "OTAU_JOURNAL_LINES",
    text(wholeNumber, 1_000_000),
    "`1000000`",
    "Lines of each product's journal that stay in Redis; older ones move to `journal/` in `OTAU_DATA_DIR`, which all processes must share.",
  ),
  journalDays: setting(
    "OTAU_JOURNAL_DAYS",
    optional(wholeNumber),
    "none: they are kept",
    "After so many days files of old journal lines are deleted, unless a webhook still needs them.",
  ),
  noFetch: setting(
    "OTAU_NO_FETCH",
    text(yesOrNo, false),
    "`false`",
    "Keeps `npm start` and `npm test` from fetching a Redis into `.otau/redis` where the machine has none.",
  ),
  logLevel: setting(
    "LOG_LEVEL",
    text(oneOf(logLevels), "info"),
    "`info`",
    "Lines on the error output: JSON, pretty on a terminal.",
  ),
} as const satisfies Record<string, Setting<unknown>>;

/** Names the command line reads; the server passes over them. */
export const commandLineSettings = [
  {
    name: "OTAU_URL",
    defaultText: "`http://127.0.0.1:8080`",
    description: "The server the command line talks to.",
  },
  {
    name: "OTAU_TOKEN",
    defaultText: "`<data dir>/admin-token` for a server on loopback",
    description: "The token the command line sends.",
  },
  { name: "OTAU_PRODUCT", defaultText: "`default`", description: "The product the command line works on." },
] as const;
