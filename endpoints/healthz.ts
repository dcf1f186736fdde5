import { z } from "zod";
import { endpoint } from "../modules/app.ts";

export default endpoint({
  method: "GET",
  path: "/healthz",
  summary: "Say that this process is alive",
  tags: ["operations"],
  security: { role: "none", scope: "root" },
  reply: { status: 200, schema: z.strictObject({ status: z.literal("ok") }) },
  errors: [],

  handle: () => ({ status: "ok" }),
});
