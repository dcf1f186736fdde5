import { timingSafeEqual } from "node:crypto";
import { OtauError } from "../errors.ts";
import type { Actor } from "../otau/vocabulary.ts";
import type { AppTokenRecord, AppTokenStore, Role } from "./ports.ts";
import { refuseMismatch, type StatedPrecondition } from "./preconditions.ts";

export type TokenDeps = {
  readonly tokens: AppTokenStore;
  /** The administrator's token from the settings, as its SHA-256 in hex. */
  readonly adminDigest: string;
  /** `otau_` and 40 hex characters. */
  readonly newSecret: () => string;
  readonly newId: () => string;
  readonly digest: (text: string) => string;
  readonly now: () => Promise<number>;
};

/** Who calls the app API. */
export type Caller = { readonly id: string; readonly role: Role; readonly products: "*" | readonly string[] };

/** A caller as history and journal name it. */
export const actorOf = ({ id }: Pick<Caller, "id">): Actor => ({ kind: "token", id });

/**
 * Tokens are for all products alike: an administrator of some of them could else make one for the others. FORBIDDEN.
 */
export function requireAllProducts({ products }: Pick<Caller, "products">): void {
  if (products === "*") return;
  throw new OtauError("FORBIDDEN", 'Tokens are managed by a token of all products ("*").');
}

const unknownToken = (id: string) => new OtauError("NOT_FOUND", `There is no token ${id}.`);

/** Tokens of the app API: made, listed, rotated, deleted and checked. */
export function makeManageTokens(deps: TokenDeps) {
  const { tokens, digest } = deps;

  /** Undefined for a token that is unknown or has run out. */
  async function authenticate(secret: string): Promise<Caller | undefined> {
    const mine = digest(secret);
    if (timingSafeEqual(Buffer.from(mine), Buffer.from(deps.adminDigest))) {
      return { id: "admin", role: "admin", products: "*" };
    }
    const record = await tokens.findByDigest(mine);
    if (record === undefined) return undefined;
    if (record.expiresAt !== undefined && record.expiresAt <= (await deps.now())) return undefined;
    return {
      id: record.id,
      role: record.role,
      products: record.products.includes("*") ? "*" : record.products,
    };
  }

  async function create(input: {
    readonly name: string;
    readonly role: Role;
    readonly products: readonly string[];
    readonly expiresAt?: number | undefined;
  }): Promise<{ record: AppTokenRecord; token: string }> {
    const token = deps.newSecret();
    const { name, role, products, expiresAt } = input;
    const record = await tokens.create(
      { id: deps.newId(), name, role, products, ...(expiresAt === undefined ? {} : { expiresAt }) },
      digest(token),
    );
    return { record, token };
  }

  async function rotate(id: string): Promise<{ record: AppTokenRecord; token: string }> {
    const token = deps.newSecret();
    const record = await tokens.rotate(id, digest(token));
    if (record === undefined) throw unknownToken(id);
    return { record, token };
  }

  async function get(id: string): Promise<AppTokenRecord> {
    const record = await tokens.get(id);
    if (record === undefined) throw unknownToken(id);
    return record;
  }

  async function remove(id: string, precondition: StatedPrecondition = {}): Promise<void> {
    refuseMismatch(`token ${id}`, (await get(id)).revision, precondition);
    if (!(await tokens.remove(id))) throw unknownToken(id);
  }

  return { authenticate, create, rotate, get, remove, list: tokens.list };
}
