import type { Command } from "commander";
import { CliError, usageError } from "../cli-error.ts";
import type { Io } from "../io.ts";
import { addLeaf } from "../leaf.ts";
import { definedOnly, parsePairs } from "../parsing.ts";
import { openSession, type Session } from "../session.ts";
import { filledLines, readTextFile } from "../text-files.ts";

type AddOptions = {
  readonly from?: string;
  readonly tag?: readonly string[];
  readonly installed?: string;
  readonly tokens?: true;
};

type Outcome = {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly tokens?: Readonly<Record<string, string>>;
};

/** The server takes so many at once. */
const batchSizeMax = 10_000;

/** Adds `devices add`. */
export function addDeviceAdd(devices: Command, io: Io): void {
  addLeaf(devices, {
    usage: "add [identity...]",
    summary: "Register devices; one that exists is updated",
    examples: [
      "otau devices add gw-1 gw-2 --tag site=berlin --installed 1.0.0",
      "otau devices add --from devices.ndjson --tokens --json",
    ],
  })
    .option("--from <file>", 'file with one {"identity": …, "tags": …} or identity on a line; - reads stdin')
    .option("--tag <name=value...>", "tags for those named here")
    .option("--installed <version>", "version that those named here run now")
    .option("--tokens", "make a token for each and show it, once")
    .action((identities: readonly string[], options: AddOptions, command: Command) =>
      addAll(openSession(io, command), identities, options),
    );
}

async function addAll(session: Session, identities: readonly string[], options: AddOptions): Promise<void> {
  const { api, out } = session;
  const tags = options.tag === undefined ? undefined : parsePairs("--tag", options.tag);
  const named = identities.map((identity) =>
    definedOnly({ identity, tags, installedVersion: options.installed }),
  );
  const listed = options.from === undefined ? [] : await readDevices(session.io, options.from);
  const all = [...named, ...listed];
  if (all.length === 0) throw usageError("no device is named", "Name some, or give a file with --from");
  let sum: Outcome = { created: 0, updated: 0, unchanged: 0 };
  for (let at = 0; at < all.length; at += batchSizeMax) {
    const query = options.tokens ? { tokens: true } : {};
    const body = all.slice(at, at + batchSizeMax);
    sum = added(sum, await api.send<Outcome>("POST", api.productPath("devices"), { query, body }));
  }
  await out.answer(sum, () => tellOutcome(out, sum));
}

async function readDevices(io: Io, file: string): Promise<readonly unknown[]> {
  const text = await readTextFile(io, file);
  if (text.trimStart().startsWith("[")) return parseArray(text, file);
  return filledLines(text).map((line) => {
    if (!line.text.startsWith("{")) return { identity: line.text };
    try {
      return JSON.parse(line.text);
    } catch (cause) {
      throw new CliError(`${file}, line ${line.number} is not JSON: ${reasonOf(cause)}`, { cause });
    }
  });
}

function parseArray(text: string, file: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [value];
  } catch (cause) {
    throw new CliError(`${file} is not JSON: ${reasonOf(cause)}`, { cause });
  }
}

function added(sum: Outcome, more: Outcome): Outcome {
  const tokens = more.tokens === undefined ? sum.tokens : { ...sum.tokens, ...more.tokens };
  return {
    created: sum.created + more.created,
    updated: sum.updated + more.updated,
    unchanged: sum.unchanged + more.unchanged,
    ...(tokens === undefined ? {} : { tokens }),
  };
}

async function tellOutcome(
  out: Session["out"],
  { created, updated, unchanged, tokens }: Outcome,
): Promise<void> {
  await out.line(`${created} created, ${updated} updated, ${unchanged} unchanged`);
  if (tokens === undefined) return;
  await out.table(
    [
      { title: "identity", of: ([identity]) => identity },
      { title: "token", of: ([, token]) => token },
    ],
    Object.entries(tokens),
    "No token was made",
  );
  await out.note("Keep the tokens: they are shown this once.");
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
