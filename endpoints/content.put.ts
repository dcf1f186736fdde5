import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { contentIdSchema, productIdSchema } from "../modules/otau/ids.ts";
import { receiveUpload } from "../modules/runtime/multipart.ts";
import { respond } from "../modules/runtime/reply.ts";
import { contentTypeOf, readContentTags } from "../modules/usecases/content-tags.ts";
import { actorOf } from "../modules/usecases/manage-tokens.ts";
import { contentViewSchema, toContentView } from "../modules/usecases/package-view.ts";

const uploadMaxBytes = 8 * 1024 ** 3;

export default endpoint({
  method: "PUT",
  path: "/api/v1/products/{productId}/content/{id}",
  summary: "Upload an item with its tags, or replace it",
  description:
    "The body is the item's bytes, possibly none. Tags go into the query, or the body is multipart/form-data with a part `tags` (a JSON object) before a part `file`. An item whose id starts with `package_` and holds no slash is a package: its tag `otau_info` describes it.",
  tags: ["content"],
  security: { role: "publisher", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, id: contentIdSchema }),
  query: z.strictObject({
    tags: z
      .string()
      .optional()
      .meta({ description: "A JSON object of strings, at most 8 KiB", example: '{"board":"rev2"}' }),
    sha256: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/, "must be 64 hex digits")
      .optional()
      .meta({ description: "What the bytes must have; other bytes are refused" }),
  }),
  bodyKind: "stream",
  bodyLimitBytes: uploadMaxBytes,
  reply: [
    { status: 200, schema: contentViewSchema },
    { status: 201, schema: contentViewSchema },
  ],
  errors: ["PACKAGE_IN_USE"],

  handle: async ({ params, query, body, precondition, principal, request }, { app }) => {
    await app.products.require(params.productId);
    const upload = await receiveUpload(body, request.headers["content-type"], ["tags"]);
    const { record, created } = await app.content.upload({
      ...params,
      tags: readContentTags(query.tags, upload.fields.get("tags")),
      type: contentTypeOf(upload.type),
      bytes: upload.bytes,
      sha256: query.sha256,
      precondition,
      actor: actorOf(principal),
    });
    const { revision } = record;
    return respond(toContentView(record, app.rules), { status: created ? 201 : 200, revision });
  },
});
