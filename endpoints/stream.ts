import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { identitySchema, productIdSchema } from "../modules/otau/ids.ts";
import { eventStream } from "../modules/runtime/event-stream.ts";
import { queryMany } from "../modules/runtime/query.ts";
import { deploymentIdSchema } from "../modules/usecases/deployment-view.ts";
import { typesQuery } from "../modules/usecases/journal-line.ts";
import { parseEventId } from "../modules/usecases/stream-events.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/stream",
  summary: "Follow all that happens, as server-sent events",
  description:
    "Each event has the id, type and text of its journal line. `Last-Event-ID` goes on after that line, without loss or doubling; an id that is older than the journal gives one event `gap`. A reader more than 1 MiB behind gets `end` and is closed.",
  tags: ["events"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema }),
  query: z.strictObject({
    types: typesQuery,
    identity: queryMany(identitySchema),
    deploymentId: queryMany(deploymentIdSchema),
  }),
  reply: {
    status: 200,
    contentType: "text/event-stream; charset=utf-8",
    description: "Events as they happen",
  },
  errors: [],

  handle: async ({ params, query, request }, { app }) => {
    const after = parseEventId(request.headers["last-event-id"]);
    await app.products.require(params.productId);
    const secret = (request.headers.authorization ?? "").replace(/^bearer +/i, "");
    const isAllowed = async () => {
      const caller = await app.tokens.authenticate(secret);
      return caller !== undefined && (caller.products === "*" || caller.products.includes(params.productId));
    };
    return eventStream((sink) =>
      app.stream.read(params.productId, { after, filter: query, isAllowed }, sink),
    );
  },
});
