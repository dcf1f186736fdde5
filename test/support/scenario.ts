import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type RetryPolicy, resolveRetry, resolveTimeouts, type Timeouts } from "../../modules/otau/policy.ts";
import { decisionSchema, statusSchema, updateStateSchema } from "../../modules/otau/vocabulary.ts";

/** Milliseconds after the scenario's beginning. */
const at = z.int().min(0);
/** Fields that must be so; `null` = must be absent; a number that stands for a time = milliseconds after the beginning. */
function partOf(fields: string) {
  return z.partialRecord(z.enum(fields.split(" ")), z.unknown());
}

const updatePart = partOf(
  "id deploymentId productId identity packageId version state phase status message attempt maxAttempts reason " +
    "confirmed late deviceMayFinish installedAnyway supersededBy corrections createdAt sentAt deliveredAt startedAt " +
    "lastReportAt deadlineAt retryAt totalDeadlineAt endedAt revision",
);
const linePart = partOf(
  "seq at stampedAt kind raw status version message decision count lastAt updateId attempt from to reason actor " +
    "cut clockWrong",
);

/** What must be so after a step; of the step's device and deployment. */
export const expectationSchema = z.strictObject({
  /** Of the report just made. */
  decision: decisionSchema.optional(),
  /** Code of the refusal; without it the act must succeed. */
  refused: z.string().optional(),
  /** Part of the update's view; `null` = there is none. */
  update: updatePart.nullable().optional(),
  /** Part of the device's view. */
  device: partOf("installedVersion drifted").optional(),
  /** Deployment whose value stands in `config_otau.set`; `null` = nothing stands there. */
  config: z.string().nullable().optional(),
  /** When that value was stamped. */
  configAt: at.optional(),
  /** All counts of the deployment that are not 0, `total` left out. */
  totals: z.partialRecord(updateStateSchema, z.int()).optional(),
  deploymentState: z.string().optional(),
  /** Part of the device's newest history line. */
  line: linePart.optional(),
  /** The device's history lines that this step brought, each in part, in order. */
  lines: z.array(linePart).optional(),
  /** Upper bound of the device's history lines of reports. */
  reportLinesMax: z.int().optional(),
  /** Of a deployment's retry. */
  retried: z.int().optional(),
  left: z.array(z.strictObject({ device: z.string(), code: z.string() })).optional(),
});
export type Expectation = z.infer<typeof expectationSchema>;

const common = {
  /** Absent = at the time of the step before. */
  at: at.optional(),
  device: z.string().default("gw-1"),
  deployment: z.string().default("D1"),
  expect: expectationSchema.default({}),
};

const applyStep = z.strictObject({
  ...common,
  do: z.literal("apply"),
  version: z.string().default("1.0.1"),
  /** Absent = named after the version. */
  package: z.string().optional(),
  /** A list of identities; "all" = a target of every device. */
  devices: z.union([z.array(z.string()), z.literal("all")]).default(["gw-1"]),
  /** Options of the apply; `expiresAt` and `startAt` in milliseconds after the beginning. */
  options: z.record(z.string(), z.unknown()).default({}),
  /** Accepted, but its members come in with the step `enrol`: the order in which two applies race. */
  held: z.boolean().default(false),
});

const reportStep = z.strictObject({
  ...common,
  do: z.literal("report"),
  /** Absent = the version of the step's deployment. */
  version: z.string().optional(),
  status: statusSchema.optional(),
  message: z.string().optional(),
  /** Stamp supplied with the value, after the beginning; may be negative. */
  stamp: z.int().optional(),
  /** Stamp supplied with the value, since 1970, in seconds. */
  stampSeconds: z.int().optional(),
  /** Instead of version, status, message: the value as it is. */
  raw: z.unknown().optional(),
});

export const stepSchema = z.discriminatedUnion("do", [
  applyStep,
  reportStep,
  z.strictObject({ ...common, do: z.literal("enrol") }),
  /** The device fetches `config_otau`, if one is there. */
  z.strictObject({ ...common, do: z.literal("deliver") }),
  z.strictObject({ ...common, do: z.literal("wait") }),
  z.strictObject({ ...common, do: z.enum(["cancel", "retry"]), update: z.string().optional() }),
  z.strictObject({ ...common, do: z.enum(["pause", "resume", "cancelDeployment"]) }),
  z.strictObject({ ...common, do: z.literal("retryDeployment"), states: z.array(updateStateSchema) }),
  z.strictObject({
    ...common,
    do: z.literal("withdraw"),
    version: z.string().default("1.0.1"),
    stop: z.boolean(),
  }),
  z.strictObject({ ...common, do: z.literal("restore"), version: z.string().default("1.0.1") }),
  z.strictObject({ ...common, do: z.literal("addDevice"), installedVersion: z.string().optional() }),
  z.strictObject({ ...common, do: z.literal("deleteDevice") }),
  /** `config_otau` is set past the apply; its update belongs to the deployment so named here. */
  z.strictObject({ ...common, do: z.literal("setConfig"), version: z.string(), text: z.string().optional() }),
  z.strictObject({ ...common, do: z.enum(["outageBegins", "outageEnds"]) }),
]);
export type Step = z.infer<typeof stepSchema>;
export type StepOf<Kind extends Step["do"]> = Extract<Step, { readonly do: Kind }>;

export const scenarioSchema = z.strictObject({
  /** The test's name: a sentence. */
  name: z.string(),
  /** The contract's words that it shows. */
  contract: z.string(),
  /** Over HTTP: in the fast suite, in the long one, or only in the domain (races, outages, exact instants). */
  http: z.enum(["fast", "all", "no"]).default("all"),
  /** Milliseconds over HTTP for one here: what requests take is little then. 1 where a fixed time of the contract counts. */
  httpScale: z.int().min(1).default(20),
  /** Devices that are there at the beginning. */
  devices: z
    .record(z.string(), z.strictObject({ installedVersion: z.string().optional() }))
    .default({ "gw-1": {} }),
  /** Options of every apply, beneath its own. */
  policy: z
    .strictObject({
      timeouts: z.record(z.string(), z.int().nullable()).default({}),
      retry: z.record(z.string(), z.unknown()).default({}),
      confirm: z.enum(["required", "optional"]).default("required"),
    })
    .prefault({}),
  limits: z.record(z.string(), z.int()).default({}),
  steps: z.array(stepSchema),
});
export type Scenario = z.infer<typeof scenarioSchema>;

const folder = join(import.meta.dirname, "..", "scenarios");

/** Every recorded scenario, by its file's name; a file that does not fit the schema is named. */
export function loadScenarios(): readonly (readonly [file: string, scenario: Scenario])[] {
  const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
  return files.sort().map((file) => {
    const reading = scenarioSchema.safeParse(JSON.parse(readFileSync(join(folder, file), "utf8")));
    if (!reading.success) throw new Error(`${file}: ${z.prettifyError(reading.error)}`);
    return [file, reading.data] as const;
  });
}

/** The policy of an apply: its own options over the scenario's. */
export function policyOf(
  scenario: Scenario,
  options: Readonly<Record<string, unknown>>,
): { readonly timeouts: Timeouts; readonly retry: RetryPolicy; readonly confirm: "required" | "optional" } {
  return {
    timeouts: resolveTimeouts(scenario.policy.timeouts, options["timeouts"] as Partial<Timeouts>),
    retry: resolveRetry(
      scenario.policy.retry as Partial<RetryPolicy> as never,
      options["retry"] as Partial<RetryPolicy> as never,
    ),
    confirm: (options["confirm"] as "required" | "optional" | undefined) ?? scenario.policy.confirm,
  };
}

/** The package that an apply step brings. */
export function packageOf(step: { readonly version: string; readonly package?: string | undefined }): string {
  return step.package ?? `package_${step.version}`;
}
