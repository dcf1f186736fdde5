import type { IncomingMessage } from "node:http";
import { OtauError } from "../../errors.ts";
import {
  contentLinkRoot,
  type DeviceAccess,
  type DeviceContent,
  type DeviceCredential,
  type SignedLink,
} from "../../usecases/device-access.ts";
import { contentReply } from "./content-reply.ts";
import type { DeviceCall, DeviceRoute } from "./device-call.ts";
import { readOrigin, readToken } from "./device-request.ts";
import { parseForm } from "./form.ts";
import { type DeviceReply, textReply } from "./replies.ts";

const forbidden = textReply(403, "Send a valid device token.\n");

/**
 * The content of the device's product: a list of ids, one item's facts, or its bytes. `vendor` and `model`, which
 * older clients send, name the product.
 */
export function makeDownload({ access }: { readonly access: DeviceAccess }): DeviceRoute {
  return async (call) => {
    try {
      const credential = await credentialOf(access, call.request);
      return credential === undefined ? forbidden : await download(access, credential, call);
    } catch (error) {
      if (error instanceof OtauError && error.code === "UNAUTHORIZED") return forbidden;
      throw error;
    }
  };
}

async function credentialOf(
  access: DeviceAccess,
  request: IncomingMessage,
): Promise<DeviceCredential | undefined> {
  const token = readToken(request);
  return token === undefined ? undefined : access.authenticate(token, readOrigin(request).ip);
}

async function download(
  access: DeviceAccess,
  credential: DeviceCredential,
  { request, query }: DeviceCall,
): Promise<DeviceReply> {
  const fields = new Map(parseForm(query).map(({ name, value }) => [name, value]));
  const { productId } = credential.ref;
  const id = fields.get("id") ?? "";
  const wantsInfo = id !== "" && /^(true|1)$/i.test(fields.get("info") ?? "");
  for (const name of ["vendor", "model"]) {
    const named = fields.get(name) ?? "";
    if (named === "" || named === productId) continue;
    return textReply(wantsInfo ? 400 : 403, `The device does not belong to ${name} ${named.slice(0, 64)}.\n`);
  }
  access.touch(credential.ref);
  if (id === "") return csvReply((await access.listContent(credential)).join("\n"));
  const content = await access.findContent(credential, id);
  if (content === undefined) return textReply(404, "No such content item.\n");
  return wantsInfo ? csvReply(infoLine(content)) : contentReply(request, content);
}

const csvReply = (body: string): DeviceReply => ({ status: 200, type: "text/csv", body });

/** `<mime>,<bytes>,<unix time>,<meta>`; meta is all the rest of the line: the tags as JSON, nothing without any. */
function infoLine({ type, length, lastModified, tags }: DeviceContent): string {
  const mime = /[",]/.test(type) ? `"${type.replaceAll('"', '""')}"` : type;
  const meta = Object.keys(tags).length === 0 ? "" : JSON.stringify(tags);
  return [mime, length, Math.floor(lastModified / 1000), meta].join(",");
}

/** The bytes behind a signed link; whoever has the link may have them. */
export function makeFollowLink({ access }: { readonly access: DeviceAccess }): DeviceRoute {
  return async ({ request, path, query }) => {
    const link = readLink(path, query);
    if (link === undefined) return textReply(403, "The link is not valid.\n");
    const followed = await access.followLink(link);
    switch (followed.outcome) {
      case "forged":
        return textReply(403, "The link is not valid.\n");
      case "expired":
        return textReply(403, "The link has expired.\n");
      case "gone":
        return textReply(404, "The content item is gone.\n");
      case "found": {
        const etag = `"${followed.content.sha256}"`;
        const headers = ["ETag", etag, "Accept-Ranges", "bytes"];
        return contentReply(request, followed.content, { headers, etag });
      }
    }
  };
}

function readLink(path: string, query: string): SignedLink | undefined {
  const [productId = "", ...segments] = path.slice(contentLinkRoot.length).split("/");
  const fields = new URLSearchParams(query);
  const expires = fields.get("expires");
  const signature = fields.get("signature");
  if (expires === null || signature === null || segments.length === 0) return undefined;
  return { productId, id: segments.join("/"), expires, signature };
}
