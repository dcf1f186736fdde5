import { CliError } from "../cli-error.ts";

/** One record of a table with headings; `line` is where it begins in the file, from 1. */
export type CsvRecord = { readonly line: number; readonly cells: Readonly<Record<string, string>> };

type Row = { readonly line: number; readonly cells: readonly string[] };

/**
 * Reads a table whose first line names its columns: RFC 4180 (quotes, quotes doubled, line breaks within quotes), the
 * separator being `,` `;` or a tab, whichever the headings have most of. Cells are trimmed unless quoted. Throws a
 * CliError naming the line.
 */
export function readCsv(text: string): {
  readonly columns: readonly string[];
  readonly records: readonly CsvRecord[];
} {
  const plain = text.replace(/^\uFEFF/, "");
  const [head, ...rows] = readRows(plain, separatorOf(plain));
  if (head === undefined) throw new CliError("the file is empty; its first line has to name the columns");
  const columns = head.cells;
  const twice = columns.find((name, index) => name === "" || columns.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new CliError(
      twice === "" ? `line ${head.line} has a column without a name` : `column ${twice} is named twice`,
    );
  }
  return { columns, records: rows.map((row) => toRecord(columns, row)) };
}

function toRecord(columns: readonly string[], { line, cells }: Row): CsvRecord {
  if (cells.length > columns.length) {
    throw new CliError(`line ${line} has ${cells.length} cells, but there are ${columns.length} columns`);
  }
  return { line, cells: Object.fromEntries(columns.map((name, index) => [name, cells[index] ?? ""])) };
}

function separatorOf(text: string): string {
  const head = text.slice(0, text.search(/[\r\n]|$/));
  const countOf = (separator: string): number => head.split(separator).length;
  return [";", "\t"].reduce((best, one) => (countOf(one) > countOf(best) ? one : best), ",");
}

function readRows(text: string, separator: string): readonly Row[] {
  // A cell, and what ends it: the separator, a line break, or the end of the file.
  const end = separator === "\t" ? "\\t" : separator;
  const cell = new RegExp(
    `[ ]*(?:"((?:[^"]|"")*)"[ ]*|([^"${end}\\r\\n][^${end}\\r\\n]*|))(${end}|\\r?\\n|$)`,
    "y",
  );
  const rows: Row[] = [];
  let cells: string[] = [];
  let line = 1;
  let startLine = 1;
  while (cell.lastIndex < text.length || cells.length > 0) {
    const match = cell.exec(text);
    if (match === null) throw new CliError(`line ${line} has a quote that is not closed, or text beside one`);
    const [whole, quoted, bare = "", ending] = match;
    cells.push(quoted === undefined ? bare.trim() : quoted.replaceAll('""', '"'));
    line += whole.split("\n").length - 1;
    if (ending === separator) continue;
    if (cells.some((one) => one !== "")) rows.push({ line: startLine, cells });
    cells = [];
    startLine = line;
  }
  return rows;
}
