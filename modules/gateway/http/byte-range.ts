/** Bytes asked for, both ends included; `unsatisfiable`: there are none of them. */
export type ByteRange = { readonly start: number; readonly end: number };

/**
 * Reads `Range` for bytes of a known length. Undefined where all of them are to be sent: without a range, and where
 * it is malformed, of another unit, or several in one, as a server may.
 */
export function readRange(
  header: string | undefined,
  length: number,
): ByteRange | "unsatisfiable" | undefined {
  const match = /^bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header?.trim() ?? "");
  if (match === null) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  if (first === "") return lastBytes(Number(last), length);
  const start = Number(first);
  const end = last === "" ? length - 1 : Math.min(Number(last), length - 1);
  if (last !== "" && Number(last) < start) return undefined;
  return start < length ? { start, end } : "unsatisfiable";
}

const lastBytes = (count: number, length: number): ByteRange | "unsatisfiable" =>
  count === 0 || length === 0 ? "unsatisfiable" : { start: Math.max(0, length - count), end: length - 1 };
