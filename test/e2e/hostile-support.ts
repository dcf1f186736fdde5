import { request } from "node:http";
import { type Page, type Problem, updateIn } from "../endpoints/support.ts";
import type { TestApp } from "../support/app.ts";

/** The answer to a request that was sent to the letter. */
export type RawReply = {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly text: string;
};

type RawRequest = {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
};

/** Sends a request whose path is not tidied up on the way, as `fetch` would. */
export function sendRaw(
  base: string | undefined,
  method: string,
  path: string,
  sent: RawRequest = {},
): Promise<RawReply> {
  const { hostname, port } = new URL(base ?? "");
  const length = sent.body === undefined ? {} : { "content-length": String(Buffer.byteLength(sent.body)) };
  return new Promise((resolve, reject) => {
    const call = request(
      { hostname, port, method, path, headers: { ...length, ...sent.headers } },
      (reply) => {
        const chunks: Buffer[] = [];
        reply.on("data", (chunk: Buffer) => chunks.push(chunk));
        reply.on("end", () =>
          resolve({
            status: reply.statusCode ?? 0,
            headers: reply.headers,
            text: Buffer.concat(chunks).toString("utf8"),
          }),
        );
      },
    );
    call.on("error", reject);
    call.end(sent.body);
  });
}

/** Sends bytes to the app API as they are, below `/api/v1`; answers status and code. */
export async function refusalOf(
  app: TestApp,
  method: string,
  path: string,
  sent: RawRequest = {},
): Promise<readonly [number, string | undefined]> {
  const type = sent.body === undefined ? {} : { "content-type": "application/json" };
  const reply = await sendRaw(app.apiUrl, method, `/api/v1${path}`, {
    ...sent,
    headers: { authorization: `Bearer ${app.token}`, ...type, ...sent.headers },
  });
  const isProblem = String(reply.headers["content-type"]).startsWith("application/problem+json");
  return [reply.status, isProblem ? (JSON.parse(reply.text) as Problem).code : undefined];
}

/** Everything a reader sees of a product and one of its devices: equal before and after what changed nothing. */
export async function pictureOf(app: TestApp, below: string, identity: string): Promise<unknown> {
  const paths = [
    below,
    `${below}/summary`,
    `${below}/packages`,
    `${below}/content`,
    `${below}/deployments`,
    `${below}/devices/${identity}/update`,
    `${below}/devices/${identity}/history`,
    `${below}/devices/${identity}/state`,
  ];
  const replies = await Promise.all(paths.map((path) => app.call("GET", path)));
  const { items } = (
    await app.call<Page<{ identity: string; tags: object; revision: number }>>("GET", `${below}/devices`)
  ).body;
  return [
    ...replies.map(({ status, body }) => (status === 200 ? body : status)),
    items.map(({ identity: id, tags, revision }) => [id, tags, revision]),
  ];
}

/** A device of the product that has an update in `sent`, and the token it speaks with. */
export async function givenUpdating(app: TestApp, below: string, identity: string, packageId: string) {
  await app.call("PUT", `${below}/devices/${identity}`, {});
  const given = await app.call<{ token: string }>("POST", `${below}/devices/${identity}/token`, {});
  const applied = await app.call("POST", `${below}/packages/${packageId}/apply`, { devices: [identity] });
  if (applied.status !== 202)
    throw new Error(`apply was answered ${applied.status}: ${JSON.stringify(applied.body)}`);
  await updateIn(app, below, identity, "sent");
  return given.body.token;
}
