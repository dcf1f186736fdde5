import { describe, expect, it } from "vitest";
import type { z } from "zod";
import {
  contentIdSchema,
  identitySchema,
  isContentId,
  isPackageId,
  packageIdSchema,
  productIdSchema,
  tagNameSchema,
  tagValueSchema,
} from "../../modules/otau/ids.ts";

const cases: readonly (readonly [string, z.ZodType, readonly string[], readonly unknown[]])[] = [
  [
    "product id",
    productIdSchema,
    ["default", "A-b_9", "a".repeat(64)],
    ["", "a.b", "a b", "a\n", "a".repeat(65), "ä"],
  ],
  [
    "device identity",
    identitySchema,
    ["gw-1", "00:11:22:33", "a@b.c_d", "a".repeat(128)],
    ["", "-a", ".a", "a/b", "a#", "a+", "$a", "a\u0000", "a\n", "a".repeat(129), 5, null],
  ],
  ["tag name", tagNameSchema, ["site", "_a.b-c", "__proto__"], ["", "a b", "a=b", "a".repeat(65)]],
  ["tag value", tagValueSchema, ["", "Köln 中 😀", "a".repeat(256)], ["a".repeat(257), "\ud800", 5]],
  [
    "content id",
    contentIdSchema,
    ["a", "files/fw-1.0.1.bin", "a..b", "a/.b", "a".repeat(200)],
    ["", "/a", "a/", "a//b", "a/../b", "a/./b", "a/..", "%2e", "a".repeat(201), "a\\b"],
  ],
  [
    "package id",
    packageIdSchema,
    ["package_a", "package_acme_iotgw1_prod_1-0-1.json"],
    ["", "a", "xpackage_a", "Package_a", "package_a/b", "package_../x", "package_%00", "package_*", 5],
  ],
];

describe.each(cases)("a %s", (what, schema, good, bad) => {
  it.each(good)("may be %j", (value) => {
    expect(schema.safeParse(value).success).toBe(true);
  });

  it.each(bad)("must not be %j, and one sentence says so", (value) => {
    const issues = schema.safeParse(value).error?.issues ?? [];
    expect(issues).toHaveLength(1);
    expect(issues[0]?.message.toLowerCase()).toContain(what.replace("device identity", "identity"));
  });
});

describe("a content item", () => {
  it("is a package when its id starts with package_ and holds no slash", () => {
    expect(["package_a", "package_", "package_a/b", "a/package_b"].map(isPackageId)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it("has an id that is quoted short in a refusal", () => {
    expect(isContentId("x".repeat(10_000))).toBe(false);
    expect(contentIdSchema.safeParse("x".repeat(10_000)).error?.issues[0]?.message.length).toBeLessThan(400);
  });
});
