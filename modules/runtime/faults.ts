import type { z } from "zod";
import { type InputFault, OtauError } from "../errors.ts";

type Issue = z.core.$ZodIssue;
type Where = "body" | "params" | "query";

/** Faults listed at most: a hostile body must not be answered with a longer one. */
const faultMax = 100;
const keyMax = 128;

const shortened = (text: string): string => (text.length <= keyMax ? text : `${text.slice(0, keyMax)}…`);

const pointer = (path: readonly PropertyKey[]): string =>
  path.map((key) => `/${shortened(String(key)).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

const pathOf = (where: Where, path: readonly PropertyKey[]): string =>
  where === "body" ? pointer(path) : shortened(String(path[0] ?? ""));

const faultsOfIssue = (where: Where, issue: Issue): readonly InputFault[] => {
  if (issue.code === "unrecognized_keys") {
    const message = where === "body" ? "is not a known field" : "is not a known parameter";
    return issue.keys
      .slice(0, faultMax)
      .map((key) => ({ path: pathOf(where, [...issue.path, key]), message }));
  }
  return [{ path: pathOf(where, issue.path), message: shortenedMessage(issue.message) }];
};

const shortenedMessage = (message: string): string =>
  message.length <= 300 ? message : `${message.slice(0, 300)}…`;

/** A schema's findings as faults: JSON pointers into the body, else names of parameters. */
export const faultsOf = (where: Where, issues: readonly Issue[]): readonly InputFault[] =>
  issues
    .slice(0, faultMax)
    .flatMap((issue) => faultsOfIssue(where, issue))
    .slice(0, faultMax);

/** INVALID_INPUT with every fault and the first of them in the sentence. */
export const invalidBySchema = (where: Where, error: z.core.$ZodError): OtauError => {
  const errors = faultsOf(where, error.issues);
  const first = errors[0];
  const name = first === undefined || first.path === "" ? "The body" : first.path;
  const more = errors.length > 1 ? ` ${errors.length - 1} more under errors.` : "";
  return new OtauError("INVALID_INPUT", `${name}: ${first?.message ?? "is not valid"}.${more}`, { errors });
};
