import { CliError } from "../cli-error.ts";
import { readCsv } from "./csv.ts";

/** A device as the server takes it. */
export type ListedDevice = {
  readonly identity: string;
  readonly installedVersion?: string;
  readonly tags?: Readonly<Record<string, string>>;
};

/** Names under which lists of devices have the two columns that are no tags, in small letters. */
const identityNames = ["identity", "id", "sn", "serial", "device"];
const versionNames = ["installedversion", "installed_version", "version", "firmware"];

/**
 * Reads devices from a CSV file with headings. Column `identity` (or `id`, `sn`, …) names the device, `installedVersion`
 * (or `version`, …) what it runs, every other column is a tag (`site` and `tag.site` alike); an empty cell is none.
 * Throws a CliError that names the line.
 */
export function readDeviceTable(text: string): readonly ListedDevice[] {
  const { columns, records } = readCsv(text);
  const identityColumn = pick(columns, identityNames);
  if (identityColumn === undefined) {
    throw new CliError(`no column names the devices; there are: ${columns.join(", ")}`, {
      hint: `Call one of them ${identityNames.slice(0, 3).join(", ")}.`,
    });
  }
  const versionColumn = pick(columns, versionNames);
  const tagColumns = columns.filter((column) => column !== identityColumn && column !== versionColumn);
  const lineOf = new Map<string, number>();
  return records.map(({ line, cells }) => {
    const identity = cells[identityColumn] ?? "";
    if (identity === "") throw new CliError(`line ${line} names no device in column ${identityColumn}`);
    const earlier = lineOf.get(identity);
    if (earlier !== undefined)
      throw new CliError(`device ${identity} is on line ${earlier} and on line ${line}`);
    lineOf.set(identity, line);
    const tags = Object.fromEntries(
      tagColumns.flatMap((column) =>
        cells[column] ? [[column.replace(/^tags?\./, ""), cells[column]]] : [],
      ),
    );
    const installedVersion = versionColumn === undefined ? "" : (cells[versionColumn] ?? "");
    return {
      identity,
      ...(installedVersion === "" ? {} : { installedVersion }),
      ...(Object.keys(tags).length === 0 ? {} : { tags }),
    };
  });
}

function pick(columns: readonly string[], names: readonly string[]): string | undefined {
  // The earlier name wins, wherever its column stands.
  return names
    .map((name) => columns.find((column) => column.toLowerCase() === name))
    .find((column) => column !== undefined);
}
