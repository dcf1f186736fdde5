/** 1: refused or failed. 2: the command line itself is wrong. */
export type FailureExitCode = 1 | 2;

/** What a failure carries beyond its sentence. */
export type CliErrorExtras = {
  /** Lines below the sentence: field errors, names of devices. */
  readonly notes?: readonly string[];
  /** What to type next. */
  readonly hint?: string;
  /** The server's problem document, printed as it is with `--json`. */
  readonly problem?: Readonly<Record<string, unknown>>;
  readonly exitCode?: FailureExitCode;
  readonly cause?: unknown;
};

/** A failure that a command ends with; shown to the user without a stack. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly extras: CliErrorExtras;
  readonly exitCode: FailureExitCode;

  constructor(sentence: string, extras: CliErrorExtras = {}) {
    super(sentence, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.extras = extras;
    this.exitCode = extras.exitCode ?? 1;
  }

  /** The code of the server's problem document, if there was one. */
  get code(): string | undefined {
    const code = this.extras.problem?.["code"];
    return typeof code === "string" ? code : undefined;
  }
}

/** The command line is wrong: exit 2. */
export function usageError(sentence: string, hint?: string): CliError {
  return new CliError(sentence, { exitCode: 2, ...(hint === undefined ? {} : { hint }) });
}
