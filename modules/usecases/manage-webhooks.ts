import { z } from "zod";
import { OtauError } from "../errors.ts";
import { deploymentIdSchema } from "./deployment-view.ts";
import { eventTypeSchema } from "./journal-line.ts";
import type { Delivery, Journal, WebhookHead, WebhookRecord, WebhookStore } from "./ports.ts";
import { refuseMismatch, type StatedPrecondition } from "./preconditions.ts";

const webhooksMax = 100;
const racesMax = 8;

const secretSchema = z
  .string()
  .regex(/^whsec_[A-Za-z0-9+/]{32,86}={0,2}$/, { error: "must be whsec_ and then 24 to 64 bytes in base64" })
  .refine(
    (secret) => {
      const bytes = Buffer.from(secret.slice(6), "base64").length;
      return bytes >= 24 && bytes <= 64;
    },
    { error: "must be whsec_ and then 24 to 64 bytes in base64" },
  );

const fields = {
  url: z
    .url({ protocol: /^https?$/, error: "must be an absolute https: URL" })
    .max(2048)
    .refine((url) => !URL.canParse(url) || (new URL(url).username === "" && new URL(url).password === ""), {
      error: "must hold no user name or password",
    }),
  types: z
    .array(eventTypeSchema)
    .min(1)
    .max(eventTypeSchema.options.length)
    .meta({ description: "Which events it is told; all when left out" }),
  deploymentId: deploymentIdSchema.meta({ description: "Only events of this deployment" }),
};

/** What a webhook is made of. */
export const newWebhookSchema = z.strictObject({
  url: fields.url,
  types: fields.types.optional(),
  deploymentId: fields.deploymentId.optional(),
  secret: secretSchema.optional().meta({ description: "Made for you when left out; shown once" }),
});
export type NewWebhook = z.infer<typeof newWebhookSchema>;

/** What may change; null takes a filter away. */
export const webhookPatchSchema = z.strictObject({
  url: fields.url.optional(),
  types: fields.types.nullable().optional(),
  deploymentId: fields.deploymentId.nullable().optional(),
});
export type WebhookPatch = z.infer<typeof webhookPatchSchema>;

/** A webhook as the API shows it, without its secret. */
export const webhookViewSchema = z
  .strictObject({
    id: z.string(),
    productId: z.string(),
    url: z.string(),
    types: z.array(eventTypeSchema).optional(),
    deploymentId: z.string().optional(),
    createdAt: z.iso.datetime(),
    createdBy: z.string(),
    revision: z.int(),
  })
  .meta({ id: "Webhook" });
/** The same with the secret, shown once. */
export const webhookSecretSchema = webhookViewSchema
  .extend({ secret: z.string() })
  .meta({ id: "WebhookWithSecret" });

export const deliveryStateSchema = z.enum(["dead", "retrying", "delivered"]);
/** A delivery as the API shows it; `id` is the event's and the `webhook-id` it was sent with. */
export const deliveryViewSchema = z
  .strictObject({
    id: z.string(),
    type: z.string().optional(),
    state: deliveryStateSchema,
    attempts: z.int(),
    dueAt: z.iso.datetime(),
    lastAttemptAt: z.iso.datetime(),
    nextAttemptAt: z.iso.datetime().optional(),
    statusCode: z.int().optional(),
    error: z.string().optional(),
  })
  .meta({ id: "Delivery" });
export type DeliveryView = z.infer<typeof deliveryViewSchema>;

export type ManageWebhooksDeps = {
  readonly webhooks: WebhookStore;
  readonly journal: Pick<Journal, "newest">;
  readonly newId: () => string;
  readonly newSecret: () => string;
  readonly now: () => Promise<number>;
  /** Why the address may not be called, if it may not. */
  readonly refuseTarget: (url: URL) => string | undefined;
  /** Something may be due. */
  readonly wake: () => void;
};

const unknown = (id: string) => new OtauError("NOT_FOUND", `There is no webhook ${id}.`);

/** Webhooks: made, changed, deleted, and what became of their deliveries. */
export function makeManageWebhooks(deps: ManageWebhooksDeps) {
  const { webhooks } = deps;

  function checkUrl(url: string): void {
    const why = deps.refuseTarget(new URL(url));
    if (why === undefined) return;
    throw new OtauError("INVALID_INPUT", `The webhook's url ${why}.`, {
      errors: [{ path: "/url", message: why }],
    });
  }

  async function get(productId: string, id: string): Promise<WebhookRecord> {
    const record = await webhooks.get(productId, id);
    if (record === undefined) throw unknown(id);
    return record;
  }

  async function create(productId: string, wanted: NewWebhook, createdBy: string): Promise<WebhookRecord> {
    checkUrl(wanted.url);
    const { types, deploymentId } = wanted;
    const record: WebhookRecord = {
      id: deps.newId(),
      productId,
      url: wanted.url,
      ...(types === undefined ? {} : { types }),
      ...(deploymentId === undefined ? {} : { deploymentId }),
      secret: wanted.secret ?? deps.newSecret(),
      createdAt: await deps.now(),
      createdBy,
      revision: 1,
    };
    if (await webhooks.create(record, await deps.journal.newest(productId), webhooksMax)) return record;
    throw new OtauError("INVALID_INPUT", `A product has at most ${webhooksMax} webhooks; delete one first.`);
  }

  async function patch(
    productId: string,
    id: string,
    wanted: WebhookPatch,
    precondition: StatedPrecondition,
  ): Promise<WebhookRecord> {
    if (wanted.url !== undefined) checkUrl(wanted.url);
    for (let race = 0; race < racesMax; race++) {
      const before = await get(productId, id);
      refuseMismatch(`webhook ${id}`, before.revision, precondition);
      const after = patched(before, wanted);
      if (await webhooks.replace(before, after)) return after;
    }
    throw new OtauError("STORE_UNAVAILABLE", `Webhook ${id} is changing too fast; try again.`, {
      retryAfterSeconds: 1,
    });
  }

  async function remove(productId: string, id: string, precondition: StatedPrecondition): Promise<void> {
    refuseMismatch(`webhook ${id}`, (await get(productId, id)).revision, precondition);
    if (!(await webhooks.remove(productId, id))) throw unknown(id);
  }

  /** One state's deliveries by event, after the given one. */
  async function deliveries(
    productId: string,
    id: string,
    state: z.infer<typeof deliveryStateSchema>,
    page: { readonly after: number | undefined; readonly limit: number },
  ): Promise<{ readonly items: DeliveryView[]; readonly next?: number }> {
    await get(productId, id);
    if (state === "retrying") {
      const { head } = await webhooks.progress(productId, id);
      return { items: head && page.after === undefined ? [headView(head)] : [] };
    }
    const { after, limit } = page;
    const from = after === undefined ? {} : { after };
    const found = await webhooks.deliveries(productId, id, state, { ...from, limit: limit + 1 });
    const items = found.slice(0, limit);
    const last = items.at(-1);
    const more = found.length > limit && last !== undefined ? { next: last.number } : {};
    return { items: items.map(deliveryView), ...more };
  }

  /** Sends dead ones again, all when none is named; how many. */
  async function replay(productId: string, id: string, ids: readonly string[] | undefined): Promise<number> {
    await get(productId, id);
    const count = ids?.length === 0 ? 0 : await webhooks.replay(productId, id, ids?.map(Number));
    deps.wake();
    return count;
  }

  return { list: webhooks.list, get, create, patch, remove, deliveries, replay };
}

function patched(before: WebhookRecord, { url, types, deploymentId }: WebhookPatch): WebhookRecord {
  const { types: oldTypes, deploymentId: oldDeployment, ...rest } = before;
  const nextTypes = types === undefined ? oldTypes : (types ?? undefined);
  const nextDeployment = deploymentId === undefined ? oldDeployment : (deploymentId ?? undefined);
  return {
    ...rest,
    url: url ?? before.url,
    ...(nextTypes === undefined ? {} : { types: nextTypes }),
    ...(nextDeployment === undefined ? {} : { deploymentId: nextDeployment }),
    revision: before.revision + 1,
  };
}

const iso = (ms: number) => new Date(ms).toISOString();

/** The record as the API shows it. */
export function toWebhookView({
  secret: _secret,
  ...record
}: WebhookRecord): z.infer<typeof webhookViewSchema> {
  const { types, createdAt, ...rest } = record;
  const shown = types === undefined ? {} : { types: types.map((type) => eventTypeSchema.parse(type)) };
  return { ...rest, ...shown, createdAt: iso(createdAt) };
}

const outcomeOf = ({ status, error }: Pick<Delivery, "status" | "error">) => ({
  ...(status === undefined ? {} : { statusCode: status }),
  ...(error === undefined ? {} : { error }),
});

const deliveryView = (delivery: Delivery): DeliveryView => ({
  id: String(delivery.number),
  type: delivery.type,
  state: delivery.state,
  attempts: delivery.attempts,
  dueAt: iso(delivery.dueAt),
  lastAttemptAt: iso(delivery.lastAt),
  ...outcomeOf(delivery),
});

const headView = (head: WebhookHead): DeliveryView => ({
  id: String(head.number),
  state: "retrying",
  attempts: head.attempts,
  dueAt: iso(head.dueAt),
  lastAttemptAt: iso(head.lastAt),
  nextAttemptAt: iso(head.nextAt),
  ...outcomeOf(head),
});
