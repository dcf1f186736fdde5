import { z } from "zod";
import { isPackageId } from "../otau/ids.ts";
import { describeOtauInfo, readOtauInfo } from "../otau/package.ts";
import type { PackageRules } from "../otau/package-payload.ts";
import type { ContentRecord } from "./ports.ts";

const problemSchema = z.strictObject({
  path: z.string().meta({ description: "JSON pointer into otau_info" }),
  message: z.string(),
});

/** Where a package stands. */
export const packageStateSchema = z.enum(["pending", "available", "withdrawn"]);

/** The body that registers a package; what is within `otau_info` is judged by the package's own rules. */
export const packageBodySchema = z
  .strictObject({
    otau_info: z.unknown().meta({ description: "`{ author?, vendor?, product?, config_otau }`" }),
  })
  .meta({
    example: {
      otau_info: {
        vendor: "acme",
        product: "iotgw1",
        config_otau: {
          version: "1.0.1",
          name: "Gateway 1.0.1",
          type: "FILE",
          payload: "https://updates.example.com/gateway-1.0.1.bin",
        },
      },
    },
  });

/** A package as the app API lists it. */
export const packageViewSchema = z
  .strictObject({
    id: z.string(),
    otau_info: z.unknown().optional(),
    valid: z.boolean(),
    problems: z.array(problemSchema),
    state: packageStateSchema,
    contentLength: z.int(),
    sha256: z.string(),
    inUse: z.boolean(),
    createdAt: z.iso.datetime(),
    revision: z.int(),
  })
  .meta({ id: "Package" });
export type PackageView = z.infer<typeof packageViewSchema>;

/** A package that can be applied to a device, and how that device stands to it. */
export const applicablePackageSchema = packageViewSchema
  .extend({
    installed: z.boolean().meta({ description: "The device has its version" }),
    updating: z.boolean().meta({ description: "An update to it has not ended" }),
  })
  .meta({ id: "ApplicablePackage" });

/** A content item as the app API lists it; of a package also whether its tag can be read. */
export const contentViewSchema = z
  .strictObject({
    id: z.string(),
    length: z.int(),
    type: z.string(),
    sha256: z.string(),
    tags: z.record(z.string(), z.string()),
    createdAt: z.iso.datetime(),
    last_modified: z.iso.datetime(),
    revision: z.int(),
    valid: z.boolean().optional(),
    problems: z.array(problemSchema).optional(),
  })
  .meta({ id: "ContentItem" });
export type ContentView = z.infer<typeof contentViewSchema>;

const iso = (ms: number) => new Date(ms).toISOString();

/** What the tag `otau_info` says, or what is wrong with it. */
export function readPackage(record: ContentRecord, rules: PackageRules) {
  const tag = Object.hasOwn(record.tags, "otau_info") ? record.tags["otau_info"] : undefined;
  if (tag !== undefined) return { tag, reading: readOtauInfo(tag, rules) };
  const problems = [{ path: "", message: "the item has no tag otau_info" }];
  return { tag: undefined, reading: { valid: false as const, problems } };
}

/** What a list shows of a tag. */
export type PackageReading = Pick<PackageView, "otau_info" | "valid" | "problems">;

function showPackage(record: ContentRecord, rules: PackageRules): PackageReading {
  const { tag, reading } = readPackage(record, rules);
  const info = tag === undefined ? undefined : describeOtauInfo(tag);
  return {
    ...(info === undefined ? {} : { otau_info: info }),
    valid: reading.valid,
    problems: reading.valid ? [] : [...reading.problems],
  };
}

/** Characters of tags whose readings are remembered. */
const rememberedChars = 8_000_000;

/** Reads each tag once as long as it is remembered: lists show the same ones again and again. */
export function rememberPackages(rules: PackageRules): (record: ContentRecord) => PackageReading {
  const known = new Map<string, PackageReading>();
  let chars = 0;
  return (record) => {
    const tag = record.tags["otau_info"];
    if (tag === undefined) return showPackage(record, rules);
    const found = known.get(tag);
    if (found !== undefined) return found;
    if (chars + tag.length > rememberedChars) {
      known.clear();
      chars = 0;
    }
    const reading = showPackage(record, rules);
    known.set(tag, reading);
    chars += tag.length;
    return reading;
  };
}

/** A package as the app API lists it; `reading` is what its tag says. */
export function toPackageView(record: ContentRecord, inUse: boolean, reading: PackageReading): PackageView {
  return {
    id: record.id,
    ...reading,
    state: record.withdrawn ? "withdrawn" : "available",
    contentLength: record.length,
    sha256: record.sha256,
    inUse,
    createdAt: iso(record.createdAt),
    revision: record.revision,
  };
}

export function toContentView(record: ContentRecord, rules: PackageRules): ContentView {
  const view = {
    id: record.id,
    length: record.length,
    type: record.type,
    sha256: record.sha256,
    tags: { ...record.tags },
    createdAt: iso(record.createdAt),
    last_modified: iso(record.lastModified),
    revision: record.revision,
  };
  if (!isPackageId(record.id)) return view;
  const { reading } = readPackage(record, rules);
  return { ...view, valid: reading.valid, problems: reading.valid ? [] : [...reading.problems] };
}
