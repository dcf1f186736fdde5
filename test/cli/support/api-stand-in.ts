import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** What arrived: path and query as sent, nothing decoded. */
export type SeenRequest = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
};

/** What is answered; `json` or `bytes`, status 200 unless named. */
export type StandInReply = {
  readonly status?: number;
  readonly json?: unknown;
  readonly bytes?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
};

type Route = (request: SeenRequest) => StandInReply;

/** A small server that speaks the shapes of the app API, so that a command can be seen from the wire. */
export type ApiStandIn = AsyncDisposable & {
  readonly url: string;
  readonly seen: readonly SeenRequest[];
  /** Answers `METHOD path` (below `/api/v1`, without the query) so from now on. */
  readonly on: (route: string, reply: StandInReply | Route) => void;
};

/** Starts one on a free port of the loopback. */
export async function startApiStandIn(): Promise<ApiStandIn> {
  const routes = new Map<string, Route>();
  const seen: SeenRequest[] = [];
  const server = createServer(async (incoming, outgoing) => {
    const request = await readRequest(incoming);
    seen.push(request);
    const route = routes.get(`${request.method} ${request.path.replace("/api/v1", "")}`);
    const reply = route?.(request) ?? refusal(404, "NOT_FOUND", `There is no ${request.path}.`);
    const body = reply.bytes ?? (reply.json === undefined ? "" : JSON.stringify(reply.json));
    outgoing
      .writeHead(reply.status ?? 200, { "content-type": "application/json", ...reply.headers })
      .end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    on: (route, reply) => routes.set(route, typeof reply === "function" ? reply : () => reply),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** A problem document as the server sends it. */
export function refusal(status: number, code: string, detail: string, extras: object = {}): StandInReply {
  return {
    status,
    json: { type: "about:blank", title: code, status, detail, code, requestId: "r1", ...extras },
  };
}

async function readRequest(incoming: IncomingMessage): Promise<SeenRequest> {
  const [path = "", query = ""] = (incoming.url ?? "").split("?");
  return {
    method: incoming.method ?? "",
    path,
    query: new URLSearchParams(query),
    headers: incoming.headers,
    text: (await buffer(incoming)).toString("utf8"),
  };
}
