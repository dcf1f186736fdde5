import pino from "pino";
import pretty from "pino-pretty";

/** What every part logs to: constant messages, fields for data. */
export type Logger = pino.Logger;

/** Levels that LOG_LEVEL knows. */
export const logLevels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;

/** One of {@link logLevels}. */
export type LogLevel = (typeof logLevels)[number];

/** Fields that hold a secret, wherever they stand: at the top or one level down. */
const secretFields = [
  "token",
  "secret",
  "password",
  "authorization",
  "cookie",
  "headers.authorization",
  "headers.cookie",
  'headers["x-exosite-cik"]',
  'headers["set-cookie"]',
];

/** Payload addresses are often signed in their query: that part lets anyone download. */
export const withoutQuery = (text: string): string =>
  text.replace(/\b(https?:\/\/[^\s"'<>?#]+)[?#][^\s"'<>]*/g, "$1?…");

/** Fields whose text may hold an address. */
const addressFields = ["payload", "url", "target", "location"] as const;

const hideQueries = (fields: Record<string, unknown>): Record<string, unknown> => {
  const hidden = addressFields.filter((name) => typeof fields[name] === "string");
  if (hidden.length === 0) return fields;
  return {
    ...fields,
    ...Object.fromEntries(hidden.map((name) => [name, withoutQuery(String(fields[name]))])),
  };
};

/** Where lines go: the error output unless a test collects them, so that stdout holds the listening line alone. */
export type LogTarget = { readonly write: (line: string) => void };

/** A store client's error carries its whole command: far too much for a line, and what it holds is not for logs. */
function withoutCommand(error: Error): object {
  const { command: _, ...rest } = pino.stdSerializers.err(error) as object & { readonly command?: unknown };
  return rest;
}

/**
 * Makes the root logger: JSON lines on the error output, pretty on a terminal. Secrets are replaced by `[hidden]`.
 */
export function makeLogger(options: {
  readonly level: LogLevel;
  readonly target?: LogTarget;
  readonly isPretty?: boolean;
}): Logger {
  const settings: pino.LoggerOptions = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }), log: hideQueries },
    redact: { paths: [...secretFields, ...secretFields.map((name) => `*.${name}`)], censor: "[hidden]" },
    serializers: { err: withoutCommand },
  };
  if (options.target !== undefined) return pino(settings, options.target);
  const isPretty = options.isPretty ?? process.stderr.isTTY === true;
  if (isPretty) return pino(settings, pretty({ destination: 2, sync: true, ignore: "hostname,pid" }));
  return pino(settings, pino.destination({ dest: 2, sync: false }));
}

/** A logger that says nothing, for tests and for commands that print their own lines. */
export const silentLogger: Logger = pino({ level: "silent" });
