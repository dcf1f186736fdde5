import { updateStates } from "../../otau/vocabulary.ts";
import type { Totals } from "../../usecases/ports.ts";
import { stateCodes } from "./codes.ts";
import { inlineScript, runScript } from "./scripts.ts";
import type { StoreContext } from "./store-context.ts";

/** Deployments per call: what a page of a list may hold, and no key list without bound. */
const deploymentsMax = 500;

/** Counters of many deployments of one shard; one row each, in the order of ARGV. */
const readCounters = inlineScript(
  "counters of deployments",
  `local rows = {}
for i = 1, #KEYS do rows[i] = redis.call('HMGET', KEYS[i], unpack(ARGV)) end
return rows`,
);

const codes = updateStates.map((state) => stateCodes.codeOf(state));

/**
 * Totals of many deployments, in order. Each shard is asked once for all of them: a page of a list would else cost
 * as many commands as it has deployments, times the shards.
 */
export async function readManyTotals(
  context: StoreContext,
  deploymentIds: readonly string[],
): Promise<Totals[]> {
  const totals = deploymentIds.map(emptyCounts);
  for (let from = 0; from < deploymentIds.length; from += deploymentsMax) {
    const part = deploymentIds.slice(from, from + deploymentsMax);
    await Promise.all(
      context.keys.map(async (keys) => {
        const names = part.map((id) => keys.deployment(id));
        const rows = (await runScript(context.redis, readCounters, names, codes)) as (string | null)[][];
        for (const [at, row] of rows.entries()) addRow(totals[from + at], row);
      }),
    );
  }
  return totals;
}

type Counts = { -readonly [State in keyof Totals]: number };

function emptyCounts(): Counts {
  return { total: 0, ...Object.fromEntries(updateStates.map((state) => [state, 0])) } as Counts;
}

function addRow(counts: Counts | undefined, row: readonly (string | null)[]): void {
  if (counts === undefined) return;
  for (const [at, state] of updateStates.entries()) {
    const count = Number(row[at] ?? 0);
    counts[state] += count;
    counts.total += count;
  }
}
