import { type ErrorCode, type ErrorExtras, errorCatalogue, type InputFault, OtauError } from "../errors.ts";

/** Identities and faults sent at most; `count` says how many there are. */
const listedMax = 100;

/** The body of every error reply, `application/problem+json`. */
export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly requestId: string;
  readonly errors?: readonly InputFault[];
  readonly identities?: readonly string[];
  readonly count?: number;
  readonly revision?: number;
};

/** A problem with the headers it is sent with. */
export type ProblemReply = { readonly problem: Problem; readonly headers: Readonly<Record<string, string>> };

/** Refusals of HTTP itself whose status is not the one of their code (414, 431). */
export class HttpRefusal extends OtauError {
  readonly #status: number;

  constructor(status: number, code: ErrorCode, detail: string) {
    super(code, detail);
    this.#status = status;
  }

  override get status(): number {
    return this.#status;
  }
}

/**
 * Recognises a refusal by its marks rather than its class: a script may hold
 * a second copy of the errors module.
 */
export const isRefusal = (error: unknown): error is OtauError =>
  error instanceof OtauError ||
  (error instanceof Error &&
    error.name === "OtauError" &&
    "code" in error &&
    typeof error.code === "string" &&
    Object.hasOwn(errorCatalogue, error.code));

/** Wraps one fault of the input. */
export const invalidInput = (path: string, message: string): OtauError =>
  new OtauError("INVALID_INPUT", path === "" ? `The body ${message}.` : `${path} ${message}.`, {
    errors: [{ path, message }],
  });

const listedExtras = (extras: ErrorExtras): Partial<Problem> => ({
  ...(extras.errors === undefined ? {} : { errors: extras.errors.slice(0, listedMax) }),
  ...(extras.identities === undefined
    ? {}
    : {
        identities: extras.identities.slice(0, listedMax),
        count: extras.count ?? extras.identities.length,
      }),
  ...(extras.count === undefined ? {} : { count: extras.count }),
  ...(extras.revision === undefined ? {} : { revision: extras.revision }),
});

const headersOf = (status: number, extras: ErrorExtras): Readonly<Record<string, string>> => ({
  ...(status === 401 ? { "www-authenticate": "Bearer" } : {}),
  ...(status === 429 || status === 503 ? { "retry-after": String(extras.retryAfterSeconds ?? 1) } : {}),
  ...(extras.allow === undefined ? {} : { allow: extras.allow.join(", ") }),
});

/** The problem document of a refusal; of anything else a bare INTERNAL that tells nothing. */
export const problemOf = (error: unknown, requestId: string): ProblemReply => {
  const refusal = isRefusal(error)
    ? error
    : new OtauError("INTERNAL", `Something failed on our side. The log has it under request ${requestId}.`);
  const { code, extras } = refusal;
  const { status, message } = refusal;
  const problem: Problem = {
    type: `urn:otau:error:${code.toLowerCase().replaceAll("_", "-")}`,
    title: errorCatalogue[code].title,
    status,
    detail: message,
    code,
    requestId,
    ...listedExtras(extras),
  };
  return { problem, headers: headersOf(status, extras) };
};
