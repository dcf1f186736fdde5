import type { IncomingMessage } from "node:http";
import type { Origin } from "../../usecases/device-access.ts";
import { percentDecode } from "./form.ts";

/** Path and query of a request line. */
export type Target = { readonly path: string; readonly query: string };

/** Splits a request target; an absolute one loses its scheme and host, an escaped path (`/onep%3Av1`) is decoded. */
export function readTarget(url: string | undefined): Target {
  const relative = (url ?? "/").replace(/^https?:\/\/[^/?]*/i, "");
  const mark = relative.indexOf("?");
  const path = mark === -1 ? relative : relative.slice(0, mark);
  return { path: percentDecode(path), query: mark === -1 ? "" : relative.slice(mark + 1) };
}

/** The token a request shows: `X-Exosite-CIK: <token>` or `Authorization: token <token>`. */
export function readToken(request: IncomingMessage): string | undefined {
  const cik = request.headers["x-exosite-cik"];
  const shown =
    typeof cik === "string"
      ? cik.trim()
      : /^token\s+(\S+)\s*$/i.exec(request.headers.authorization ?? "")?.[1];
  return shown === undefined || shown === "" || shown.length > 256 ? undefined : shown;
}

/** The first label of the Host header, if it is a name and no address. */
export function readHostLabel(host: string | undefined): string | undefined {
  if (host === undefined || host.startsWith("[")) return undefined;
  const name = host.replace(/:\d*$/, "");
  if (/^[\d.]+$/.test(name)) return undefined;
  return name.split(".")[0];
}

/** Where a request came from. */
export const readOrigin = (request: IncomingMessage): Origin => ({
  ip: plainAddress(request.socket.remoteAddress),
  protocol: "http",
});

/** IPv4 addresses without the prefix that a dual-stack socket gives them. */
export const plainAddress = (address: string | undefined): string =>
  (address ?? "").replace(/^::ffff:(?=\d)/, "");
