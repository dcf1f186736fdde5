import { z } from "zod";
import { endpoint } from "../modules/app.ts";

export default endpoint({
  method: "GET",
  path: "/openapi.json",
  summary: "This document: every route, in OpenAPI 3.1",
  tags: ["operations"],
  security: { role: "none", scope: "root" },
  reply: { status: 200, schema: z.unknown() },
  errors: [],

  handle: (_input, { app }) => app.openapi(),
});
