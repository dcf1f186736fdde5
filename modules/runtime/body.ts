import type { IncomingMessage } from "node:http";
import { type Readable, Transform } from "node:stream";
import { OtauError } from "../errors.ts";
import type { BodyKind } from "./define.ts";
import { parseJsonBody, parseNdjsonBody } from "./json-text.ts";

/** A JSON body is at most this long unless its endpoint says otherwise. */
export const bodyLimitDefaultBytes = 1024 * 1024;

/** A body as received; `bytes` is empty for streams. */
export type ReceivedBody = {
  readonly bytes: Uint8Array;
  readonly text: string;
  /** Undefined when nothing was sent. */
  readonly value: unknown;
  readonly stream: Readable | undefined;
};

const nothing: ReceivedBody = { bytes: new Uint8Array(), text: "", value: undefined, stream: undefined };

const tooLarge = (limitBytes: number): OtauError =>
  new OtauError("TOO_LARGE", `The body is longer than the ${limitBytes} bytes allowed here.`);

/** The media type in lower case, without parameters. */
export const mediaTypeOf = (contentType: string | undefined): string | undefined => {
  const type = contentType?.split(";", 1)[0]?.trim().toLowerCase();
  return type === "" ? undefined : type;
};

const hasBody = (request: IncomingMessage): boolean =>
  request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"] ?? 0) > 0;

const refuseEncoded = (request: IncomingMessage): void => {
  const encoding = request.headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
  // Inflating would let a small request become a large one.
  if (encoding === "identity" || encoding === "") return;
  throw new OtauError(
    "UNSUPPORTED_MEDIA_TYPE",
    "Compressed bodies are not taken. Send it without Content-Encoding.",
  );
};

const refuseLong = (request: IncomingMessage, limitBytes: number): void => {
  if (Number(request.headers["content-length"] ?? 0) > limitBytes) throw tooLarge(limitBytes);
};

const cutOff = (): OtauError => new OtauError("INVALID_INPUT", "The body ended before its announced length.");

const readAll = (request: IncomingMessage, limitBytes: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on("data", (chunk: Buffer) => {
      length += chunk.length;
      // What comes after is still read and dropped, so that the caller gets to see the answer.
      if (length > limitBytes) reject(tooLarge(limitBytes));
      else chunks.push(chunk);
    });
    request.once("end", () => resolve(Buffer.concat(chunks, length)));
    request.once("error", () => reject(cutOff()));
    request.once("close", () => reject(cutOff()));
  });

const limited = (request: IncomingMessage, limitBytes: number): Readable => {
  let length = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      length += chunk.length;
      if (length > limitBytes) done(tooLarge(limitBytes));
      else done(null, chunk);
    },
  });
  const cut = () => {
    if (!request.complete) counter.destroy(cutOff());
  };
  request.once("close", cut);
  request.once("error", cut);
  // After a refusal the rest is read and dropped, so that the caller gets to see the answer.
  counter.once("error", () => request.unpipe(counter).resume());
  return request.pipe(counter);
};

const jsonTypes = /^application\/(?:json|[a-z0-9.-]+\+json)$/;
const ndjsonTypes = new Set([
  "application/x-ndjson",
  "application/ndjson",
  "application/jsonl",
  "application/json-lines",
]);

const charsetOf = (contentType: string | undefined): string =>
  /;\s*charset="?([^";\s]+)/i.exec(contentType ?? "")?.[1]?.toLowerCase() ?? "utf-8";

type Syntax = "json" | "ndjson";

const syntaxOf = (request: IncomingMessage, kind: BodyKind): Syntax => {
  const contentType = request.headers["content-type"];
  const type = mediaTypeOf(contentType) ?? "";
  const isUtf8 = ["utf-8", "utf8", "us-ascii"].includes(charsetOf(contentType));
  if (isUtf8 && jsonTypes.test(type)) return "json";
  if (isUtf8 && kind === "ndjson" && ndjsonTypes.has(type)) return "ndjson";
  const wanted = kind === "ndjson" ? "application/json or application/x-ndjson" : "application/json";
  const named = type === "" ? "none" : `"${(contentType ?? "").slice(0, 100)}"`;
  throw new OtauError("UNSUPPORTED_MEDIA_TYPE", `Content-Type must be ${wanted} in UTF-8, not ${named}.`);
};

/**
 * Receives a request's body as its endpoint declares it. Refuses TOO_LARGE, UNSUPPORTED_MEDIA_TYPE,
 * INVALID_INPUT (not JSON, too deep, not UTF-8, cut off).
 */
export const receiveBody = async (
  request: IncomingMessage,
  kind: BodyKind,
  limitBytes: number,
): Promise<ReceivedBody> => {
  refuseEncoded(request);
  refuseLong(request, limitBytes);
  if (kind === "stream") return { ...nothing, stream: limited(request, limitBytes) };
  if (!hasBody(request)) return nothing;
  const syntax = syntaxOf(request, kind);
  const bytes = await readAll(request, limitBytes);
  if (bytes.length === 0) return nothing;
  const parsed = syntax === "json" ? parseJsonBody(bytes) : parseNdjsonBody(bytes);
  return { bytes, ...parsed, stream: undefined };
};
