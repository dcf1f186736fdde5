import type { IncomingMessage } from "node:http";
import type { DeviceContent } from "../../usecases/device-access.ts";
import { readRange } from "./byte-range.ts";
import { type DeviceReply, emptyReply } from "./replies.ts";

/**
 * An item's bytes, or the range of them that was asked for. `headers` go with each kind of answer; with `etag` what
 * the client has already is not sent again, and a range only of the very bytes it began with.
 */
export async function contentReply(
  request: IncomingMessage,
  content: DeviceContent,
  { headers = [], etag }: { readonly headers?: readonly string[]; readonly etag?: string } = {},
): Promise<DeviceReply> {
  const { "if-none-match": known, "if-range": begun } = request.headers;
  if (etag !== undefined && known !== undefined && names(known, etag)) return emptyReply(304, headers);
  const isOther = begun !== undefined && begun !== etag;
  const range = isOther ? undefined : readRange(request.headers.range, content.length);
  if (range === "unsatisfiable") {
    return emptyReply(416, ["Content-Range", `bytes */${content.length}`, ...headers]);
  }
  const length = range === undefined ? content.length : range.end - range.start + 1;
  const placed =
    range === undefined
      ? headers
      : ["Content-Range", `bytes ${range.start}-${range.end}/${content.length}`, ...headers];
  return {
    status: range === undefined ? 200 : 206,
    type: content.type,
    headers: placed,
    stream: { length, open: () => content.open(range) },
  };
}

const names = (header: string, etag: string): boolean =>
  header.split(",").some((each) => each.trim() === "*" || each.trim().replace(/^W\//, "") === etag);
