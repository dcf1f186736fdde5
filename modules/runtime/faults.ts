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
  return [{ path: pathOf(where, issue.path), message: shortenedMessage(messageOf(issue)) }];
};

/** The schema library's words where they say what to do, ours where they do not. */
const messageOf = (issue: Issue): string => {
  if (issue.code === "invalid_key") return issue.issues[0]?.message ?? issue.message;
  const received = /^Invalid input: expected \w+, received (\w+)$/.exec(issue.message)?.[1];
  if (issue.code !== "invalid_type" || received === undefined) return issue.message;
  const expected = typeNames.get(issue.expected) ?? issue.expected;
  if (received !== "undefined") return `must be ${expected}, not ${received}`;
  return issue.expected === "nonoptional" ? "is missing" : `is missing; it must be ${expected}`;
};

const typeNames: ReadonlyMap<string, string> = new Map([
  ["array", "an array"],
  ["boolean", "true or false"],
  ["int", "a whole number"],
  ["number", "a number"],
  ["object", "an object"],
  ["record", "an object"],
  ["string", "a string"],
]);

const shortenedMessage = (message: string): string =>
  message.length <= 300 ? message : `${message.slice(0, 300)}…`;

/** A schema's findings as faults: JSON pointers into the body, else names of parameters. */
export const faultsOf = (where: Where, issues: readonly Issue[]): readonly InputFault[] =>
  issues
    .slice(0, faultMax)
    .flatMap((issue) => faultsOfIssue(where, issue))
    .slice(0, faultMax);

/**
 * Fields named `__proto__` that a schema let fall without a word, as pointers: records leave that name out, and a field
 * that is not known is to be refused. What was passed on as it came keeps the name and is no fault.
 */
export const fallenFields = (
  sent: unknown,
  taken: unknown,
  path: readonly string[] = [],
): readonly string[] => {
  if (sent === taken || !isContainer(sent) || !isContainer(taken)) return [];
  const name = "__proto__";
  const own = Object.hasOwn(sent, name) && !Object.hasOwn(taken, name) ? [pointer([...path, name])] : [];
  const below = Object.keys(taken).flatMap((key) => fallenFields(sent[key], taken[key], [...path, key]));
  return [...own, ...below];
};

const isContainer = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** INVALID_INPUT with every fault and the first of them in the sentence. */
export const invalidBySchema = (where: Where, error: z.core.$ZodError): OtauError => {
  const errors = faultsOf(where, error.issues);
  const first = errors[0];
  const name = first === undefined || first.path === "" ? "The body" : first.path;
  const more = errors.length > 1 ? ` ${errors.length - 1} more under errors.` : "";
  return new OtauError("INVALID_INPUT", `${name}: ${first?.message ?? "is not valid"}.${more}`, { errors });
};
