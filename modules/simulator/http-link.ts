import http from "node:http";
import https from "node:https";
import { type DeviceLink, LinkRefused } from "./device-link.ts";

export type HttpLinkOptions = {
  /** The device listener, `http://host:port`. */
  readonly deviceUrl: string;
  /** Sent as Host, when the product is known by it. */
  readonly productHost?: string;
  readonly identity: string;
  /** Shared by many devices, so that they keep their connections. */
  readonly agent?: http.Agent;
  /** How long one poll waits. */
  readonly pollMs?: number;
};

type Reply = { readonly status: number; readonly headers: http.IncomingHttpHeaders; readonly body: string };

type Send = (
  method: "GET" | "POST",
  path: string,
  extra?: {
    readonly body?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly signal?: AbortSignal;
  },
) => Promise<Reply>;

const aliasPath = "/onep:v1/stack/alias";

/** The HTTP device API as a device of today speaks it. */
export function createHttpLink(options: HttpLinkOptions): DeviceLink {
  let token = "";
  let since = "0";
  let lastBody = "";
  const call = makeSend(options);
  const send: Send = async (method, path, extra = {}) => {
    const headers = { ...extra.headers, ...(token !== "" && { "X-Exosite-CIK": token }) };
    const reply = await call(method, path, { ...extra, headers });
    if (reply.status === 401) throw new LinkRefused(`${options.identity}: the token is refused`);
    if (reply.status >= 500 || reply.status === 429)
      throw new Error(`${method} ${path} was answered with ${reply.status}`);
    return reply;
  };
  return {
    async activate() {
      const reply = await send("POST", "/provision/activate", {
        body: new URLSearchParams({ id: options.identity }).toString(),
      });
      return reply.status === 200 ? reply.body : undefined;
    },
    useToken(given) {
      token = given;
    },
    async nextWanted(signal) {
      const reply = await send("GET", `${aliasPath}?config_otau`, {
        headers: { "Request-Timeout": String(options.pollMs ?? 60_000), "If-Modified-Since": since },
        signal,
      });
      if (reply.status === 304) return undefined;
      if (reply.status !== 200) throw new Error(`a poll was answered with ${reply.status}`);
      since = reply.headers["last-modified"] ?? since;
      lastBody = reply.body;
      return new URLSearchParams(reply.body).get("config_otau") ?? undefined;
    },
    async echo() {
      // Byte for byte, as the real ones do.
      await send("POST", aliasPath, { body: lastBody });
    },
    async report(text, stampSeconds) {
      if (stampSeconds === undefined) {
        await send("POST", aliasPath, { body: new URLSearchParams({ otau_in: text }).toString() });
        return;
      }
      const value = encodeURIComponent(text.toWellFormed());
      await send("POST", "/onep:v1/stack/record", { body: `alias=otau_in&${stampSeconds}=${value}` });
    },
    async close() {},
  };
}

function makeSend({ deviceUrl, productHost, agent }: HttpLinkOptions): Send {
  const base = new URL(deviceUrl);
  const start = base.protocol === "https:" ? https.request : http.request;
  return (method, path, extra = {}) =>
    new Promise((resolve, reject) => {
      const { body, signal } = extra;
      const headers: http.OutgoingHttpHeaders = { ...extra.headers };
      if (productHost !== undefined) headers["Host"] = productHost;
      if (body !== undefined) {
        headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8";
        headers["Content-Length"] = Buffer.byteLength(body);
      }
      const settings = { method, headers, ...(agent && { agent }), ...(signal && { signal }) };
      const request = start(new URL(path, base), settings, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
        response.on("error", reject);
      });
      request.on("error", reject);
      request.end(body);
    });
}
