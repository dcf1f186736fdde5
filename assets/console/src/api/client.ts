import { endSession, token } from "../state/session.ts";

/** A refusal of the server, or that it could not be reached (`status` 0). */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;
  readonly faults: readonly { readonly path: string; readonly message: string }[];
  readonly identities: readonly string[];

  constructor(status: number, problem: Problem) {
    super(problem.detail ?? problem.title ?? `The server answered ${status}.`);
    this.status = status;
    this.code = problem.code ?? "INTERNAL";
    this.faults = problem.errors ?? [];
    this.identities = problem.identities ?? [];
  }
}

type Problem = {
  readonly title?: string;
  readonly detail?: string;
  readonly code?: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
  readonly identities?: readonly string[];
};

/** Values of a query; empty ones are left out, lists are repeated. */
export type Query = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined | null>
>;

type CallOptions = {
  readonly body?: unknown;
  /** Sent as it is, so that JSON keeps the exact text that was typed. */
  readonly rawBody?: BodyInit;
  readonly contentType?: string;
  readonly query?: Query;
  readonly signal?: AbortSignal;
  /** Makes a POST that is sent twice count once. */
  readonly idempotencyKey?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/** The path of something that belongs to a product; each further part is one encoded segment. */
export const productPath = (productId: string, ...parts: readonly string[]): string =>
  ["/api/v1/products", ...[productId, ...parts].map(encodeURIComponent)].join("/");

/** Adds a query to a path. */
export function withQuery(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === "") continue;
    for (const one of [value].flat()) search.append(name, String(one));
  }
  return search.size === 0 ? path : `${path}?${search}`;
}

/** Headers that say who calls. */
export const authHeaders = (): Record<string, string> =>
  token.value === "" ? {} : { authorization: `Bearer ${token.value}` };

/** One call of the app API; throws {@link ApiError}. A refused token ends the session. */
export async function call<Answer>(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  const response = await send(method, path, options);
  const text = await response.text();
  const answer: unknown = text === "" ? undefined : parse(text);
  if (response.ok) return answer as Answer;
  if (response.status === 401 && token.value !== "") endSession("The token was refused. Paste a valid one.");
  throw new ApiError(response.status, (answer ?? {}) as Problem);
}

/** A GET. */
export const get = <Answer>(path: string, query: Query = {}, signal?: AbortSignal): Promise<Answer> =>
  call<Answer>("GET", path, { query, ...(signal ? { signal } : {}) });

/** A POST. */
export const post = <Answer>(path: string, body: unknown = {}, idempotencyKey?: string): Promise<Answer> =>
  call<Answer>("POST", path, { body, ...(idempotencyKey ? { idempotencyKey } : {}) });

async function send(method: string, path: string, options: CallOptions): Promise<Response> {
  const { body, rawBody, query, signal, idempotencyKey } = options;
  const contentType = options.contentType ?? (body === undefined ? undefined : "application/json");
  try {
    return await fetch(withQuery(path, query), {
      method,
      headers: {
        ...authHeaders(),
        ...(contentType ? { "content-type": contentType } : {}),
        ...(idempotencyKey ? { "idempotency-key": idempotencyKey } : {}),
        ...options.headers,
      },
      ...(rawBody !== undefined
        ? { body: rawBody }
        : body !== undefined
          ? { body: JSON.stringify(body) }
          : {}),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, { code: "UNREACHABLE", detail: "The server cannot be reached." });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { detail: text.slice(0, 200) };
  }
}
