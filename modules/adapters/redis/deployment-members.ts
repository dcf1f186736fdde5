import { type UpdateState, updateStates } from "../../otau/vocabulary.ts";
import type { DeviceRef, MemberPage } from "../../usecases/ports.ts";
import { chunkSize } from "./keys.ts";
import { loadScript, runScript } from "./scripts.ts";
import { keysOfShard, type StoreContext } from "./store-context.ts";

const membersScript = loadScript(import.meta.url, "index-sets.lua", "members.lua");

/** A part of one shard's members, in the order of their ordinals. */
export type MemberRange = {
  readonly productId: string;
  readonly shard: number;
  readonly from: number;
  readonly limit: number;
  /** First ordinal that is not read; undefined = all that there are. */
  readonly until?: number | undefined;
};

/** Members the releaser may judge. */
export async function readReadyMembers(
  context: StoreContext,
  deploymentId: string,
  range: MemberRange,
): Promise<MemberPage> {
  return await readMembersOf(context, [keysOfShard(context, range.shard).ready(deploymentId)], range);
}

/** Members in any of the states, or all. */
export async function readMembers(
  context: StoreContext,
  deploymentId: string,
  range: MemberRange,
  states: readonly UpdateState[] | undefined,
): Promise<MemberPage> {
  return await readMembersOf(context, memberKeys(context, range.shard, deploymentId, states), range);
}

/** Sets that hold the deployment's members in any of the states. */
export function memberKeys(
  context: StoreContext,
  shard: number,
  deploymentId: string,
  states: readonly UpdateState[] | undefined,
): string[] {
  const keys = keysOfShard(context, shard);
  if (states === undefined || states.length === updateStates.length) return [keys.members(deploymentId)];
  return states.map((state) => keys.membersIn(deploymentId, state));
}

/** Devices of a union of sets of ordinals. An ordinal whose device was deleted is passed over. */
export async function readMembersOf(
  context: StoreContext,
  sets: readonly string[],
  { productId, shard, from, limit, until = Number.POSITIVE_INFINITY }: MemberRange,
): Promise<MemberPage> {
  if (sets.length === 0) return { refs: [] };
  const found = (await runScript(context.redis, membersScript, sets, [from, limit])) as number[];
  const ordinals = found.filter((ordinal) => ordinal < until);
  const next = ordinals.length > limit ? ordinals[limit] : undefined;
  const names = await readNames(context, productId, shard, ordinals.slice(0, limit));
  const refs = names.flatMap((identity): DeviceRef[] =>
    identity === undefined ? [] : [{ productId, identity }],
  );
  return next === undefined ? { refs } : { refs, next };
}

/** Identities of ordinals, in their order; undefined for one whose device is gone. */
export async function readNames(
  context: StoreContext,
  productId: string,
  shard: number,
  ordinals: readonly number[],
): Promise<(string | undefined)[]> {
  const keys = keysOfShard(context, shard);
  const chunks = new Map<number, number[]>();
  for (const ordinal of ordinals) {
    const chunk = Math.floor(ordinal / chunkSize);
    const members = chunks.get(chunk) ?? [];
    members.push(ordinal);
    chunks.set(chunk, members);
  }
  const names = new Map<number, string>();
  await Promise.all(
    [...chunks].map(async ([chunk, members]) => {
      const found = await context.redis.hmget(keys.names(productId, chunk), ...members.map(String));
      for (const [at, ordinal] of members.entries()) {
        const name = found[at];
        if (name !== null && name !== undefined) names.set(ordinal, name);
      }
    }),
  );
  return ordinals.map((ordinal) => names.get(ordinal));
}
