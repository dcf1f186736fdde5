import type { IncomingMessage } from "node:http";
import type { DeviceAccess } from "../../usecases/device-access.ts";
import type { DeviceRoute } from "./device-call.ts";
import { readHostLabel, readOrigin } from "./device-request.ts";
import { parseForm } from "./form.ts";
import { textReply } from "./replies.ts";

/**
 * Gives a device its token: form `id=<identity>`, or `vendor=<product>&model=<product>&sn=<identity>` of the older
 * clients, which name their product there and always the same host.
 */
export function makeActivation(deps: {
  readonly access: DeviceAccess;
  readonly defaultProduct: string;
}): DeviceRoute {
  return async (call) => {
    const text = await call.body();
    if (text === undefined) return undefined;
    // Of names given twice the last one counts.
    const fields = new Map(parseForm(text).map(({ name, value }) => [name, value]));
    const identity = (fields.get("id") ?? fields.get("sn") ?? "").replace(/[\r\n]+$/, "");
    if (identity === "") return textReply(400, "Send id=<identity>, or vendor, model and sn.\n");
    const productId = await productOf(call.request, fields, deps);
    const answer = await deps.access.activate({ productId, identity }, readOrigin(call.request));
    switch (answer.outcome) {
      case "activated":
        return textReply(200, answer.token);
      case "unknown":
        return textReply(404, "No such device in this product.\n");
      case "conflict":
        return textReply(409, "Activated already; its token must be reset first.\n");
      case "invalid":
        return textReply(400, "This is no admissible identity.\n");
    }
  };
}

async function productOf(
  request: IncomingMessage,
  fields: ReadonlyMap<string, string>,
  { access, defaultProduct }: { readonly access: DeviceAccess; readonly defaultProduct: string },
): Promise<string> {
  const candidates = [readHostLabel(request.headers.host), fields.get("vendor"), fields.get("model")];
  for (const candidate of new Set(candidates)) {
    if (candidate === undefined || !/^[A-Za-z0-9_-]{1,64}$/.test(candidate)) continue;
    if (await access.productExists(candidate)) return candidate;
  }
  return defaultProduct;
}
