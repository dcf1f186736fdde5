import type { Update } from "../../otau/model.ts";
import { outcomeOf } from "../../otau/rollout-gate.ts";
import { ordinalLimit } from "../../otau/rollout-waves.ts";
import { finalStates } from "../../otau/vocabulary.ts";
import type { DeploymentRecord, RolloutProgress } from "../../usecases/ports.ts";
import type { CommitItem } from "./commit-batch.ts";
import { memberKeys } from "./deployment-members.ts";
import { loadScript, runScript } from "./scripts.ts";
import { keysOfShard, type StoreContext } from "./store-context.ts";

const rolloutScript = loadScript(import.meta.url, "index-sets.lua", "rollout.lua");

/** Counters of how updates ended, by the deployment's epoch: a resume begins a new one. */
const outcomeFields = { confirmed: "gs", unconfirmed: "gu", failed: "gf" } as const;
const outcomeNames = Object.keys(outcomeFields) as readonly (keyof typeof outcomeFields)[];

type EpochOf = Pick<DeploymentRecord, "gateEpoch" | "gateSince">;
const fieldOf = (name: keyof typeof outcomeFields, { gateEpoch = 1 }: EpochOf): string =>
  `${outcomeFields[name]}${gateEpoch}`;

/** Moves the counters by which a gate is judged. What ended before the last resume is in them no more. */
export function countOutcome(
  item: CommitItem,
  deploymentKey: string,
  record: EpochOf | undefined,
  old: Update | undefined,
  update: Update,
): void {
  if (record === undefined) return;
  const before = old && outcomeOf(old);
  const after = outcomeOf(update);
  if (before === after) return;
  const isOfEpoch = (old?.endedAt ?? 0) >= (record.gateSince ?? 0);
  if (before !== undefined && isOfEpoch) item.countOf(deploymentKey, fieldOf(before, record), -1);
  if (after !== undefined) item.countOf(deploymentKey, fieldOf(after, record), 1);
}

type ShardProgress = readonly [
  counters: readonly string[],
  members: readonly number[],
  finals: readonly number[],
];

/** How far the open wave is, and how updates ended since the start or last resume; each shard at one moment. */
export async function readRollout(context: StoreContext, record: DeploymentRecord): Promise<RolloutProgress> {
  const waves = record.waves ?? [];
  const open = record.openWave ?? 1;
  const shards = await Promise.all(
    context.keys.map(async (keys, shard) => {
      const limits = [open - 1, open].map((wave) =>
        waves.length === 0 && wave > 0 ? undefined : ordinalLimit(waves, wave, shard),
      );
      const names = [
        keys.deployment(record.id),
        keys.members(record.id),
        ...memberKeys(context, shard, record.id, finalStates),
      ];
      const reply = await runScript(
        context.redis,
        rolloutScript,
        names,
        limits.map((limit) => limit ?? ""),
      );
      return reply as ShardProgress;
    }),
  );
  const span = (of: (shard: ShardProgress) => readonly number[]) =>
    shards.reduce((sum, shard) => sum + (of(shard)[1] ?? 0) - (of(shard)[0] ?? 0), 0);
  const counted = (field: string) => shards.reduce((sum, [counters]) => sum + countIn(counters, field), 0);
  const outcomes = outcomeNames.map((name) => [name, Math.max(0, counted(fieldOf(name, record)))] as const);
  return {
    waveMembers: span(([, members]) => members),
    waveFinals: span(([, , finals]) => finals),
    outcomes: Object.fromEntries(outcomes) as RolloutProgress["outcomes"],
  };
}

function countIn(counters: readonly string[], field: string): number {
  for (let at = 0; at + 1 < counters.length; at += 2) {
    if (counters[at] === field) return Number(counters[at + 1]);
  }
  return 0;
}

/** Per shard a bitmap of the deployment's members over their ordinals. */
export async function readMemberBits(context: StoreContext, deploymentId: string): Promise<Uint8Array[]> {
  return await Promise.all(
    context.keys.map(async (_, shard) => {
      const key = keysOfShard(context, shard).members(deploymentId);
      const kind = await context.redis.type(key);
      if (kind === "string") return (await context.redis.getBuffer(key)) ?? new Uint8Array();
      return kind === "set" ? bitsOf((await context.redis.smembers(key)).map(Number)) : new Uint8Array();
    }),
  );
}

function bitsOf(ordinals: readonly number[]): Uint8Array {
  const bits = new Uint8Array(Math.floor(Math.max(0, ...ordinals) / 8) + 1);
  for (const ordinal of ordinals) bits[ordinal >> 3] = (bits[ordinal >> 3] ?? 0) | (128 >> (ordinal & 7));
  return bits;
}
