/**
 * A reason not to start that its reader can mend: printed as one line, without a stack, and the process ends with 1.
 * The message says what is wrong, with the value, and what to do.
 */
export class StartupError extends Error {
  override readonly name = "StartupError";
}

type SystemError = {
  readonly code?: string;
  readonly port?: number;
  readonly address?: string;
  readonly path?: string;
};

const systemErrorOf = (error: unknown): SystemError =>
  typeof error === "object" && error !== null ? (error as SystemError) : {};

/** Which setting moves a listener; it is named in the line for a port that is taken. */
export type ListenerSetting = "PORT" | "DEVICE_HTTP_PORT" | "MQTT_PORT" | "DEVICE_TLS_PORT" | "MQTTS_PORT";

/** A listener that cannot open, told with the setting that mends it; anything else comes back as it is. */
export function listenError(error: unknown, setting: ListenerSetting, port: number): unknown {
  const { code, address } = systemErrorOf(error);
  const where = address === undefined ? `port ${port}` : `${address}:${port}`;
  if (code === "EADDRINUSE") {
    return new StartupError(
      `${where} is taken by another process: stop it, or set ${setting} to another port (0 = any free one)`,
      { cause: error },
    );
  }
  if (code === "EACCES") {
    return new StartupError(`${where} needs rights this process lacks: set ${setting} to a port above 1023`, {
      cause: error,
    });
  }
  if (code === "EADDRNOTAVAIL") {
    return new StartupError(
      `${where} is no address of this machine: set HOST or DEVICE_HOST to one that is`,
      { cause: error },
    );
  }
  return error;
}

/**
 * The text for the error output when the program cannot start: one line where the reader can mend it,
 * with the stack where the fault is ours.
 */
export function formatStartupError(error: unknown): string {
  if (error instanceof StartupError) return `otau: ${error.message}`;
  const { code, path } = systemErrorOf(error);
  if ((code === "EACCES" || code === "EPERM" || code === "EROFS") && path !== undefined) {
    return `otau: ${path} cannot be written (${code}): give this user the right, or set OTAU_DATA_DIR to another folder`;
  }
  if (code === "ENOSPC") return "otau: the disk is full: free some space, then start again";
  return `otau: cannot start: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
