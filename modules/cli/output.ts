import { styleText } from "node:util";
import type { Page } from "./api-client.ts";
import type { CliError } from "./cli-error.ts";
import type { Io } from "./io.ts";
import { type Column, cellText, cleanText, drawTable } from "./tables.ts";

/** Where a command puts what it found. With `--json` stdout holds JSON and nothing else. */
export type Output = {
  readonly isJson: boolean;
  readonly isTerminal: boolean;
  /** The answer itself: `value` with `--json`, else what `human` draws. */
  readonly answer: (value: unknown, human: () => Promise<void>) => Promise<void>;
  readonly line: (text: string) => Promise<void>;
  /** One JSON value on one line, for answers that come one after the other. */
  readonly jsonLine: (value: unknown) => Promise<void>;
  readonly table: <Row>(
    columns: readonly Column<Row>[],
    rows: readonly Row[],
    whenEmpty: string,
  ) => Promise<void>;
  /** One line for each field of an object, nested ones as JSON. */
  readonly fields: (record: object) => Promise<void>;
  /** A page of a list, with a note when more exists. */
  readonly page: <Row>(page: Page<Row>, columns: readonly Column<Row>[], whenEmpty: string) => Promise<void>;
  /** The table as text, for frames that are drawn again and again. */
  readonly drawTable: <Row>(columns: readonly Column<Row>[], rows: readonly Row[]) => string;
  /** A remark for the person; on stderr, so that a pipe never sees it. */
  readonly note: (text: string) => Promise<void>;
  readonly raw: (chunk: string | Uint8Array) => Promise<void>;
  readonly colour: (text: string, colour: Colour) => string;
};

/** The few colours in use. */
export type Colour = "green" | "red" | "yellow" | "cyan" | "gray" | "bold";

const stateColours: Readonly<Record<string, Colour>> = {
  succeeded: "green",
  finished: "green",
  available: "green",
  failed: "red",
  timed_out: "red",
  aborted: "red",
  halted: "red",
  invalid: "red",
  canceled: "yellow",
  superseded: "yellow",
  withdrawn: "yellow",
  paused: "yellow",
  retrying: "yellow",
  waiting: "gray",
  skipped: "gray",
  running: "cyan",
};

/** Colour of a state's word; live states in between are cyan. */
export function colourOfState(state: string): Colour {
  return stateColours[state] ?? "cyan";
}

/** The output of one command. Colour only for a person's terminal, and not where NO_COLOR is set. */
export function makeOutput(io: Io, isJson: boolean): Output {
  const hasColour = io.isTerminal && !io.env["NO_COLOR"] && io.env["TERM"] !== "dumb";
  const colour = (text: string, name: Colour): string =>
    hasColour ? styleText(name, text, { validateStream: false }) : text;
  const raw = (chunk: string | Uint8Array): Promise<void> => io.stdout.write(chunk);
  const line = (text: string): Promise<void> => raw(`${text}\n`);
  const note = (text: string): Promise<void> => io.stderr.write(`${cleanText(text)}\n`);
  const draw = <Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string =>
    drawTable(columns, rows, {
      isTerminal: io.isTerminal,
      width: io.size().columns,
      paint: (text, column, isHeading) => {
        if (isHeading) return colour(text, "bold");
        return column === "state" ? colour(text, colourOfState(text)) : text;
      },
    });
  const table: Output["table"] = async (columns, rows, whenEmpty) => {
    if (rows.length === 0) return note(whenEmpty);
    await line(draw(columns, rows));
  };
  const answer: Output["answer"] = (value, human) =>
    isJson ? line(JSON.stringify(value ?? null, null, 2)) : human();
  return {
    isJson,
    isTerminal: io.isTerminal,
    answer,
    line: (text) => line(text),
    jsonLine: (value) => line(JSON.stringify(value)),
    table,
    fields: (record) => line(drawFields(record)),
    page: (page, columns, whenEmpty) =>
      answer(page, async () => {
        await table(columns, page.items, whenEmpty);
        if (page.next !== null) await note(`${page.items.length} shown, more exist: see more with --limit N`);
      }),
    drawTable: draw,
    note,
    raw,
    colour,
  };
}

/** The lines that a failure leaves on stderr: the sentence, its notes, what to type next. */
export function failureText(error: CliError, isJson: boolean): string {
  if (isJson) {
    const document = error.extras.problem ?? { code: null, detail: error.message };
    return `${JSON.stringify(document)}\n`;
  }
  const notes = (error.extras.notes ?? []).map((note) => `  ${cleanText(note)}`);
  const hint = error.extras.hint === undefined ? [] : [cleanText(error.extras.hint)];
  return `${[`otau: ${cleanText(error.message)}`, ...notes, ...hint].join("\n")}\n`;
}

function drawFields(record: object): string {
  const entries = Object.entries(record).filter(([, value]) => value !== undefined && value !== null);
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${cleanText(name).padEnd(width)}  ${cellText(value)}`).join("\n");
}
