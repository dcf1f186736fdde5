import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { OtauError } from "../modules/errors.ts";
import { openDocsFile } from "../modules/runtime/docs-files.ts";
import { respond, streamed } from "../modules/runtime/reply.ts";

// A file of its own: the page's policy forbids scripts that stand in the page.
const start = `SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "list",
  displayRequestDuration: true,
  tryItOutEnabled: false,
  // Else the document would be sent to a validator on another host.
  validatorUrl: null,
});
`;

export default endpoint({
  method: "GET",
  path: "/docs/{file}",
  summary: "Get a file of the pages at /docs",
  tags: ["operations"],
  security: { role: "none", scope: "root" },
  params: z.strictObject({ file: z.string().max(64) }),
  reply: { status: 200, contentType: "text/javascript; charset=utf-8" },
  errors: [],

  handle: ({ params: { file } }) => {
    if (file === "start.js") return respond(start);
    const found = openDocsFile(file);
    if (found === undefined) throw new OtauError("NOT_FOUND", `There is no file ${file} here.`);
    return streamed(found.bytes, {
      headers: { "content-type": found.type, "cache-control": "public, max-age=3600" },
    });
  },
});
