import { z } from "zod";
import { type ErrorCode, errorCatalogue, type InputFault, OtauError } from "../errors.ts";
import { identitySchema } from "../otau/ids.ts";
import { decisionSchema, statusSchema, updateStateSchema } from "../otau/vocabulary.ts";
import type { DeviceStore } from "./ports.ts";
import type { ReportResult } from "./record-reports.ts";

const eventsMax = 1000;
const faultsMax = 100;
const eventTypes = [
  "data_in",
  "data_out",
  "content_in",
  "connect",
  "disconnect",
  "provisioned",
  "deleted",
  "expired",
  "publish",
] as const;

const stampSchema = z.union([z.number(), z.string()]).nullable().optional();

/** A Device2 event as platforms send it; the fields that only describe its way here are admitted and not read. */
const eventSchema = z.strictObject({
  type: z.enum(eventTypes),
  identity: z.string(),
  timestamp: stampSchema.meta({ description: "Microseconds, milliseconds or seconds, told apart by size" }),
  payload: z
    .array(z.strictObject({ timestamp: stampSchema, values: z.record(z.string(), z.unknown()) }))
    .nullable()
    .optional(),
  ip: z.unknown().optional(),
  protocol: z.unknown().optional(),
  connection_id: z.unknown().optional(),
  tags: z.unknown().optional(),
});
type PlatformEvent = z.infer<typeof eventSchema>;

/** One event, or many; each is judged by itself. */
export const eventsBodySchema = z
  .union([z.record(z.string(), z.unknown()), z.array(z.unknown())], {
    error: "must be an event or an array of events",
  })
  .meta({
    description: `An event \`{ type, identity, timestamp, payload: [{ timestamp, values }] }\`, or up to ${eventsMax} of them`,
    example: [
      {
        type: "data_in",
        identity: "gw-1",
        timestamp: 1_800_000_000_000_000,
        payload: [
          {
            timestamp: 1_800_000_000_000_000,
            values: { otau_in: '{"version":"1.0.1","status":"INIT"}' },
          },
        ],
      },
    ],
  });

const reportSchema = z.strictObject({
  stampedAt: z.iso.datetime(),
  version: z.string().optional(),
  status: statusSchema.optional(),
  decision: decisionSchema,
  state: updateStateSchema.optional().meta({ description: "Of the update it concerns, after the report" }),
  updateId: z.string().optional(),
});

/** What was made of one event. */
export const eventResultSchema = z
  .strictObject({
    identity: z.string().optional(),
    reports: z.array(reportSchema),
    error: z
      .strictObject({
        code: z.enum(Object.keys(errorCatalogue) as [ErrorCode, ...ErrorCode[]]),
        detail: z.string(),
      })
      .optional(),
  })
  .meta({ id: "EventResult" });
type EventResult = z.infer<typeof eventResultSchema>;

type Emit = (service: string, event: string, payload: unknown) => Promise<unknown>;
type Reader = Pick<DeviceStore, "load">;

/** The refusals of one event that leave the others alone; anything else fails the whole, so that it is sent again. */
const ownFaults: readonly ErrorCode[] = ["NOT_FOUND", "INVALID_INPUT", "TOO_LARGE"];

/**
 * Hands the events of an outside platform to the solution's handlers. Results in order; events of one device one after
 * the other. TOO_LARGE for more than 1000, INVALID_INPUT for a single one that is not an event.
 */
export async function takeEvents(
  emit: Emit,
  devices: Reader,
  productId: string,
  body: z.infer<typeof eventsBodySchema>,
): Promise<EventResult[]> {
  const events: readonly unknown[] = Array.isArray(body) ? body : [body];
  if (events.length > eventsMax) {
    throw new OtauError(
      "TOO_LARGE",
      `${events.length} events are too many; send at most ${eventsMax} at once.`,
    );
  }
  if (!Array.isArray(body)) readEvent(body);
  const results: EventResult[] = [];
  const byDevice = Map.groupBy(events.entries(), ([, event]) => identityOf(event) ?? "");
  await Promise.all(
    [...byDevice.values()].map(async (entries) => {
      for (const [index, event] of entries) results[index] = await takeOne(emit, devices, productId, event);
    }),
  );
  const [first] = results;
  if (!Array.isArray(body) && first?.error?.code === "INVALID_INPUT") {
    throw new OtauError("INVALID_INPUT", first.error.detail);
  }
  return results;
}

async function takeOne(emit: Emit, devices: Reader, productId: string, event: unknown): Promise<EventResult> {
  const identity = identityOf(event);
  const named = identity === undefined ? {} : { identity };
  try {
    return { ...named, reports: await reportsOf(emit, devices, productId, readEvent(event)) };
  } catch (error) {
    if (!(error instanceof OtauError) || !ownFaults.includes(error.code)) throw error;
    return { ...named, reports: [], error: { code: error.code, detail: error.message } };
  }
}

async function reportsOf(
  emit: Emit,
  devices: Reader,
  productId: string,
  { type, identity, timestamp, payload }: PlatformEvent,
): Promise<EventResult["reports"]> {
  const entries = (payload ?? []).map((entry) => ({
    values: entry.values,
    timestamp: entry.timestamp ?? timestamp ?? undefined,
  }));
  const isKnowable = identitySchema.safeParse(identity).success;
  const answer =
    isKnowable && type === "data_in"
      ? await emit("device2", "data_in", { type, productId, identity, timestamp, payload: entries })
      : [];
  const results = Array.isArray(answer) ? (answer as readonly ReportResult[]) : [];
  if (results.length === 0 && !(isKnowable && (await devices.load({ productId, identity })))) {
    throw new OtauError("NOT_FOUND", `There is no device ${identity.slice(0, 128)} in product ${productId}.`);
  }
  return results.map((result) => ({ ...result, stampedAt: new Date(result.stampedAt).toISOString() }));
}

function readEvent(event: unknown): PlatformEvent {
  const parsed = eventSchema.safeParse(event);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.flatMap(faultsOf).slice(0, faultsMax);
  const first = errors.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`))[0];
  throw new OtauError("INVALID_INPUT", `The event is not valid: ${first}.`, { errors });
}

const pointer = (path: readonly PropertyKey[]): string =>
  path.map((key) => `/${String(key).slice(0, 64).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

function faultsOf(issue: z.core.$ZodIssue): readonly InputFault[] {
  if (issue.code !== "unrecognized_keys") return [{ path: pointer(issue.path), message: issue.message }];
  return issue.keys.map((key) => ({ path: pointer([...issue.path, key]), message: "is not a known field" }));
}

function identityOf(event: unknown): string | undefined {
  if (typeof event !== "object" || event === null || !Object.hasOwn(event, "identity")) return undefined;
  const { identity } = event as { readonly identity?: unknown };
  return typeof identity === "string" ? identity.slice(0, 1024) : undefined;
}
