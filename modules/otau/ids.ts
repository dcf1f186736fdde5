import { z } from "zod";
import { nameValue } from "./characters.ts";

const productIdPattern = /^[A-Za-z0-9_-]{1,64}$/;
const identityPattern = /^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$/;
const tagNamePattern = /^[A-Za-z0-9_.-]{1,64}$/;
const contentIdPattern = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/;
const packagePrefix = "package_";

/** Most tags that one device can have. */
export const deviceTagsMax = 32;

/** Id of a product. */
export const productIdSchema = patterned(
  productIdPattern,
  "a product id: 1 to 64 letters, digits, `_` or `-`",
);

/** Identity of a device within its product. */
export const identitySchema = patterned(
  identityPattern,
  "a device identity: 1 to 128 letters, digits, `.`, `_`, `:`, `@` or `-`, the first a letter or digit",
);

/** Name of a device's tag. */
export const tagNameSchema = patterned(
  tagNamePattern,
  "a tag name: 1 to 64 letters, digits, `_`, `.` or `-`",
);

/** Value of a device's tag; half a surrogate pair is refused as it cannot be stored as it came. */
export const tagValueSchema = z
  .string({ error: (issue) => `A tag value is a text, not ${nameValue(issue.input)}` })
  .max(256, { error: "A tag value has at most 256 characters" })
  .refine((value) => value.isWellFormed(), { error: "A tag value must not hold half a surrogate pair" });

/** Id of a content item, slashes allowed, decoded once from a URL. */
export const contentIdSchema = patterned(
  contentIdPattern,
  "a content id: 1 to 200 letters, digits, `.`, `_`, `/` or `-`, the first a letter or digit, and no empty, `.` or `..` segment",
  hasOnlyNamedSegments,
);

/** Id of a content item that is a package: it starts with `package_` and holds no slash. */
export const packageIdSchema = patterned(
  contentIdPattern,
  "a package id: `package_` and then letters, digits, `.`, `_` or `-`, at most 200 characters",
  (id) => hasOnlyNamedSegments(id) && isPackageId(id),
);

/** Whether a content item of this (valid) id is a package. */
export function isPackageId(contentId: string): boolean {
  return contentId.startsWith(packagePrefix) && !contentId.includes("/");
}

/** Whether `id` may name a content item. */
export function isContentId(id: string): boolean {
  return contentIdPattern.test(id) && hasOnlyNamedSegments(id);
}

/** A path such as `a//b` or `a/../b` would mean another item to whoever resolves it. */
function hasOnlyNamedSegments(id: string): boolean {
  return id.split("/").every((segment) => segment !== "" && segment !== "." && segment !== "..");
}

function patterned(pattern: RegExp, what: string, holds: (id: string) => boolean = () => true) {
  return z
    .string({ error: (issue) => `${capitalised(nameValue(issue.input))} is not ${what}` })
    .regex(pattern, { error: (issue) => `${capitalised(nameValue(issue.input))} is not ${what}` })
    .refine((id) => !pattern.test(id) || holds(id), {
      error: (issue) => `${capitalised(nameValue(issue.input))} is not ${what}`,
    });
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
