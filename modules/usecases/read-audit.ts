import { isWanted, type LineFilter, readLine } from "./journal-line.ts";
import type { JournalArchive } from "./ports.ts";
import { exportJournal } from "./verify-journal.ts";

const linesPerRead = 1000;
/** A page looks at no more lines; beyond it answers what it has and where to go on. */
const linesPerPage = 50_000;

export type AuditPage = {
  /** Goes on after the line of this number, in the order asked for. */
  readonly position: number | undefined;
  readonly limit: number;
  readonly order: "asc" | "desc";
};

export type ReadAuditDeps = { readonly journal: Pick<JournalArchive, "texts" | "textsBefore" | "rows"> };

/** The journal as a list. */
export function makeReadAudit({ journal }: ReadAuditDeps) {
  /** Exact texts of the wanted lines; `next` is the number to go on after, absent at the end. */
  async function list(
    productId: string,
    filter: LineFilter,
    { position, limit, order }: AuditPage,
  ): Promise<{ readonly texts: readonly string[]; readonly next?: number }> {
    const mayHold = quickTest(filter);
    const found: string[] = [];
    let at = position ?? (order === "asc" ? 0 : Number.MAX_SAFE_INTEGER);
    for (let seen = 0; seen < linesPerPage; seen += linesPerRead) {
      const texts =
        order === "asc"
          ? await journal.texts(productId, at, linesPerRead)
          : await journal.textsBefore(productId, at, linesPerRead);
      for (const text of texts) {
        if (!mayHold(text)) continue;
        const line = readLine(text);
        if (!isWanted(filter, line)) continue;
        if (found.length === limit) return { texts: found, next: at };
        found.push(text);
        at = line.number;
      }
      const last = texts.at(-1);
      if (last === undefined || texts.length < linesPerRead) return { texts: found };
      at = readLine(last).number;
    }
    return { texts: found, next: at };
  }

  return { list, export: (productId: string) => exportJournal(journal, productId) };
}

/** A look at the text is a tenth of reading it. */
function quickTest({ identity, deploymentId }: LineFilter): (text: string) => boolean {
  const words = [identity, deploymentId].filter((values) => values !== undefined);
  if (words.length === 0) return () => true;
  const quoted = words.map((values) => values.map((value) => JSON.stringify(value)));
  return (text) => quoted.every((values) => values.some((value) => text.includes(value)));
}
