import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** One call as a receiver got it. */
export type ReceivedCall = {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly event: Readonly<Record<string, unknown>>;
};

/** How a call is answered: a status, or never. */
export type ReceiverAnswer = (call: ReceivedCall, before: number) => number | "never";

/** A receiver of webhooks on loopback. `before`: how many calls with the same id came earlier. */
export async function startReceiver(answer: ReceiverAnswer = () => 204) {
  const calls: ReceivedCall[] = [];
  let answers = answer;
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const id = String(request.headers["webhook-id"]);
    const before = calls.filter((call) => call.id === id).length;
    const call = { id, headers: request.headers, body, event: JSON.parse(body) };
    calls.push(call);
    const status = answers(call, before);
    if (status === "never") return;
    response
      .writeHead(status, status >= 300 && status < 400 ? { location: "http://127.0.0.1:1/" } : {})
      .end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async () => {
    server.close();
    server.closeAllConnections();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    calls,
    answerWith: (next: ReceiverAnswer) => {
      answers = next;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Whether the signature is right, checked as Standard Webhooks describe it. */
export function isSignedBy(secret: string, { headers, body }: ReceivedCall): boolean {
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  const expected = `v1,${createHmac("sha256", key).update(signed).digest("base64")}`;
  return String(headers["webhook-signature"]).split(" ").includes(expected);
}
