/** From when on a value is news to a device that polls. */
export type Since =
  /** Whatever is stored is news (`If-Modified-Since: 0`). */
  | { readonly kind: "beginning" }
  /** What came after this Unix second. */
  | { readonly kind: "second"; readonly second: number }
  /** What comes after the request, or after the device's poll before it. */
  | { readonly kind: "now" };

const second = 1_000_000;

/** Reads `If-Modified-Since`: Unix seconds or an HTTP date. Undefined when it is neither. */
export function readSince(header: string | undefined): Since | undefined {
  if (header === undefined || header.trim() === "") return { kind: "now" };
  const text = header.trim();
  if (/^\d{1,15}(\.\d+)?$/.test(text)) return sinceSecond(Math.floor(Number(text)));
  const dateMs = Date.parse(text);
  return Number.isNaN(dateMs) ? undefined : sinceSecond(Math.floor(dateMs / 1000));
}

const sinceSecond = (value: number): Since =>
  value <= 0 ? { kind: "beginning" } : { kind: "second", second: value };

/**
 * The second that `Last-Modified` names for a stamp: the next full one, so that a device that sends it back
 * unchanged has told that it knows the value.
 */
export const lastModifiedSecond = (timestampUs: number): number => Math.ceil(timestampUs / second);

/** `Last-Modified` as an RFC 1123 date in GMT. */
export const lastModifiedDate = (timestampUs: number): string =>
  new Date(lastModifiedSecond(timestampUs) * 1000).toUTCString();

/** One resource at the moment a poll looks at it. */
export type Sighting = {
  readonly timestampUs: number;
  /** False while the value was never handed over; undefined where nobody knows. */
  readonly delivered: boolean | undefined;
};

/**
 * Up to which stamp (microseconds) the device knows a resource. Whole seconds cannot tell two values of one second
 * apart, so a date that is our own `Last-Modified` of the value last handed over (or one second later, as some
 * clients send it) means that very value, and one that lies ahead of our clock means now.
 */
export function baselineUs(
  since: Since,
  known: { readonly stampUs: number } | undefined,
  present: Sighting | undefined,
  nowMs: number,
): number {
  if (since.kind === "beginning") return -1;
  if (since.kind === "now") return known?.stampUs ?? present?.timestampUs ?? -1;
  if (known !== undefined && isOwnDate(since.second, known.stampUs)) return known.stampUs;
  if (present?.delivered === false && isOwnDate(since.second, present.timestampUs)) return -1;
  if (since.second * 1000 > nowMs) return present?.timestampUs ?? -1;
  return since.second * second;
}

const isOwnDate = (dateSecond: number, stampUs: number): boolean => {
  const own = lastModifiedSecond(stampUs);
  return dateSecond === own || dateSecond === own + 1;
};
