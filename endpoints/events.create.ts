import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";
import { eventResultSchema, eventsBodySchema, takeEvents } from "../modules/usecases/take-events.ts";

export default endpoint({
  method: "POST",
  path: "/api/v1/products/{productId}/events",
  summary: "Take Device2 events of an outside platform, one or up to 1000",
  description:
    "Results come in the order of the events, each with what was made of its reports. An event that cannot be taken has an `error`, and stops no other.",
  tags: ["events"],
  security: { role: "platform", scope: "product" },
  params: z.strictObject({ productId: productIdSchema }),
  body: eventsBodySchema,
  bodyLimitBytes: 16 * 1024 * 1024,
  reply: { status: 200, schema: z.strictObject({ results: z.array(eventResultSchema) }) },
  errors: [],

  handle: async ({ params, body }, { app }) => {
    await app.products.require(params.productId);
    return { results: await takeEvents(app.emit, app.read.devices, params.productId, body) };
  },
});
