import { OtauError } from "../errors.ts";
import type { Precondition } from "./ports.ts";

/** A precondition as a request states it; `ifExists` is `If-Match: *`. */
export type StatedPrecondition = Precondition & { readonly ifExists?: true };

/**
 * REVISION_MISMATCH unless the precondition holds for a resource at `revision` (undefined: there is none). Where the
 * store checks in its commit as well, this is the part that it does not know of.
 */
export function refuseMismatch(
  what: string,
  revision: number | undefined,
  { ifMatch, ifExists, ifNoneMatch }: StatedPrecondition,
): void {
  if (revision === undefined) {
    if (ifMatch === undefined && ifExists === undefined) return;
    throw new OtauError(
      "REVISION_MISMATCH",
      `There is no ${what} that If-Match could fit; create it without If-Match.`,
    );
  }
  if (ifNoneMatch !== true && (ifMatch === undefined || ifMatch === revision)) return;
  throw new OtauError(
    "REVISION_MISMATCH",
    `The ${what} is at revision ${revision}; read it again and repeat the change.`,
    { revision },
  );
}
