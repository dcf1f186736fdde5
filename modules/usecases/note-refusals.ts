import type { ErrorCode } from "../errors.ts";
import { productIdSchema } from "../otau/ids.ts";
import type { Actor } from "../otau/vocabulary.ts";

const linesPerPeer = 10;
const linesAltogether = 100;
const peersMax = 10_000;
const windowMs = 1000;

/** Somebody was refused access. */
export type AccessRefusal = {
  readonly productId: string;
  readonly identity?: string;
  /** Address, token or device: whose lines are counted together. */
  readonly peer: string;
  readonly actor: Actor;
  readonly code: ErrorCode;
};

export type RefusalDeps = {
  readonly append: (
    productId: string,
    events: readonly {
      readonly type: "access.refused";
      readonly seq: number;
      readonly actor: Actor;
      readonly identity?: string;
      readonly reason: string;
    }[],
  ) => Promise<void>;
  readonly productExists: (productId: string) => Promise<boolean>;
  /** Where refusals stand that belong to no product. */
  readonly defaultProduct: string;
  readonly log: { warn(fields: object, message: string): void };
};

type Peer = { count: number; folded: number; last: AccessRefusal };

/**
 * Writes refused access into the journal. Whoever is refused over and over - or many who are - must not fill it: beyond
 * a few lines a second the rest is counted, and the count stands in one line when the second is over.
 */
export function makeNoteRefusals(deps: RefusalDeps) {
  const peers = new Map<string, Peer>();
  let written = 0;
  const timer = setInterval(turn, windowMs).unref();

  function note(refusal: AccessRefusal): void {
    const known =
      peers.get(refusal.peer) ?? (peers.size < peersMax ? { count: 0, folded: 0, last: refusal } : undefined);
    if (known === undefined) return;
    peers.set(refusal.peer, known);
    known.last = refusal;
    if (known.count >= linesPerPeer || written >= linesAltogether) {
      known.folded += 1;
      return;
    }
    known.count += 1;
    written += 1;
    void write(refusal, refusal.code);
  }

  /** A new second begins: what was only counted is told. */
  function turn(): void {
    const folded = [...peers.values()].filter((peer) => peer.folded > 0);
    peers.clear();
    written = 0;
    for (const { last, folded: count } of folded.slice(0, linesAltogether)) {
      void write(last, `${last.code} (${count} more like it)`);
    }
  }

  async function write(refusal: AccessRefusal, reason: string): Promise<void> {
    const { productId, identity, actor } = refusal;
    const named = identity === undefined ? {} : { identity };
    try {
      const isKnown = productIdSchema.safeParse(productId).success && (await deps.productExists(productId));
      const event = { type: "access.refused", seq: 0, ...named, reason, actor } as const;
      await deps.append(isKnown ? productId : deps.defaultProduct, [event]);
    } catch (error) {
      deps.log.warn({ err: error, productId, reason }, "a refused access was not noted");
    }
  }

  return { note, close: () => clearInterval(timer) };
}

/** A refused request of the app API. */
export type RefusedRequest = {
  readonly principal: { readonly id: string; readonly products: "*" | readonly string[] } | undefined;
  readonly remoteAddress: string;
  readonly params: Readonly<Record<string, string>>;
  readonly code: ErrorCode;
};

/** The refusal of access in a refused request; undefined where it was refused for something else. */
export function accessRefusalOf(request: RefusedRequest, defaultProduct: string): AccessRefusal | undefined {
  const { principal, remoteAddress, params, code } = request;
  const productId = params["productId"];
  const isForeign =
    code === "NOT_FOUND" &&
    productId !== undefined &&
    principal !== undefined &&
    principal.products !== "*" &&
    !principal.products.includes(productId);
  if (code !== "UNAUTHORIZED" && code !== "FORBIDDEN" && !isForeign) return undefined;
  const id = principal?.id ?? remoteAddress;
  return { productId: productId ?? defaultProduct, peer: id, actor: { kind: "token", id }, code };
}
