import type { DeviceFilter, MemberPage } from "../../usecases/ports.ts";
import { markDeployment } from "./deployment-counts.ts";
import { type MemberRange, readMembersOf, readNames } from "./deployment-members.ts";
import { readMemberBits } from "./deployment-rollout.ts";
import { conditionsOf } from "./device-filter.ts";
import { ordinalsIn, readMatching } from "./ordinal-bits.ts";
import { keysOfShard, type StoreContext } from "./store-context.ts";

/**
 * Keeps who a target means now: its members are stored from it in chunks, whatever devices become meanwhile. Also
 * marks the deployment as one to look after, so that somebody does. Answers it as a bitmap per shard.
 */
export async function freezeTarget(
  context: StoreContext,
  deploymentId: string,
  productId: string,
  filter: DeviceFilter,
): Promise<Uint8Array[]> {
  const frozen = await Promise.all(
    context.keys.map(async (keys, shard) => {
      const matching = await matchingIn(context, productId, shard, filter);
      await context.redis.set(keys.target(deploymentId), Buffer.from(matching));
      return matching;
    }),
  );
  await markDeployment(context, deploymentId, productId);
  return frozen;
}

async function matchingIn(
  context: StoreContext,
  productId: string,
  shard: number,
  filter: DeviceFilter,
): Promise<Uint8Array> {
  const conditions = await conditionsOf(context, shard, productId, filter);
  return (await readMatching(context, keysOfShard(context, shard).all(productId), conditions)).matching;
}

/** Devices of a frozen target, in the order of their ordinals. */
export async function readFrozen(
  context: StoreContext,
  deploymentId: string,
  range: MemberRange,
): Promise<MemberPage> {
  return await readMembersOf(context, [keysOfShard(context, range.shard).target(deploymentId)], range);
}

/** Forgets a frozen target; every member is stored, or none is wanted any more. */
export async function dropTarget(context: StoreContext, deploymentId: string): Promise<void> {
  await Promise.all(context.keys.map((keys) => context.redis.del(keys.target(deploymentId))));
}

/** Devices that match and are no members, at most so many of each shard. */
export async function readJoinable(
  context: StoreContext,
  deploymentId: string,
  productId: string,
  filter: DeviceFilter,
  limit: number,
): Promise<string[]> {
  const members = await readMemberBits(context, deploymentId);
  const found = await Promise.all(
    context.keys.map(async (_, shard) => {
      const matching = await matchingIn(context, productId, shard, filter);
      const ordinals = ordinalsIn(matching, members[shard] ?? new Uint8Array(), limit);
      const names = await readNames(context, productId, shard, ordinals);
      return names.filter((name) => name !== undefined);
    }),
  );
  return found.flat();
}
