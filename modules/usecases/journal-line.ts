import { z } from "zod";
import { totalsSchema } from "../otau/totals.ts";
import { actorKinds, decisionSchema } from "../otau/vocabulary.ts";

/** The types of journal lines, and so of what the stream and webhooks tell. */
const eventTypes = [
  "update.changed",
  "update.corrected",
  "report.decided",
  "deployment.changed",
  "deployment.totals",
  "device.changed",
  "device.connected",
  "device.disconnected",
  "package.changed",
  "access.refused",
] as const;
export const eventTypeSchema = z.enum(eventTypes);

/** A line of the journal as the API shows it (contract 8); an absent field means "not so". */
export const journalLineSchema = z
  .strictObject({
    id: z.string().meta({ description: "Rises by one with each line of the product" }),
    at: z.iso.datetime(),
    productId: z.string(),
    type: eventTypeSchema,
    seq: z.int().meta({ description: "Rises by one per device" }),
    identity: z.string().optional(),
    updateId: z.string().optional(),
    deploymentId: z.string().optional(),
    packageId: z.string().optional(),
    version: z.string().optional(),
    attempt: z.int().optional(),
    from: z.string().optional(),
    to: z.string().optional(),
    reason: z.string().optional(),
    decision: decisionSchema.optional(),
    totals: totalsSchema.optional(),
    actor: z.strictObject({ kind: z.enum(actorKinds), id: z.string() }),
    revision: z.int(),
  })
  .meta({ id: "Event" });

/** Which lines somebody wants: any of the values of each filter, all filters together. */
export type LineFilter = {
  readonly types?: readonly string[] | undefined;
  readonly identity?: readonly string[] | undefined;
  readonly deploymentId?: readonly string[] | undefined;
  /** Ids of actors, or `kind:id`. */
  readonly actor?: readonly string[] | undefined;
  /** From this time on, in milliseconds. */
  readonly from?: number | undefined;
  /** Before this time. */
  readonly to?: number | undefined;
};

/** A line with its exact text, which is what was chained. */
export type ReadLine = {
  readonly number: number;
  readonly type: string;
  readonly text: string;
  readonly at: string;
  readonly identity?: string;
  readonly deploymentId?: string;
  readonly actor: { readonly kind: string; readonly id: string };
};

/** Reads a line's text. */
export function readLine(text: string): ReadLine {
  const { id, type, at, identity, deploymentId, actor } = JSON.parse(text) as Omit<
    ReadLine,
    "number" | "text"
  > & {
    readonly id: string;
  };
  return {
    number: Number(id),
    type,
    text,
    at,
    actor,
    ...(identity === undefined ? {} : { identity }),
    ...(deploymentId === undefined ? {} : { deploymentId }),
  };
}

/** Whether the filter wants the line. */
export function isWanted(filter: LineFilter, line: ReadLine): boolean {
  const { types, identity, deploymentId, actor, from, to } = filter;
  if (types && !types.includes(line.type)) return false;
  if (identity && !identity.includes(line.identity ?? "")) return false;
  if (deploymentId && !deploymentId.includes(line.deploymentId ?? "")) return false;
  if (actor && !actor.includes(line.actor.id) && !actor.includes(`${line.actor.kind}:${line.actor.id}`))
    return false;
  if (from === undefined && to === undefined) return true;
  const atMs = Date.parse(line.at);
  return (from === undefined || atMs >= from) && (to === undefined || atMs < to);
}

/** `types=` and the like: repeated, or several in one value between commas. */
export const typesQuery = z
  .array(z.string())
  .transform((values) => values.flatMap((value) => value.split(",")))
  .pipe(z.array(eventTypeSchema).min(1).max(100))
  .optional()
  .meta({ override: { type: "array", items: { type: "string", enum: [...eventTypes] } } });
