import type { IncomingMessage } from "node:http";
import { OtauError } from "../../errors.ts";

/** Bytes that all bodies being read may hold together. */
export type BodyBudget = { take(bytes: number): boolean; give(bytes: number): void };

export function createBodyBudget(maxBytes: number): BodyBudget {
  let held = 0;
  return {
    take(bytes) {
      if (held + bytes > maxBytes) return false;
      held += bytes;
      return true;
    },
    give(bytes) {
      held -= bytes;
    },
  };
}

/**
 * The whole body as text; bytes that are no UTF-8 become U+FFFD. TOO_LARGE above `maxBytes`, UNSUPPORTED_MEDIA_TYPE
 * for a compressed one, STORE_UNAVAILABLE while too many bodies are being read. Undefined when the device went away in
 * the middle.
 */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  budget: BodyBudget,
): Promise<string | undefined> {
  refuseCompressed(request);
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  return await new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const settle = (act: () => void) => {
      budget.give(length);
      length = 0;
      request.removeListener("data", onData);
      act();
    };
    const onData = (chunk: Buffer) => {
      if (length + chunk.length > maxBytes) return settle(() => reject(tooLarge(maxBytes)));
      if (!budget.take(chunk.length)) return settle(() => reject(overloaded()));
      length += chunk.length;
      chunks.push(chunk);
    };
    request.on("data", onData);
    request.once("end", () => settle(() => resolve(asText(chunks))));
    // After the end this changes nothing; before it, nobody is left to answer.
    request.once("close", () => settle(() => resolve(undefined)));
  });
}

// Inflating would let a small request become a large one, and stored as it is it would pass for a value.
function refuseCompressed(request: IncomingMessage): void {
  const encoding = request.headers["content-encoding"]?.trim().toLowerCase() ?? "";
  if (encoding === "" || encoding === "identity") return;
  throw new OtauError(
    "UNSUPPORTED_MEDIA_TYPE",
    "Compressed bodies are not taken; send it without Content-Encoding.",
  );
}

const asText = (chunks: readonly Buffer[]): string =>
  chunks.length === 1 && chunks[0] !== undefined
    ? chunks[0].toString("utf8")
    : Buffer.concat(chunks).toString("utf8");

const tooLarge = (maxBytes: number): OtauError =>
  new OtauError("TOO_LARGE", `The body is larger than ${maxBytes} bytes; send fewer values at once.`);

const overloaded = (): OtauError =>
  new OtauError("STORE_UNAVAILABLE", "Too many bodies are being read; try again in a second.", {
    retryAfterSeconds: 1,
  });
