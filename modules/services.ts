import { z } from "zod";
import type { KnownService } from "./runtime/load.ts";
import type { ResourceDefinitions } from "./usecases/device-state.ts";

/** A resource's alias holds no dot and no dollar sign, as its place in a state is named by it. */
const aliasSchema = z.string().regex(/^[^.$\s]{1,128}$/u, "must hold no dot, dollar sign or space");

/** One resource of a device (Murano resource definitions). */
const resourceSchema = z.strictObject({
  format: z.enum(["string", "number", "boolean"]),
  unit: z.string().max(64).optional(),
  /** Whether the cloud may set it. */
  settable: z.boolean().default(false),
  /** Values it may have; of numbers also ranges such as "9-11". */
  allowed: z.array(z.union([z.string(), z.number(), z.boolean()])).optional(),
  /** Whether a set value is handed over when the device connects. */
  sync: z.boolean().default(true),
  initial: z.unknown().optional(),
});

const device2Schema = z.strictObject({ resources: z.record(aliasSchema, resourceSchema).prefault({}) });
const timerSchema = z.strictObject({});

/**
 * The services a solution may use: a file elsewhere, or a handler of another event, is a mistake that the loader
 * names. `event` of device2 is the generic one of older solutions.
 */
export const knownServices: Readonly<Record<string, KnownService>> = {
  device2: {
    events: [
      "event",
      "data_in",
      "data_out",
      "content_in",
      "connect",
      "disconnect",
      "provisioned",
      "deleted",
      "expired",
      "publish",
    ],
    config: device2Schema,
  },
  timer: { events: ["timer"], config: timerSchema },
  config: { events: ["service"] },
  interface: { events: ["event"] },
  content: { events: [] },
  keystore: { events: [] },
};

/** The resources that `services/device2.yaml` defines; those it does not name may be set. */
export function resourcesOf(configs: ReadonlyMap<string, unknown>): ResourceDefinitions {
  const config = configs.get("device2");
  return config === undefined ? {} : device2Schema.parse(config).resources;
}
