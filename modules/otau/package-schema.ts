import { z } from "zod";
import { nameValue, quote } from "./characters.ts";

/** One fault of a package: `path` is a JSON pointer into what was read, empty for the text as a whole. */
export type PackageProblem = { readonly path: string; readonly message: string };

/** The package types of the schema; settings can admit more. */
export const packageTypes = ["FILE", "JSON", "URL_LIST"] as const;

/** `config_otau`, what a device is told to install. Other keys are kept; which payload fits is checked apart. */
export const configOtauSchema = z.looseObject(
  {
    version: boundedText("version", 1, 128),
    name: boundedText("name", 1, 256),
    type: plainText("type", `one of ${packageTypes.join(", ")}`),
    payload: z.unknown().nonoptional({
      error: "payload is missing; it is a URL, a JSON object or a list of URLs, as type says",
    }),
    description: boundedText("description", 0, 4096).optional(),
  },
  { error: (issue) => `config_otau must be a JSON object, not ${nameValue(issue.input)}` },
);

/** `otau_info`, the tag that makes a content item a package. Other keys are kept. */
export const otauInfoSchema = z.looseObject(
  {
    author: plainText("author").optional(),
    vendor: plainText("vendor").optional(),
    product: plainText("product").optional(),
    config_otau: configOtauSchema,
  },
  { error: (issue) => `otau_info must be a JSON object, not ${nameValue(issue.input)}` },
);

/** A valid `config_otau`. */
export type ConfigOtau = z.infer<typeof configOtauSchema>;

/** A valid `otau_info`. */
export type OtauInfo = z.infer<typeof otauInfoSchema>;

function plainText(name: string, wanted = "a text") {
  return z.string({
    error: ({ input }) =>
      input === undefined
        ? `${name} is missing; it is ${wanted}`
        : `${name} must be ${wanted}, not ${nameValue(input)}`,
  });
}

/** Half a surrogate pair is refused in what is stored and compared apart from the exact text. */
function boundedText(name: string, min: number, max: number) {
  const wanted = min === 0 ? `a text of at most ${max} characters` : `a text of ${min} to ${max} characters`;
  const error = ({ input }: { readonly input?: unknown }): string =>
    `${name} must be ${wanted}, not ${nameValue(input)}`;
  return plainText(name, wanted)
    .min(min, { error })
    .max(max, { error })
    .refine((value) => value.isWellFormed(), {
      error: ({ input }) => `${name} holds half a surrogate pair: ${quote(input)}`,
    });
}
