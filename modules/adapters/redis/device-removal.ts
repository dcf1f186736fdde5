import { isFinalState } from "../../otau/vocabulary.ts";
import { type CommitItem, withCommitId } from "./commit-batch.ts";
import { appendLog, moveTags, moveVersion, placeIn } from "./device-diff.ts";
import type { ShardKeys } from "./keys.ts";
import type { KnownChange } from "./known-change.ts";
import { shownIndex, waitingId } from "./placement.ts";
import { dueMember, keysOfShard, type StoreContext } from "./store-context.ts";

/**
 * Adds the operations that delete a device: it leaves every index, and what stays for the retention time is its
 * history and a tombstone with its revision.
 */
export function addRemoval(
  context: StoreContext,
  item: CommitItem,
  { change, stored }: KnownChange,
  commitId: string,
): void {
  const { before } = change;
  const { productId, identity } = before;
  const keys = keysOfShard(context, stored.shard);
  const { ageMaxMs } = context.historyLimits(productId);
  const device = keys.device(productId, identity);
  leaveIndexes(item, keys, { change, stored });
  cancelMemberships(item, keys, { change, stored });
  if (change.events.length > 0) appendLog(item, keys, before, change.events);
  item.removeMember(keys.due, dueMember(before));
  item.deleteKey(keys.overflow(productId, identity));
  item.deleteKey(device);
  item.setFields(device, [
    ...["o", String(stored.ordinal), "r", String(before.revision + 1)],
    ...["c", withCommitId(stored.fields.get("c"), commitId), "X", String(stored.now)],
    ...["h", String(before.historySeq), "e", String(before.eventSeq + change.events.length)],
  ]);
  item.expire(device, ageMaxMs);
  item.expire(keys.history(productId, identity), ageMaxMs);
  if (change.notify) item.publish(keys.hints, dueMember(before), context.meta.hasShardedChannels);
}

function leaveIndexes(item: CommitItem, keys: ShardKeys, { change, stored }: KnownChange): void {
  const { productId, identity, installedVersion, tags, drifted } = change.before;
  const { ordinal } = stored;
  item.setBit(keys.all(productId), ordinal, false);
  item.setBit(keys.byState(productId, shownIndex(stored.fields.get("k"))), ordinal, false);
  moveVersion(item, keys, productId, ordinal, installedVersion, undefined);
  moveTags(item, keys, productId, ordinal, tags, {});
  if (drifted) item.setBit(keys.drifted(productId), ordinal, false);
  item.removeMember(keys.ids(productId), `${identity}\0${ordinal.toString(36)}`);
  // The ordinal keeps its name, as deployments go on counting it, and a retry says of whom nothing is left.
  item.setSeen(keys.seen(productId), ordinal, 0);
}

/** A membership that is still open - of an apply being stored - must end, or its deployment never would. */
function cancelMemberships(item: CommitItem, keys: ShardKeys, { change, stored }: KnownChange): void {
  const open = change.before.updates
    .filter(({ state }) => !isFinalState(state))
    .map(({ deploymentId, state, slot }) => ({ deploymentId, state, slots: slot === true ? 1 : 0 }));
  const hidden = stored.hidden.map((entry) => ({
    deploymentId: waitingId(entry),
    state: "waiting" as const,
    slots: 0,
  }));
  for (const { deploymentId, state, slots } of [...open, ...hidden]) {
    const deploymentKey = keys.deployment(deploymentId);
    item.moveMember({
      deploymentKey,
      ordinal: stored.ordinal,
      from: placeIn(keys, deploymentId, state),
      to: placeIn(keys, deploymentId, "canceled"),
    });
    item.removeOrdinal(keys.ready(deploymentId), stored.ordinal);
    item.countOf(deploymentKey, "slots", -slots);
    item.mark(keys.dirty, `${change.before.productId}/${deploymentId}`);
  }
}
