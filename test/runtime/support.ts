import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import pino from "pino";
import { z } from "zod";
import type { HttpPorts, Refusal } from "../../modules/runtime/call.ts";
import { type AnyEndpoint, createDefiners, type Principal } from "../../modules/runtime/define.ts";
import { createHttpApp, type HttpSettings } from "../../modules/runtime/http.ts";
import type { IdempotencyState, IdempotencyStore, KeptReply } from "../../modules/runtime/idempotency.ts";
import { type Listening, listen } from "../../modules/runtime/listen.ts";

export type Role = "viewer" | "operator" | "admin";
export type Helpers = { readonly note: (text: string) => void };
export const { endpoint, eventHandler, initScript } = createDefiners<Helpers, Role>();

const rank: Readonly<Record<string, number>> = { viewer: 1, operator: 2, admin: 3 };

/** Tokens the test server knows. */
export const principals: Readonly<Record<string, Principal<Role>>> = {
  "admin-token": { id: "tok-admin", role: "admin", products: "*" },
  "viewer-token": { id: "tok-viewer", role: "viewer", products: "*" },
  "acme-token": { id: "tok-acme", role: "operator", products: ["acme"] },
};

/** Keys in memory; a lease never ends by itself here. */
export const memoryIdempotency = (): IdempotencyStore & { readonly kept: Map<string, KeptReply> } => {
  const taken = new Map<string, string>();
  const kept = new Map<string, KeptReply>();
  return {
    kept,
    begin: async (scope, key, digest): Promise<IdempotencyState> => {
      const name = `${scope} ${key}`;
      const before = taken.get(name);
      if (before !== undefined && before !== digest) return { kind: "reused" };
      const reply = kept.get(name);
      if (reply !== undefined) return { kind: "replay", reply };
      if (before !== undefined) return { kind: "in-progress" };
      taken.set(name, digest);
      return { kind: "run", lease: "1" };
    },
    finish: async (scope, key, _lease, reply) => {
      kept.set(`${scope} ${key}`, reply);
    },
    abandon: async (scope, key) => {
      taken.delete(`${scope} ${key}`);
    },
  };
};

/** A running server with what it told its surroundings. */
export type TestServer = {
  readonly url: string;
  readonly listening: Listening;
  readonly lines: () => readonly Record<string, unknown>[];
  readonly notes: readonly string[];
  readonly refusals: readonly Refusal[];
  readonly call: (path: string, init?: RequestInit) => Promise<Response>;
};

const opened: Listening[] = [];
const folders: string[] = [];

/** Serves endpoints on a free port, as the admin unless the call says otherwise. */
export const serve = async (
  endpoints: Readonly<Record<string, AnyEndpoint>>,
  ports: Partial<HttpPorts> = {},
  settings: Partial<HttpSettings> = {},
): Promise<TestServer> => {
  const written: string[] = [];
  const notes: string[] = [];
  const refusals: Refusal[] = [];
  let ids = 0;
  const newRequestId = () => {
    ids += 1;
    return `req-${ids}`;
  };
  const app = createHttpApp(
    {
      endpoints: Object.entries(endpoints).map(([operationId, one]) => ({
        operationId,
        file: `${operationId}.ts`,
        endpoint: one,
      })),
      checkReplies: true,
      onLoopbackOnly: true,
      ...settings,
    },
    {
      authenticate: (token) => principals[token ?? ""],
      roleAllows: (role, needed) => (rank[role] ?? 0) >= (rank[needed] ?? 9),
      helpersFor: () => ({ note: (text: string) => notes.push(text) }),
      idempotency: memoryIdempotency(),
      onRefusal: (refusal) => refusals.push(refusal),
      newRequestId,
      log: pino({ base: null }, { write: (line: string) => written.push(line) }),
      ...ports,
    },
  );
  const listening = await listen(app, { host: "127.0.0.1", port: 0, newRequestId });
  opened.push(listening);
  return {
    url: listening.url,
    listening,
    lines: () => written.map((line) => z.record(z.string(), z.unknown()).parse(JSON.parse(line))),
    notes,
    refusals,
    call: (path, init = {}) =>
      fetch(`${listening.url}${path}`, {
        ...init,
        headers: { authorization: "Bearer admin-token", ...init.headers },
      }),
  };
};

/** A JSON request. */
export const json = (method: string, body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method,
  body: typeof body === "string" ? body : JSON.stringify(body),
  headers: { "content-type": "application/json", ...headers },
});

/** A folder with the given files, paths relative to it. */
export const folderWith = async (files: Readonly<Record<string, string>>): Promise<string> => {
  const root = await mkdtemp(join(tmpdir(), "solution-"));
  folders.push(root);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
};

/** Stops every server and removes every folder of this file's tests. */
export const cleanUp = async (): Promise<void> => {
  await Promise.all(opened.splice(0).map((one) => one.close(0)));
  await Promise.all(folders.splice(0).map((one) => rm(one, { recursive: true, force: true })));
};

const problemSchema = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  detail: z.string(),
  code: z.string(),
  requestId: z.string(),
  errors: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional(),
});

/** The problem document of a reply, checked for its form. */
export const problemIn = async (response: Response): Promise<z.output<typeof problemSchema>> => {
  const problem = problemSchema.parse(await response.json());
  if (problem.status !== response.status) throw new Error(`status ${problem.status} in a ${response.status}`);
  const type = response.headers.get("content-type");
  if (type !== "application/problem+json") throw new Error(`an error of type ${type}`);
  return problem;
};

/** Which parts of the input a refusal names. */
export const faultPaths = async (response: Response): Promise<readonly string[] | undefined> =>
  (await problemIn(response)).errors?.map(({ path }) => path);
