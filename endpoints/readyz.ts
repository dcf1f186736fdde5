import { endpoint } from "../modules/app.ts";
import { respond } from "../modules/runtime/reply.ts";
import { notReadySchema, readySchema, toNotReady, toReady } from "../modules/usecases/health-view.ts";

export default endpoint({
  method: "GET",
  path: "/readyz",
  summary: "Say whether the store answers, how durable it is, and whether work gets done",
  tags: ["operations"],
  security: { role: "none", scope: "root" },
  reply: [
    { status: 200, schema: readySchema },
    { status: 503, schema: notReadySchema, description: "A check has failed" },
  ],
  errors: [],

  handle: async ({ request }, { app }) => {
    const health = await app.health.readiness();
    if (health.isReady) return respond(toReady(health, app.health.store), { status: 200 });
    const headers = { "content-type": "application/problem+json", "retry-after": "1" };
    return respond(toNotReady(health, app.health.store, request.id), { status: 503, headers });
  },
});
