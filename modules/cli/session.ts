import type { Command } from "commander";
import { type ApiClient, makeApiClient } from "./api-client.ts";
import { readConnection } from "./connection.ts";
import type { Io } from "./io.ts";
import { makeOutput, type Output } from "./output.ts";

/** What every command works with: the server, the output and the world. */
export type Session = {
  readonly io: Io;
  readonly api: ApiClient;
  readonly out: Output;
  readonly serverUrl: string;
  readonly token: string | undefined;
  readonly productId: string;
};

/** The session of a command that is about to run; reads the `OTAU_…` settings and `--json`. */
export function openSession(io: Io, command: Command): Session {
  const connection = readConnection(io);
  return {
    io,
    api: makeApiClient(connection, io.signal),
    out: makeOutput(io, wantsJson(command)),
    serverUrl: connection.url,
    token: connection.token,
    productId: connection.productId,
  };
}

/** True when `--json` stands anywhere on the command line. */
export function wantsJson(command: Command): boolean {
  const options: { json?: unknown } = command.optsWithGlobals();
  return options.json === true;
}
