import { hash } from "node:crypto";
import type { Command } from "commander";
import {
  type ChainCheck,
  type ChainFault,
  type ChainPoint,
  makeChainCheck,
} from "../../otau/journal-chain.ts";
import { CliError, usageError } from "../cli-error.ts";
import type { Io } from "../io.ts";
import { addGroup, addLeaf } from "../leaf.ts";
import { openSession, type Session } from "../session.ts";
import { cleanText } from "../tables.ts";

/** Adds `audit verify`. */
export function addAudit(program: Command, io: Io): void {
  const audit = addGroup(program, "audit", "Check what is recorded", ["otau audit verify"]);
  addLeaf(audit, {
    usage: "verify",
    summary: "Check the whole journal: find any line that was edited, dropped, swapped or cut off",
    examples: ["otau audit verify", "otau audit verify --expect 1204:Vb0…"],
  })
    .option("--expect <number:digest>", "an end that an earlier check told; the journal must pass through it")
    .action((options: { expect?: string }, command: Command) =>
      verify(openSession(io, command), options.expect),
    );
}

async function verify({ api, out }: Session, expect: string | undefined): Promise<void> {
  const expected = expect === undefined ? undefined : readExpected(expect);
  const response = await api.open(`${api.productPath("audit", "export")}`);
  const { fault, end } = await checkRows(rowsOf(response), expected);
  if (fault !== undefined) {
    throw new CliError(`the journal was tampered with: ${cleanText(fault.what)}`, {
      hint: `What comes before line ${fault.at} is sound.`,
      problem: { code: "JOURNAL_BROKEN", line: fault.at, detail: fault.what },
    });
  }
  await out.answer({ intact: true, lines: end.number, digest: end.digest }, async () => {
    await out.line(`The journal is intact: ${end.number} lines.`);
    await out.line(
      `end  ${end.number}:${end.digest}   (keep it elsewhere and check against it with --expect)`,
    );
  });
}

function readExpected(text: string): ChainPoint {
  const parts = /^(\d{1,15}):([A-Za-z0-9_-]*)$/.exec(text);
  if (parts === null)
    throw usageError(`"${text}" is no number:digest`, "Take what an earlier check told as its end.");
  return { number: Number(parts[1]), digest: parts[2] ?? "" };
}

async function* rowsOf(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body ?? []) {
    const rows = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split("\n");
    rest = rows.pop() ?? "";
    yield* rows;
  }
  if (rest !== "") yield rest;
}

const nextDigest = (digest: string, text: string): string =>
  hash("sha256", `${digest}\n${text}`, "base64url");

type Point = { readonly kind: "begin" | "point" | "end"; readonly point: ChainPoint };

function readPoint(row: string): Point | undefined {
  const kind = /^\{"(begin|point|end)":\{"number":/.exec(row)?.[1];
  if (kind !== "begin" && kind !== "point" && kind !== "end") return undefined;
  try {
    const { [kind]: point } = JSON.parse(row) as Readonly<Record<string, ChainPoint>>;
    return point === undefined ? undefined : { kind, point };
  } catch {
    // A line that somebody spoilt; it is found to be none.
    return undefined;
  }
}

/** Goes through all rows, and stops at the first fault. */
async function checkRows(
  rows: AsyncIterable<string>,
  expected: ChainPoint | undefined,
): Promise<{ readonly fault?: ChainFault; readonly end: ChainPoint }> {
  let check: ChainCheck | undefined;
  let isWhole = false;
  for await (const row of rows) {
    const point = readPoint(row);
    if (check === undefined) {
      if (point?.kind !== "begin")
        throw new CliError("the server's answer is no journal", { hint: "Check OTAU_URL." });
      check = makeChainCheck(point.point, nextDigest);
    } else {
      const fault = point === undefined ? check.line(row) : check.point(point.point);
      if (fault !== undefined) return { fault, end: check.reached() };
    }
    const { number, digest } = check.reached();
    if (expected?.number === number && expected.digest !== digest) {
      return {
        fault: { at: number, what: `the digest after line ${number} is not the expected one` },
        end: expected,
      };
    }
    isWhole = point?.kind === "end";
  }
  if (check === undefined || !isWhole) throw new CliError("the server's answer was cut off; try again");
  const end = check.reached();
  if (expected === undefined || expected.number <= end.number) return { end };
  const what = `lines ${end.number + 1} to ${expected.number} are missing`;
  return { fault: { at: end.number + 1, what }, end };
}
