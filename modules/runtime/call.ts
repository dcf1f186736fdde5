import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import { OtauError } from "../errors.ts";
import { bodyLimitDefaultBytes, mediaTypeOf, type ReceivedBody, receiveBody } from "./body.ts";
import type { AnyEndpoint, IdempotencyRequest, Principal, RequestInfo } from "./define.ts";
import { type IdempotencyStore, idempotencyScope, requestDigest } from "./idempotency.ts";
import type { LoadedEndpoint } from "./load.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import {
  bearerToken,
  idempotencyKeyOf,
  makeQueryReader,
  preconditionOf,
  readBody,
  readParams,
} from "./request-parts.ts";

/** What a handler's helpers may depend on. */
export type CallContext = {
  readonly requestId: string;
  /** The operationId or `service.event`; the field `handler` in the log. */
  readonly handler: string;
  readonly principal: Principal | undefined;
  /** Raw path parameters, decoded; the endpoint's schema has passed them. */
  readonly params: Readonly<Record<string, string>>;
};

/** A refused request, for whoever keeps the record of such things. */
export type Refusal = {
  readonly requestId: string;
  readonly operationId: string;
  readonly method: string;
  readonly principal: Principal | undefined;
  readonly remoteAddress: string;
  /** Raw path parameters, decoded; not checked by any schema. */
  readonly params: Readonly<Record<string, string>>;
  readonly code: OtauError["code"];
  readonly detail: string;
};

/** What the runtime needs from the solution around it. */
export type HttpPorts = {
  /** The principal of a token; undefined refuses the request (401). */
  readonly authenticate: (
    token: string | undefined,
    request: RequestInfo,
  ) => Promise<Principal | undefined> | Principal | undefined;
  readonly roleAllows: (role: string, needed: string) => boolean;
  /** Made anew for each call. */
  readonly helpersFor: (call: CallContext) => unknown;
  readonly idempotency: IdempotencyStore;
  /** Counts one call of `caller` (a token's id, else an address). */
  readonly rateLimit?: (
    operationId: string,
    caller: string,
    perMinute: number,
  ) => Promise<{ readonly allowed: boolean; readonly retryAfterSeconds: number }>;
  /** Gives the refusal that a foreign error stands for (a lost store: 503), else undefined. */
  readonly translateError?: (error: unknown) => OtauError | undefined;
  /** Told of each refused request; must not throw and is not waited for. */
  readonly onRefusal?: (refusal: Refusal) => void;
  readonly newRequestId: () => string;
  readonly log: Logger;
};

/** What is known of a request so far, for its log line. */
export type CallState = {
  readonly id: string;
  operationId?: string;
  params?: Readonly<Record<string, string>>;
  principal?: Principal | undefined;
};

/** One request on its way to one endpoint. */
export type Arrived = {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly params: Readonly<Record<string, string>>;
  readonly state: CallState;
};

/** Runs one endpoint: who may call, what was sent, the handler, the reply. Throws refusals. */
export type EndpointCall = (arrived: Arrived) => Promise<Outcome>;

type Settings = { readonly checkReplies: boolean; readonly onLoopbackOnly: boolean };

const requestInfo = ({ message, response, state }: Arrived, route: string): RequestInfo => {
  let controller: AbortController | undefined;
  return {
    id: state.id,
    method: message.method ?? "GET",
    route,
    url: message.url ?? "/",
    headers: message.headers,
    remoteAddress: message.socket.remoteAddress ?? "",
    // Made on demand: hardly any handler waits for its caller to go away.
    get signal() {
      if (controller === undefined) {
        const made = new AbortController();
        controller = made;
        if (response.destroyed) made.abort();
        else response.once("close", () => made.abort());
      }
      return controller.signal;
    },
  };
};

const notYours = (arrived: Arrived): OtauError =>
  // Word for word what an unknown product is answered with: a token must not learn what exists.
  new OtauError("NOT_FOUND", `There is no product "${(arrived.params["productId"] ?? "").slice(0, 128)}".`);

const authorize = async (
  endpoint: AnyEndpoint,
  arrived: Arrived,
  request: RequestInfo,
  ports: HttpPorts,
  settings: Settings,
): Promise<Principal | undefined> => {
  const { security } = endpoint;
  if (security.role === "none") return undefined;
  if ("openOnLoopback" in security && security.openOnLoopback === true && settings.onLoopbackOnly)
    return undefined;
  const principal = await ports.authenticate(bearerToken(request.headers), request);
  arrived.state.principal = principal;
  if (principal === undefined) {
    throw new OtauError("UNAUTHORIZED", "Send a valid token as Authorization: Bearer <token>.");
  }
  if (security.scope === "product" && principal.products !== "*") {
    if (!principal.products.includes(arrived.params["productId"] ?? "")) throw notYours(arrived);
  }
  if (ports.roleAllows(principal.role, security.role)) return principal;
  throw new OtauError("FORBIDDEN", `The role ${principal.role} may not do this; it takes ${security.role}.`);
};

const limitRate = async (
  { endpoint, operationId }: LoadedEndpoint,
  caller: string,
  ports: HttpPorts,
): Promise<void> => {
  if (endpoint.rateLimit === undefined || ports.rateLimit === undefined) return;
  const { allowed, retryAfterSeconds } = await ports.rateLimit(operationId, caller, endpoint.rateLimit);
  if (allowed) return;
  throw new OtauError("RATE_LIMITED", `More than ${endpoint.rateLimit} calls a minute. Try again later.`, {
    retryAfterSeconds,
  });
};

/** Runs `run` at most once for a key and gives the kept answer to whoever asks again. */
const onceForKey = async (
  { scope, key, digest }: IdempotencyRequest,
  { idempotency, log }: HttpPorts,
  run: () => Promise<Outcome>,
): Promise<Outcome> => {
  const state = await idempotency.begin(scope, key, digest);
  if (state.kind === "replay") {
    return { ...state.reply, headers: { ...state.reply.headers, "idempotency-replayed": "true" } };
  }
  if (state.kind === "reused") {
    throw new OtauError("IDEMPOTENCY_KEY_REUSED", "This Idempotency-Key came with another body before.");
  }
  if (state.kind === "in-progress") {
    throw new OtauError(
      "IDEMPOTENCY_IN_PROGRESS",
      "The first request with this Idempotency-Key is still running.",
    );
  }
  const abandon = () =>
    idempotency.abandon(scope, key, state.lease).catch((err: unknown) => {
      log.warn({ err }, "an idempotency key could not be freed; its lease will");
    });
  const outcome = await run().catch(async (error: unknown) => {
    await abandon();
    throw error;
  });
  if (outcome.status >= 300 || outcome.stream !== undefined || outcome.takeOver !== undefined) {
    await abandon();
    return outcome;
  }
  // The work is done and the caller must hear so, even if a repetition could not be recognised.
  await idempotency.finish(scope, key, state.lease, keptReply(outcome)).catch((err: unknown) => {
    log.error({ err }, "an answer could not be kept for its idempotency key");
  });
  return outcome;
};

const keptReply = ({ status, headers, body }: Outcome) => ({
  status,
  headers: Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value].flat().join(", ")]),
  ),
  body: body === undefined ? "" : Buffer.from(body).toString("utf8"),
});

const idempotencyOf = (
  { endpoint, operationId }: LoadedEndpoint,
  arrived: Arrived,
  principal: Principal | undefined,
  body: ReceivedBody,
): IdempotencyRequest | undefined => {
  if (endpoint.method !== "POST") return undefined;
  const key = idempotencyKeyOf(arrived.message.headers);
  if (key === undefined) return undefined;
  return {
    key,
    scope: idempotencyScope(principal?.id, operationId, arrived.params),
    digest: requestDigest(arrived.message.url ?? "/", body.bytes),
  };
};

/** A body the handler left alone must still be read off, else its connection is stuck. */
const dropUnread = ({ message, response }: Arrived): void => {
  response.once("finish", () => {
    if (message.readableEnded) return;
    message.unpipe();
    message.resume();
  });
};

type Handle = (input: unknown, helpers: unknown) => unknown;

/** Makes the call of one endpoint; what its schemas need is worked out here, once. */
export const makeEndpointCall = (
  loaded: LoadedEndpoint,
  ports: HttpPorts,
  settings: Settings,
): EndpointCall => {
  const { endpoint, operationId } = loaded;
  const readQuery = makeQueryReader(endpoint.query);
  const bodyKind = endpoint.bodyKind ?? "json";
  const limitBytes = endpoint.bodyLimitBytes ?? bodyLimitDefaultBytes;
  const honoursPreconditions = ["PUT", "PATCH", "DELETE"].includes(endpoint.method);
  // The definers have checked the types of both sides; here they are forgotten.
  const handle = endpoint.handle as unknown as Handle;

  return async (arrived) => {
    const { message, state } = arrived;
    state.operationId = operationId;
    state.params = arrived.params;
    const request = requestInfo(arrived, endpoint.path);
    const principal = await authorize(endpoint, arrived, request, ports, settings);
    await limitRate(loaded, principal?.id ?? request.remoteAddress, ports);
    const params = readParams(endpoint.params, arrived.params);
    const query = readQuery(request.url);
    const precondition = honoursPreconditions ? preconditionOf(message.headers) : {};
    if (bodyKind === "stream") dropUnread(arrived);
    const received = await receiveBody(message, bodyKind, limitBytes);
    const body = received.stream ?? readBody(endpoint.body, received.value);
    const idempotency = idempotencyOf(loaded, arrived, principal, received);
    const isOwn = endpoint.idempotency === "own";
    const input = {
      params,
      query,
      body,
      text: received.text,
      contentType: mediaTypeOf(message.headers["content-type"]),
      principal,
      precondition,
      idempotency: isOwn ? idempotency : undefined,
      request,
    };
    const run = async (): Promise<Outcome> => {
      const helpers = ports.helpersFor({
        requestId: state.id,
        handler: operationId,
        principal,
        params: arrived.params,
      });
      const returned = await handle(input, helpers);
      return outcomeOf(operationId, endpoint, returned, message, settings.checkReplies);
    };
    return idempotency === undefined || isOwn ? run() : onceForKey(idempotency, ports, run);
  };
};
