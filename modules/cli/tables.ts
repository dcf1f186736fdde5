import Table from "cli-table3";

/** One column: its heading and what stands in it. `isFlexible`: shortened first when the terminal is narrow. */
export type Column<Row> = {
  readonly title: string;
  readonly of: (row: Row) => unknown;
  readonly isFlexible?: boolean;
  readonly isNumber?: boolean;
};

/** How a table is drawn. `paint` colours a finished cell; it must not change its width. */
export type TableStyle = {
  readonly isTerminal: boolean;
  /** Characters in a row of the terminal. */
  readonly width: number;
  readonly paint: (text: string, column: string, isHeading: boolean) => string;
};

const flexibleWidthMin = 12;
const nothing = "-";

/** Draws a framed table for a terminal, aligned plain lines for a pipe. Ends without a line break. */
export function drawTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  style: TableStyle,
): string {
  const cells = rows.map((row) => columns.map((column) => cellText(column.of(row))));
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...cells.map((line) => line[index]?.length ?? 0)),
  );
  return style.isTerminal ? drawFramed(columns, cells, widths, style) : drawPlain(columns, cells, widths);
}

/**
 * Text that is safe to print: what a device sent may hold escape sequences that would steer the terminal,
 * or line breaks that would fake rows.
 */
export function cleanText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: taking them out is the purpose
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, "�");
}

/** One value on one line: text as it is, times and numbers plainly, anything deeper as JSON. */
export function cellText(value: unknown): string {
  if (value === undefined || value === null || value === "") return nothing;
  if (typeof value === "object") return cleanText(JSON.stringify(value));
  return cleanText(String(value));
}

function drawPlain<Row>(
  columns: readonly Column<Row>[],
  cells: readonly (readonly string[])[],
  widths: readonly number[],
): string {
  const lines = [columns.map((column) => column.title.toUpperCase()), ...cells];
  const align = (cell: string, index: number): string => {
    const width = widths[index] ?? 0;
    return columns[index]?.isNumber ? cell.padStart(width) : cell.padEnd(width);
  };
  return lines.map((line) => line.map(align).join("  ").trimEnd()).join("\n");
}

function drawFramed<Row>(
  columns: readonly Column<Row>[],
  cells: readonly (readonly string[])[],
  widths: readonly number[],
  style: TableStyle,
): string {
  const fitted = fitWidths(columns, widths, style.width);
  const paintLine = (line: readonly string[], isHeading: boolean): string[] =>
    line.map((cell, index) => {
      const shortened = shorten(cell, fitted[index] ?? cell.length);
      return style.paint(shortened, columns[index]?.title ?? "", isHeading);
    });
  const table = new Table({
    // The library's own colours ignore what this program knows about the terminal.
    style: { head: [], border: [], compact: true },
    colAligns: columns.map((column) => (column.isNumber ? "right" : "left")),
    head: paintLine(
      columns.map((column) => column.title),
      true,
    ),
  });
  table.push(...cells.map((line) => paintLine(line, false)));
  return table.toString();
}

/** Takes what does not fit from the flexible columns, widest first. */
function fitWidths<Row>(
  columns: readonly Column<Row>[],
  widths: readonly number[],
  widthMax: number,
): readonly number[] {
  const frame = 3 * columns.length + 1;
  let excess = widths.reduce((sum, width) => sum + width, frame) - widthMax;
  return columns.map((column, index) => {
    const width = widths[index] ?? 0;
    if (excess <= 0 || !column.isFlexible) return width;
    const fitted = Math.min(width, Math.max(flexibleWidthMin, width - excess));
    excess -= width - fitted;
    return fitted;
  });
}

function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
