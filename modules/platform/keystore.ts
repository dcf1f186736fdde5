import type { Logger } from "pino";
import { z } from "zod";
import type { KeyValueStore } from "../usecases/ports.ts";
import {
  type Done,
  done,
  makeAnswering,
  type Result,
  readArguments,
  wellFormedText,
} from "./service-result.ts";

const keyCharactersMax = 200;
const keysAtOnceMax = 1000;
const valueBytesMax = 1_048_576;

/** What may be stored: texts; numbers and truth values become texts. */
export type Scalar = string | number | boolean;

/** Murano's Keystore: texts under keys, shared by all scripts of the solution. No operation ever throws. */
export type Keystore = {
  /** `value` is null when there is none. */
  readonly get: (call: { readonly key: string }) => Promise<Result<{ readonly value: string | null }>>;
  readonly set: (call: { readonly key: string; readonly value: Scalar }) => Promise<Result<Done>>;
  /** How many keys there were: 0 or 1. */
  readonly delete: (call: { readonly key: string }) => Promise<Result<{ readonly value: number }>>;
  /** Keys that fit a glob, in parts: go on with `cursor` until it is "0" again. */
  readonly list: (call?: {
    readonly match?: string | undefined;
    readonly cursor?: string | number | undefined;
    readonly count?: number | undefined;
  }) => Promise<Result<{ readonly keys: readonly string[]; readonly cursor: string }>>;
  /** Values in the order of the keys, null where there is none. */
  readonly mget: (call: {
    readonly keys: readonly string[];
  }) => Promise<Result<{ readonly values: readonly (string | null)[] }>>;
  /** Not atomic: a failure may leave some of them set. */
  readonly mset: (call: {
    readonly values: readonly { readonly key: string; readonly value: Scalar }[];
  }) => Promise<Result<Done>>;
  readonly mdelete: (call: {
    readonly keys: readonly string[];
  }) => Promise<Result<{ readonly value: number }>>;
  readonly clear: () => Promise<Result<Done>>;
  /** `quota.keys` is null: there is no limit. */
  readonly info: () => Promise<
    Result<{ readonly quota: { readonly keys: null }; readonly usage: { readonly keys: number } }>
  >;
  /** One Redis command on one key: counters, lists, sets, hashes, expiry. 400 for one that is not known. */
  readonly command: (call: {
    readonly key: string;
    readonly command: string;
    readonly args?: readonly Scalar[] | undefined;
  }) => Promise<Result<{ readonly value: unknown }>>;
};

export type KeystoreDeps = { readonly store: KeyValueStore; readonly log: Pick<Logger, "error"> };

const key = wellFormedText(keyCharactersMax);
const keys = z.array(key).min(1).max(keysAtOnceMax);
const value = z
  .union([z.string(), z.number(), z.boolean()], {
    error: "is a text, a number or a truth value; store an object as JSON text",
  })
  .transform(String)
  .refine((text) => Buffer.byteLength(text) <= valueBytesMax, {
    error: `has more than ${valueBytesMax} bytes`,
  });
const keySchema = z.object({ key });
const setSchema = z.object({ key, value });
const listSchema = z.object({
  match: z.string().min(1).max(keyCharactersMax).default("*"),
  cursor: z
    .union([z.string(), z.int().transform(String)])
    .pipe(z.string().regex(/^\d{1,20}$/))
    .default("0"),
  count: z.int().min(1).max(keysAtOnceMax).default(keysAtOnceMax),
});
const keysSchema = z.object({ keys });
const msetSchema = z.object({ values: z.array(setSchema).min(1).max(keysAtOnceMax) });
const commandSchema = z.object({
  key,
  command: z.string().min(1).max(32),
  args: z.array(value).max(keysAtOnceMax).default([]),
});

/** Makes the Keystore of the solution. */
export function makeKeystore({ store, log }: KeystoreDeps): Keystore {
  const answering = makeAnswering("Keystore", log);

  async function* allKeys(): AsyncGenerator<readonly string[]> {
    let cursor = "0";
    do {
      const page = await store.list("*", cursor, keysAtOnceMax);
      yield page.keys;
      cursor = page.cursor;
    } while (cursor !== "0");
  }

  const count = async (): Promise<number> => {
    // A walk may show a key twice while the keystore grows.
    const seen = new Set<string>();
    for await (const page of allKeys()) for (const each of page) seen.add(each);
    return seen.size;
  };

  const clear = async (): Promise<Done> => {
    for await (const page of allKeys()) if (page.length > 0) await store.delete(page);
    return done;
  };

  return {
    get: (call) =>
      answering("get", async () => ({
        value: (await store.get(readArguments(keySchema, call).key)) ?? null,
      })),
    set: (call) =>
      answering("set", async () => {
        const { key: name, value: text } = readArguments(setSchema, call);
        await store.set(name, text);
        return done;
      }),
    delete: (call) =>
      answering("delete", async () => ({ value: await store.delete([readArguments(keySchema, call).key]) })),
    list: (call) =>
      answering("list", async () => {
        const { match, cursor, count: countMax } = readArguments(listSchema, call);
        return store.list(match, cursor, countMax);
      }),
    mget: (call) =>
      answering("mget", async () => {
        const found = await store.mget(readArguments(keysSchema, call).keys);
        return { values: found.map((text) => text ?? null) };
      }),
    mset: (call) =>
      answering("mset", async () => {
        for (const { key: name, value: text } of readArguments(msetSchema, call).values) {
          await store.set(name, text);
        }
        return done;
      }),
    mdelete: (call) =>
      answering("mdelete", async () => ({ value: await store.delete(readArguments(keysSchema, call).keys) })),
    clear: () => answering("clear", clear),
    info: () => answering("info", async () => ({ quota: { keys: null }, usage: { keys: await count() } })),
    command: (call) =>
      answering("command", async () => {
        const { key: name, command, args } = readArguments(commandSchema, call);
        return { value: shapeReply(command, await store.command(name, command, args)) };
      }),
  };
}

/** A hash comes as an object, whose keys may be any text; the other replies as Redis gives them. */
function shapeReply(command: string, reply: unknown): unknown {
  if (command.toLowerCase() !== "hgetall" || !Array.isArray(reply)) return reply;
  const fields: [string, unknown][] = [];
  for (let at = 0; at + 1 < reply.length; at += 2) fields.push([String(reply[at]), reply[at + 1]]);
  return Object.fromEntries(fields);
}
