import type { IncomingMessage } from "node:http";
import { OtauError } from "../../errors.ts";
import {
  contentLinkRoot,
  type DeviceAccess,
  type DeviceCredential,
  type ResourceValue,
} from "../../usecases/device-access.ts";
import type { KnownValues } from "../known-values.ts";
import { admissibleAliases, checkedEntries, entriesOfPairs } from "../written-values.ts";
import { makeActivation } from "./activation.ts";
import type { DeviceRoute } from "./device-call.ts";
import { readOrigin, readToken } from "./device-request.ts";
import { makeDownload, makeFollowLink } from "./downloads.ts";
import { encodeForm, parseForm } from "./form.ts";
import type { createLongPolls } from "./long-polls.ts";
import { lastModifiedDate, readSince } from "./poll-since.ts";
import { readRecordForm } from "./record-form.ts";
import { type DeviceReply, emptyReply, textReply } from "./replies.ts";

/** Longest wait of a poll; longer ones are cut to it. */
const maxPollMs = 300_000;

export type DeviceRouteDeps = {
  readonly access: DeviceAccess;
  readonly defaultProduct: string;
  readonly now: () => number;
  readonly known: KnownValues;
  readonly longPolls: ReturnType<typeof createLongPolls>;
};

/** The device API: path → method → route. */
export function makeDeviceRoutes(
  deps: DeviceRouteDeps,
): ReadonlyMap<string, ReadonlyMap<string, DeviceRoute>> {
  const followLink = makeFollowLink(deps);
  const alias = { GET: makeRead(deps), POST: makeWrite(deps) };
  return new Map([
    ["/provision/activate", methods({ POST: makeActivation(deps) })],
    ["/onep:v1/stack/alias", methods(alias)],
    ["/onep:v1/stack/record", methods({ POST: makeRecord(deps) })],
    ["/provision/download", methods({ GET: makeDownload(deps) })],
    [contentLinkRoot, methods({ GET: followLink, HEAD: followLink })],
    ["/timestamp", methods({ GET: async () => textReply(200, String(Math.floor(deps.now() / 1000))) })],
  ]);
}

const methods = (routes: Readonly<Record<string, DeviceRoute>>): ReadonlyMap<string, DeviceRoute> =>
  new Map(Object.entries(routes));

function makeRead({ access, known, longPolls }: DeviceRouteDeps): DeviceRoute {
  return async (call) => {
    const credential = await authenticated(access, call.request);
    const named = parseForm(call.query).map(({ name }) => name);
    if (named.length === 0) return textReply(400, "Name the resources to read: ?config_otau\n");
    const aliases = admissibleAliases(named);
    const wait = readWait(call.request);
    if (wait === undefined) {
      access.touch(credential.ref);
      const values = await access.read(credential, aliases);
      return valuesReply(values, aliases, known, credential);
    }
    const since = readSince(headerText(call.request, "if-modified-since"));
    if (wait === "malformed") return textReply(400, "Request-Timeout is a number of milliseconds.\n");
    if (since === undefined) return textReply(400, "If-Modified-Since is Unix seconds or an HTTP date.\n");
    access.touch(credential.ref);
    const values = await longPolls.wait({
      credential,
      aliases,
      since,
      timeoutMs: wait,
      signal: call.hangUp(),
    });
    if (values.size === 0) return emptyReply(304);
    const newestUs = Math.max(...[...values.values()].map(({ timestampUs }) => timestampUs));
    return {
      ...valuesReply(values, aliases, known, credential),
      headers: ["Last-Modified", lastModifiedDate(newestUs)],
    };
  };
}

function makeWrite({ access, known }: DeviceRouteDeps): DeviceRoute {
  return async (call) => {
    const credential = await authenticated(access, call.request);
    const text = await call.body();
    if (text === undefined) return undefined;
    const pairs = parseForm(text);
    const wanted = parseForm(call.query).map(({ name }) => name);
    if (pairs.length === 0 && wanted.length === 0) {
      return textReply(400, "The body holds no <resource>=<value>.\n");
    }
    const entries = checkedEntries(entriesOfPairs(pairs));
    rememberOwn(known, credential, entries);
    if (entries.length > 0) await access.write(credential, entries, readOrigin(call.request));
    else access.touch(credential.ref);
    if (wanted.length === 0) return emptyReply(204);
    const aliases = admissibleAliases(wanted);
    return valuesReply(await access.read(credential, aliases), aliases, known, credential);
  };
}

function makeRecord({ access, known }: DeviceRouteDeps): DeviceRoute {
  return async (call) => {
    const credential = await authenticated(access, call.request);
    const text = await call.body();
    if (text === undefined) return undefined;
    const form = readRecordForm(parseForm(text));
    if (form.kind === "malformed") return textReply(400, `${form.detail}\n`);
    if (form.kind === "clash") return textReply(409, form.stamps.slice(0, 20).join(","));
    const entries = checkedEntries(form.entries);
    rememberOwn(known, credential, entries);
    if (entries.length > 0) await access.write(credential, entries, readOrigin(call.request));
    return emptyReply(204);
  };
}

async function authenticated(access: DeviceAccess, request: IncomingMessage): Promise<DeviceCredential> {
  const token = readToken(request);
  const credential =
    token === undefined ? undefined : await access.authenticate(token, readOrigin(request).ip);
  if (credential === undefined) {
    throw new OtauError(
      "UNAUTHORIZED",
      "Send a valid token as X-Exosite-CIK or Authorization: token <token>.",
    );
  }
  return credential;
}

function valuesReply(
  values: ReadonlyMap<string, ResourceValue>,
  aliases: readonly string[],
  known: KnownValues,
  { ref }: DeviceCredential,
): DeviceReply {
  const pairs: [string, string][] = [];
  for (const alias of aliases) {
    const found = values.get(alias);
    if (found === undefined) continue;
    known.knows(ref, alias, found.timestampUs);
    pairs.push([alias, found.value]);
  }
  if (pairs.length === 0) return emptyReply(204);
  return { status: 200, type: "application/x-www-form-urlencoded", body: encodeForm(pairs) };
}

// Before the write, as its hint may come before its answer.
function rememberOwn(
  known: KnownValues,
  { ref }: DeviceCredential,
  entries: readonly { readonly values: Readonly<Record<string, unknown>> }[],
): void {
  for (const { values } of entries) {
    for (const [alias, value] of Object.entries(values)) {
      // Who never read the resource does not poll it either.
      if (known.get(ref, alias) !== undefined) known.wrote(ref, alias, String(value));
    }
  }
}

function readWait(request: IncomingMessage): number | "malformed" | undefined {
  const text = headerText(request, "request-timeout");
  if (text === undefined) return undefined;
  return /^\d{1,12}$/.test(text.trim()) ? Math.min(Number(text), maxPollMs) : "malformed";
}

function headerText(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
