import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { OtauError } from "../modules/errors.ts";
import { identitySchema, productIdSchema } from "../modules/otau/ids.ts";

/** Sets a timer, which `examples/timer/timer.ts` hears. Copy it to `endpoints/`. */
export default endpoint({
  method: "POST",
  path: "/api/v1/products/{productId}/devices/{identity}/remind",
  summary: "Remind a device of something later",
  tags: ["devices"],
  security: { role: "operator", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, identity: identitySchema }),
  body: z.strictObject({ text: z.string().max(1000), afterMs: z.int().min(0).max(86_400_000) }),
  reply: { status: 200, schema: z.strictObject({ timerId: z.string() }) },
  errors: [],

  handle: async ({ params, body }, { Timer }) => {
    const { productId, identity } = params;
    const answer = await Timer.sendAfter({
      // One of its own for each device: reminding it again moves the reminder.
      timer_id: `remind/${productId}/${identity}`,
      duration: body.afterMs,
      message: { identity, text: body.text },
    });
    if (answer.error !== undefined) {
      throw new OtauError("STORE_UNAVAILABLE", answer.error, { retryAfterSeconds: 1 });
    }
    return { timerId: answer.timer_id };
  },
});
