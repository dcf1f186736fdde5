import { endpoint } from "../modules/app.ts";

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>otau app API</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="docs/swagger-ui.css">
  </head>
  <body>
    <main id="swagger-ui"></main>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`;

export default endpoint({
  method: "GET",
  path: "/docs",
  summary: "Read and try the app API in a browser",
  tags: ["operations"],
  security: { role: "none", scope: "root" },
  reply: { status: 200, contentType: "text/html; charset=utf-8" },
  errors: [],

  handle: () => page,
});
