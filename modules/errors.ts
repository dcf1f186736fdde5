/**
 * Every refusal a caller can meet: a closed list of codes, each with its HTTP status and title.
 * The list is the contract's; the OpenAPI document and the problem documents are made from it.
 */
export const errorCatalogue = {
  INVALID_INPUT: { status: 400, title: "The request is not valid" },
  INVALID_PACKAGE: { status: 400, title: "The package is not valid" },
  CURSOR_INVALID: { status: 400, title: "The cursor is not valid" },
  UNAUTHORIZED: { status: 401, title: "A valid token is needed" },
  FORBIDDEN: { status: 403, title: "The token's role does not allow this" },
  NOT_FOUND: { status: 404, title: "Not found" },
  METHOD_NOT_ALLOWED: { status: 405, title: "The method is not allowed here" },
  PRODUCT_NOT_EMPTY: { status: 409, title: "The product still has devices or packages" },
  PACKAGE_IN_USE: { status: 409, title: "The package is in use" },
  PACKAGE_INVALID: { status: 409, title: "The package cannot be applied as it is not valid" },
  PACKAGE_WITHDRAWN: { status: 409, title: "The package is withdrawn" },
  UPDATE_IN_PROGRESS: { status: 409, title: "An update is in progress" },
  ALREADY_FINAL: { status: 409, title: "The update has ended" },
  NOTHING_TO_RETRY: { status: 409, title: "There is nothing to retry" },
  DEPLOYMENT_FINISHED: { status: 409, title: "The deployment has ended" },
  IDEMPOTENCY_IN_PROGRESS: { status: 409, title: "The first request with this key is still running" },
  REVISION_MISMATCH: { status: 412, title: "The resource has changed" },
  TOO_LARGE: { status: 413, title: "The request is too large" },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: "The media type is not supported" },
  IDEMPOTENCY_KEY_REUSED: { status: 422, title: "The idempotency key was used for another request" },
  UNKNOWN_DEVICES: { status: 422, title: "Some devices are unknown" },
  EMPTY_TARGET: { status: 422, title: "The target holds no device" },
  RATE_LIMITED: { status: 429, title: "Too many requests" },
  INTERNAL: { status: 500, title: "Something went wrong on our side" },
  STORE_UNAVAILABLE: { status: 503, title: "The store is not available" },
} as const satisfies Record<string, { status: number; title: string }>;

/** A code of the closed list. */
export type ErrorCode = keyof typeof errorCatalogue;

/** One fault of a request: `path` is a JSON pointer into the body, else the parameter's name. */
export type InputFault = { readonly path: string; readonly message: string };

/** What a refusal carries beyond its code and sentence; each key is sent as it is named. */
export type ErrorExtras = {
  readonly errors?: readonly InputFault[];
  /** Refused devices; the first 100 are sent, `count` says how many there are. */
  readonly identities?: readonly string[];
  readonly count?: number;
  /** Whole seconds, sent as `Retry-After` with 429 and 503. */
  readonly retryAfterSeconds?: number;
  /** The present revision, sent with REVISION_MISMATCH. */
  readonly revision?: number;
  readonly allow?: readonly string[];
  readonly cause?: unknown;
};

/**
 * A refusal that the caller caused or must know of. Anything else that is thrown is a fault of ours:
 * it is logged whole and answered as a bare INTERNAL.
 */
export class OtauError extends Error {
  override readonly name = "OtauError";
  readonly code: ErrorCode;
  readonly extras: ErrorExtras;

  /** `detail` says what is wrong, with the value, and what to do about it. */
  constructor(code: ErrorCode, detail: string, extras: ErrorExtras = {}) {
    super(detail, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.code = code;
    this.extras = extras;
  }

  get status(): number {
    return errorCatalogue[this.code].status;
  }
}
