import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { z } from "zod";
import { parseYaml, SolutionError } from "./yaml-file.ts";

const inside = z
  .string()
  .min(1)
  .refine(
    (path) => !path.startsWith("/") && !path.split(/[/\\]/).includes(".."),
    "must stay inside the solution",
  );

const globs = z.array(z.string().min(1));

const part = (location: string, include: readonly string[]) =>
  z
    .strictObject({
      location: inside.default(location),
      include: globs.default([...include]),
      exclude: globs.default([]),
    })
    .prefault({});

/** Who else's pages may call the API from a browser; nobody unless named. */
const corsSchema = z
  .strictObject({
    /** Origins; `*` within one stands for any run of characters, as in `http://localhost:*`. */
    origin: z.union([z.string().transform((one) => [one]), z.array(z.string())]).default([]),
    methods: z.array(z.string()).default(["HEAD", "GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"]),
    headers: z
      .array(z.string())
      .default([
        "Authorization",
        "Content-Type",
        "Idempotency-Key",
        "If-Match",
        "If-None-Match",
        "Last-Event-ID",
      ]),
    credentials: z.boolean().default(false),
    expose_headers: z.array(z.string()).default(["ETag", "Location", "Retry-After", "X-Request-Id"]),
  })
  .prefault({});

const manifestSchema = z.strictObject({
  formatversion: z.literal("1.0.0", "must be 1.0.0"),
  info: z.strictObject({
    name: z.string().min(1),
    summary: z.string().min(1),
    description: z.string().optional(),
    authors: z.array(z.string()).default([]),
    version: z.string().min(1),
  }),
  /** Kept for the platform's own tools, which act on them; nothing here is updated from a template. */
  options: z
    .strictObject({
      merge: z.boolean().optional(),
      safeNamespace: z.string().optional(),
      safeConfigs: z.array(z.string()).optional(),
      abort_threshold: z.number().optional(),
      abort_ratio: z.number().optional(),
    })
    .optional(),
  /** Beside `description` each key is a variable of the environment. */
  env_schema: z
    .object({ description: z.string().optional() })
    .catchall(z.strictObject({ description: z.string() }))
    .optional(),
  assets: z
    .strictObject({
      location: inside.default("assets"),
      include: globs.default(["**/*"]),
      exclude: globs.default(["**/.*"]),
      default_page: z.string().default("index.html"),
    })
    .optional(),
  endpoints: z
    .strictObject({
      location: inside.default("endpoints"),
      include: globs.default(["**/*.ts"]),
      exclude: globs.default([]),
      cors: corsSchema,
    })
    .prefault({}),
  modules: part("modules", ["**/*.ts"]),
  services: part("services", ["**/*.ts", "*.yaml"]),
  init_script: inside.optional(),
});

/** The solution's manifest, every default filled in. The keys are those of `murano.yaml`. */
export type Manifest = z.output<typeof manifestSchema>;

/** Which other origins' pages may call, as the manifest says. */
export type Cors = Manifest["endpoints"]["cors"];

/** Reads a manifest's text; `file` is the name used in messages. Throws SolutionError. */
export const parseManifest = (file: string, text: string): Manifest => parseYaml(file, text, manifestSchema);

/** Reads the manifest file. Throws SolutionError naming file, line and column. */
export const readManifest = async (file: string): Promise<Manifest> => {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new SolutionError(`${basename(file)}: the manifest cannot be read`, { cause });
  });
  return parseManifest(basename(file), text);
};
