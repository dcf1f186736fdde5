import { createHmac } from "node:crypto";
import { lookup } from "node:dns/promises";
import http from "node:http";
import https from "node:https";
import { isIP } from "node:net";
import type { SendResult, SendSigned } from "../../usecases/ports.ts";
import { isPublicAddress } from "./public-address.ts";

const timeoutDefaultMs = 10_000;
/** Of an answer no more is read; only its status counts. */
const answerMaxBytes = 64 * 1024;
const retryAfterMaxDefaultMs = 3_600_000;

export type SenderOptions = {
  /** `http:` and addresses that are not of the open internet are admitted. */
  readonly allowPrivateTargets: boolean;
  /** For the whole call, its answer included. */
  readonly timeoutMs?: number;
  /** A longer `Retry-After` counts as this. */
  readonly retryAfterMaxMs?: number;
};

export type SignedSender = { readonly send: SendSigned; readonly close: () => void };

/** The signature of Standard Webhooks: `v1,<base64>` of HMAC-SHA256 over `<id>.<seconds>.<body>`. */
export function signatureOf(secret: string, id: string, seconds: number, body: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  return `v1,${createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64")}`;
}

/**
 * Posts signed JSON to addresses of others. A name is resolved once and that very address is called, so that no second
 * look-up can lead elsewhere; redirects are not followed.
 */
export function makeSignedSender({
  allowPrivateTargets,
  timeoutMs = timeoutDefaultMs,
  retryAfterMaxMs = retryAfterMaxDefaultMs,
}: SenderOptions): SignedSender {
  const agents = {
    "http:": new http.Agent({ keepAlive: true, maxFreeSockets: 64 }),
    "https:": new https.Agent({ keepAlive: true, maxFreeSockets: 64 }),
  };

  async function addressOf(host: string, signal: AbortSignal): Promise<{ address: string; family: number }> {
    const bare = host.replace(/^\[|\]$/g, "");
    const family = isIP(bare);
    const found =
      family === 0 ? await unlessAborted(lookup(bare, { all: true }), signal) : [{ address: bare, family }];
    const [first] = found;
    if (first === undefined) throw new Error(`${bare} has no address`);
    const inner = allowPrivateTargets ? undefined : found.find(({ address }) => !isPublicAddress(address));
    if (inner !== undefined)
      throw new Error(`${bare} is ${inner.address}, which is not of the open internet`);
    return first;
  }

  const send: SendSigned = async ({ url, secret, id, body, headers = {} }) => {
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const target = new URL(url);
      const { protocol } = target;
      if (protocol !== "https:" && !(protocol === "http:" && allowPrivateTargets)) {
        return { error: `${protocol} is not admitted` };
      }
      const address = await addressOf(target.hostname, signal);
      const seconds = Math.floor(Date.now() / 1000);
      const request = (protocol === "https:" ? https : http).request(target, {
        method: "POST",
        agent: agents[protocol],
        signal,
        lookup: (_host, options, done) =>
          options.all ? done(null, [address]) : done(null, address.address, address.family),
        headers: {
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
          "user-agent": "otau",
          ...headers,
          "webhook-id": id,
          "webhook-timestamp": String(seconds),
          "webhook-signature": signatureOf(secret, id, seconds, body),
        },
      });
      return await answerOf(request, body, retryAfterMaxMs);
    } catch (error) {
      if (signal.aborted) return { error: `no answer within ${timeoutMs} ms` };
      return { error: error instanceof Error ? error.message : String(error) };
    }
  };

  return {
    send,
    close: () => {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

function answerOf(request: http.ClientRequest, body: string, retryAfterMaxMs: number): Promise<SendResult> {
  return new Promise((resolve, reject) => {
    request.once("error", reject);
    request.once("response", (response) => {
      let bytes = 0;
      const status = response.statusCode ?? 0;
      const result = { status, ...retryAfterOf(response.headers["retry-after"], retryAfterMaxMs) };
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= answerMaxBytes) return;
        resolve(result);
        response.destroy();
      });
      response.once("error", reject);
      response.once("end", () => resolve(result));
    });
    request.end(body);
  });
}

function retryAfterOf(text: string | undefined, maxMs: number): { readonly retryAfterMs?: number } {
  if (text === undefined) return {};
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) || ms <= 0 ? {} : { retryAfterMs: Math.min(ms, maxMs) };
}

/** A look-up of a name cannot be called off, only left alone. */
function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("no address in time")), { once: true });
    promise.then(resolve, reject);
  });
}
