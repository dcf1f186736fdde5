import { endpoint } from "../modules/app.ts";
import { respond } from "../modules/runtime/reply.ts";

export default endpoint({
  method: "GET",
  path: "/metrics",
  summary: "Show this process's figures for Prometheus",
  tags: ["operations"],
  security: { role: "viewer", scope: "root", openOnLoopback: true },
  reply: { status: 200, contentType: "text/plain" },
  errors: [],

  handle: async (_input, { app }) => {
    const { text, contentType } = await app.health.metrics();
    return respond(text, { headers: { "content-type": contentType } });
  },
});
