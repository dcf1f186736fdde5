/** Fields of a device by name, their values whole. */
export type Fields = ReadonlyMap<string, string>;

/**
 * Most bytes of a field or value in the small hash: one longer turns the whole hash from a compact list into a table
 * (Redis' `hash-max-listpack-value`), and with it a device from some 230 bytes to over 600.
 */
export const smallBytesMax = 64;

/** A value of up to this many pieces of 64 bytes stays in the small hash; a longer one overflows. */
const piecesMax = 4;

/** Stands in the small hash for a value that overflowed. */
const overflowMark = "\u0002";

/** Field of the small hash that says: some field overflowed, read the other hash too. */
export const overflowField = "x";

/** Where one field stands: names and values of the small hash, or one value of the overflow hash. */
export type Placement = {
  readonly small: readonly (readonly [name: string, value: string])[];
  readonly large: string | undefined;
};

/** Where a field of this name and value belongs. */
export function placeField(name: string, value: string): Placement {
  if (name.length > smallBytesMax - 1) return { small: [], large: value };
  if (value === overflowMark) return { small: [[name, overflowMark]], large: value };
  if (fitsBytes(value, smallBytesMax)) return { small: [[name, value]], large: undefined };
  const pieces = splitText(value);
  if (pieces === undefined) return { small: [[name, overflowMark]], large: value };
  return { small: pieces.map((piece, at) => [pieceName(name, at), piece]), large: undefined };
}

/** What turns the fields that were stored into those that shall be. */
export type FieldChanges = {
  /** Names and values in turn. */
  readonly setSmall: readonly string[];
  readonly deleteSmall: readonly string[];
  readonly setLarge: readonly string[];
  readonly deleteLarge: readonly string[];
};

/** The least changes from `before` to `after`. */
export function diffFields(before: Fields, after: Fields): FieldChanges {
  const changes = { setSmall: [], deleteSmall: [], setLarge: [], deleteLarge: [] } satisfies FieldChanges;
  for (const [name, value] of after) {
    const old = before.get(name);
    if (old !== value) replaceField(changes, name, old, value);
  }
  for (const [name, old] of before) if (!after.has(name)) replaceField(changes, name, old, undefined);
  return changes;
}

type MutableChanges = { readonly [Key in keyof FieldChanges]: string[] };

function replaceField(
  changes: MutableChanges,
  name: string,
  before: string | undefined,
  after: string | undefined,
): void {
  const old = before === undefined ? undefined : placeField(name, before);
  const next = after === undefined ? undefined : placeField(name, after);
  for (const [field, value] of next?.small ?? []) changes.setSmall.push(field, value);
  if (next?.large !== undefined) changes.setLarge.push(name, next.large);
  else if (old?.large !== undefined) changes.deleteLarge.push(name);
  for (const [field] of old?.small ?? []) {
    if (!next?.small.some(([kept]) => kept === field)) changes.deleteSmall.push(field);
  }
}

/** Whether the field stands in the overflow hash. */
export function overflows(name: string, value: string): boolean {
  return placeField(name, value).large !== undefined;
}

/** Fields from the replies of HGETALL: of the small hash, and of the overflow hash if it was read. */
export function joinFields(small: readonly string[], large: readonly string[] = []): Map<string, string> {
  const fields = new Map<string, string>();
  let hasPieces = false;
  for (let at = 0; at + 1 < small.length; at += 2) {
    const name = small[at] as string;
    fields.set(name, small[at + 1] as string);
    if (name.charCodeAt(name.length - 1) < piecesMax) hasPieces = true;
  }
  if (hasPieces) joinPieces(fields);
  for (let at = 0; at + 1 < large.length; at += 2) fields.set(large[at] as string, large[at + 1] as string);
  return fields;
}

function joinPieces(fields: Map<string, string>): void {
  for (const name of [...fields.keys()]) {
    const last = name.charCodeAt(name.length - 1);
    if (last < piecesMax && name.length > 1) continue;
    let whole = fields.get(name) ?? "";
    for (let at = 1; at < piecesMax; at++) {
      const piece = pieceName(name, at);
      whole += fields.get(piece) ?? "";
      fields.delete(piece);
    }
    fields.set(name, whole);
  }
}

/** Every name under which parts of a field may stand in the small hash. */
export function pieceNames(name: string): string[] {
  return Array.from({ length: piecesMax }, (_, at) => pieceName(name, at));
}

function pieceName(name: string, at: number): string {
  return at === 0 ? name : name + String.fromCharCode(at);
}

function fitsBytes(text: string, bytesMax: number): boolean {
  if (text.length > bytesMax) return false;
  return text.length * 3 <= bytesMax || Buffer.byteLength(text) <= bytesMax;
}

/** Cuts between characters, so that each piece is text by itself; undefined when there would be too many. */
function splitText(text: string): string[] | undefined {
  if (text.length > smallBytesMax * piecesMax) return undefined;
  const pieces: string[] = [];
  let piece = "";
  let bytes = 0;
  for (const character of text) {
    const size = Buffer.byteLength(character);
    if (bytes + size > smallBytesMax) {
      pieces.push(piece);
      if (pieces.length === piecesMax) return undefined;
      piece = "";
      bytes = 0;
    }
    piece += character;
    bytes += size;
  }
  return [...pieces, piece];
}
