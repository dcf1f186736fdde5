import type { Logger } from "pino";
import { z } from "zod";
import { type ErrorCode, type InputFault, OtauError } from "../errors.ts";

/**
 * What a service answers instead of throwing (Murano "Working with APIs"): `error` is a JSON text, `QueryError`
 * means that the call was wrong, `ServerError` that the service failed.
 */
export type ServiceError = {
  readonly error: string;
  readonly status: number;
  readonly type: "QueryError" | "ServerError";
};

/** An answer, or an error: `if (result.error) …` tells which. */
export type Result<Answer> = (Answer & { readonly error?: undefined }) | ServiceError;

/** The answer of a call that has nothing to say (Murano 204). */
export type Done = { readonly status: 204; readonly status_code: 204 };

export const done: Done = { status: 204, status_code: 204 };

/** A refusal that no code of the app API stands for; becomes an error object. */
export class ServiceFault extends Error {
  override readonly name = "ServiceFault";
  readonly status: number;
  readonly reason: string;

  /** `status` as in HTTP, `reason` a word for programs. */
  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/** Which service speaks: Content says `{ type, message }`, the others `{ code, message, reason }`. */
export type Service = "Device2" | "Content" | "Keystore" | "Timer" | "Config";

type Failure = {
  readonly status: number;
  readonly reason: string;
  readonly message: string;
  readonly errors?: readonly InputFault[] | undefined;
};

export type Answering = <Answer extends object>(
  operation: string,
  run: () => Promise<Answer>,
) => Promise<Result<Answer>>;

/** Runs operations of one service; whatever they throw becomes an error object, faults of ours are logged. */
export function makeAnswering(service: Service, log: Pick<Logger, "error">): Answering {
  return async (operation, run) => {
    try {
      return await run();
    } catch (error) {
      const failure = failureOf(error);
      if (failure.status === 500) log.error({ err: error, service, operation }, "service call failed");
      return errorObject(service, failure);
    }
  };
}

function failureOf(error: unknown): Failure {
  if (error instanceof ServiceFault) {
    return { status: error.status, reason: error.reason, message: error.message };
  }
  if (error instanceof OtauError) {
    const reason: ErrorCode = error.code;
    return { status: error.status, reason, message: error.message, errors: error.extras.errors };
  }
  return { status: 500, reason: "INTERNAL", message: "The service failed; the log says why." };
}

function errorObject(service: Service, { status, reason, message, errors }: Failure): ServiceError {
  const said = errors === undefined ? { message } : { message, errors };
  return {
    error: JSON.stringify(
      service === "Content" ? { type: reason, ...said } : { code: status, reason, ...said },
    ),
    status,
    type: status < 500 ? "QueryError" : "ServerError",
  };
}

/** The arguments of a call by their schema; unknown ones are left out, as callers pass whole events on. 400. */
export function readArguments<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const parsed = schema.safeParse(given ?? {});
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.map(({ path, message }) => ({ path: path.join("/"), message }));
  const said = errors.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
  throw new OtauError("INVALID_INPUT", `The arguments are not valid: ${said.join("; ")}.`, { errors });
}

/** A whole number of a range. */
export const wholeNumber = (min: number, max: number) => z.int().min(min).max(max);

/** A text that can be stored as it is: no half of a surrogate pair. */
export const wellFormedText = (charactersMax: number) =>
  z
    .string()
    .min(1)
    .max(charactersMax)
    .refine((text) => text.isWellFormed(), { error: "must not hold half a surrogate pair" });
