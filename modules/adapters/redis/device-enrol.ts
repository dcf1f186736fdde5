import type { Ms } from "../../otau/model.ts";
import { updateStates } from "../../otau/vocabulary.ts";
import { stateCodes } from "./codes.ts";
import { batchItemsMax, newCommitId, startBatch, withCommitId } from "./commit-batch.ts";
import { splitList } from "./device-codec.ts";
import { placeIn } from "./device-diff.ts";
import { type RawDevice, readRawDevices } from "./device-load.ts";
import { diffFields, overflowField, overflows } from "./fields.ts";
import type { ShardKeys } from "./keys.ts";
import { encodeShown, shownIndex, shownSeq, unaccepted } from "./placement.ts";
import { loadScript, runScript } from "./scripts.ts";
import {
  dueMember,
  eachWithLanes,
  groupByShard,
  keysOfShard,
  lanesMax,
  type ShardGroup,
  type StoreContext,
} from "./store-context.ts";

const enrolScript = loadScript(import.meta.url, "index-sets.lua", "enrol.lua");

/** One deployment taking devices in. `dueAt`: when a `tick` of each is due, for a deployment that expires. */
export type Enrolment = {
  readonly deploymentId: string;
  readonly productId: string;
  readonly dueAt: Ms | undefined;
};

type Dated = Enrolment & {
  /** How new the deployment is; it may be accepted already, and then others may be newer. */
  readonly seq: number;
};

/**
 * Stores membership, batch by batch; whoever is a member already is left alone, unknown devices are skipped.
 * Answers how many of the identities are members now.
 */
export async function enrolDevices(
  context: StoreContext,
  enrolment: Enrolment,
  identities: readonly string[],
): Promise<{ enrolled: number }> {
  let enrolled = 0;
  const { productId, deploymentId } = enrolment;
  const accepted = (await context.findDeployments(productId, [deploymentId])).get(deploymentId);
  const dated: Dated = { ...enrolment, seq: accepted?.seq ?? unaccepted };
  const groups = groupByShard(context, identities, (identity) => ({ productId, identity }), batchItemsMax);
  await eachWithLanes(groups, lanesMax, async (group) => {
    // Added after the wait: another lane adds meanwhile.
    const members = await enrolGroup(context, dated, group);
    enrolled += members;
  });
  return { enrolled };
}

const racesMax = 8;

async function enrolGroup(
  context: StoreContext,
  enrolment: Dated,
  group: ShardGroup<string>,
): Promise<number> {
  let enrolled = 0;
  let identities = group.entries.map(({ item }) => item);
  for (let race = 0; race < racesMax && identities.length > 0; race++) {
    const [members = 0, ...heavy] = await runEnrol(context, enrolment, group.shard, identities);
    enrolled += members;
    const rest = heavy.map((position) => identities[position - 1]).filter((each) => each !== undefined);
    const done = await enrolHeavy(context, enrolment, group.shard, rest);
    enrolled += done.size;
    identities = rest.filter((identity) => !done.has(identity));
  }
  return enrolled;
}

async function runEnrol(
  context: StoreContext,
  { deploymentId, productId, dueAt, seq }: Dated,
  shard: number,
  identities: readonly string[],
): Promise<number[]> {
  const keys = keysOfShard(context, shard);
  const names = [
    ...deploymentKeys(keys, deploymentId),
    ...[keys.dirty, keys.due],
    ...statesByCode.map((state) => keys.byState(productId, state)),
    keys.byState(productId, "none"),
    ...identities.map((identity) => keys.device(productId, identity)),
  ];
  const seqText = seq === unaccepted ? "" : seq.toString(36);
  const members = dueAt === undefined ? [] : identities.map((identity) => dueMember({ productId, identity }));
  const args = [deploymentId, `${productId}/${deploymentId}`, dueAt ?? "", seqText, ...members];
  return (await runScript(context.redis, enrolScript, names, args)) as number[];
}

function deploymentKeys(keys: ShardKeys, deploymentId: string): string[] {
  return [
    keys.deployment(deploymentId),
    keys.members(deploymentId),
    keys.membersIn(deploymentId, "waiting"),
    keys.ready(deploymentId),
  ];
}

const statesByCode = updateStates.toSorted(
  (a, b) => Number.parseInt(stateCodes.codeOf(a), 16) - Number.parseInt(stateCodes.codeOf(b), 16),
);

/** Devices with so many waiting updates that the list no longer fits its field; answers who was taken in. */
async function enrolHeavy(
  context: StoreContext,
  enrolment: Dated,
  shard: number,
  identities: readonly string[],
): Promise<Set<string>> {
  if (identities.length === 0) return new Set();
  const { productId } = enrolment;
  const raws = await readRawDevices(
    context,
    identities.map((identity) => ({ productId, identity })),
  );
  const keys = keysOfShard(context, shard);
  const batch = startBatch();
  const sent: string[] = [];
  for (const raw of raws) {
    if (raw === undefined || raw.fields.has("X")) continue;
    sent.push(raw.ref.identity);
    addEnrolment(batch, keys, raw, enrolment);
  }
  const answers = await batch.send(context.redis);
  return new Set(sent.filter((_, index) => answers[index] === "done"));
}

function addEnrolment(
  batch: ReturnType<typeof startBatch>,
  keys: ShardKeys,
  { ref, ordinal, fields }: RawDevice,
  { deploymentId, productId, dueAt, seq }: Dated,
): void {
  const commitId = newCommitId();
  const device = keys.device(productId, ref.identity);
  const item = batch.begin({
    deviceKey: device,
    expected: fields.get("r") ?? "",
    commitId,
    fences: [],
  });
  const after = new Map(fields);
  after.set("r", String(Number(fields.get("r")) + 1));
  after.set("c", withCommitId(fields.get("c"), commitId));
  const waiting = [...splitList(fields.get("w")), `+${deploymentId}`].join(",");
  after.set("w", waiting);
  if (overflows("w", waiting)) after.set(overflowField, "1");
  const shown = fields.get("k");
  if (!fields.has("l0") && seq > shownSeq(shown)) {
    after.set("k", encodeShown({ seq, state: "waiting" }));
    item.setBit(keys.byState(productId, shownIndex(shown)), ordinal, false);
    item.setBit(keys.byState(productId, "waiting"), ordinal, true);
  }
  const { setSmall, deleteSmall, setLarge, deleteLarge } = diffFields(fields, after);
  item.setFields(device, setSmall);
  item.deleteFields(device, deleteSmall);
  item.setFields(keys.overflow(productId, ref.identity), setLarge);
  item.deleteFields(keys.overflow(productId, ref.identity), deleteLarge);
  item.addOrdinal(keys.members(deploymentId), ordinal);
  item.moveMember({
    deploymentKey: keys.deployment(deploymentId),
    ordinal,
    from: undefined,
    to: placeIn(keys, deploymentId, "waiting"),
  });
  item.addOrdinal(keys.ready(deploymentId), ordinal);
  item.mark(keys.dirty, `${productId}/${deploymentId}`);
  if (dueAt !== undefined) item.setEarlierScore(keys.due, dueAt, dueMember(ref));
}
