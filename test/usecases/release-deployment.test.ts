import { describe, expect, it } from "vitest";
import type { Acted, Admit } from "../../modules/usecases/act-on-device.ts";
import type { DeploymentRecord } from "../../modules/usecases/ports.ts";
import { makeReleaseDeployment, type ReleaseDeps } from "../../modules/usecases/release-deployment.ts";

const record = { id: "d1", productId: "p", state: "running", maxConcurrent: 5 } as DeploymentRecord;
const writers = Array.from({ length: 8 }, () => ({ outcome: { writes: true } }) as Acted);

/** Runs one round over one shard; `now` is the record as it has become by the time leave is asked for. */
async function written(now: DeploymentRecord | undefined): Promise<number> {
  let admitted = 0;
  const deps = {
    devices: {
      shardCount: 1,
      now: async () => 0,
      slotsHeld: async () => 1,
      readyMembers: async () => ({ refs: [{ productId: "p", identity: "gw-1" }] }),
    },
    deployments: { refresh: async () => now },
    leases: { acquire: async () => ({ fence: 1 }), renew: async () => true, release: async () => undefined },
    actOnMany: async (_refs: unknown, _plan: unknown, _options: unknown, admit: Admit) => {
      admitted += (await admit(writers)).admitted.length;
      return { acted: [], heldBack: 0 };
    },
    directRollout: async (given: DeploymentRecord) => given,
    judgeWindows: async () => undefined,
    monotonicMs: () => 0,
    holder: "test",
    failPoint: () => undefined,
  };
  await makeReleaseDeployment(deps as unknown as ReleaseDeps)(record);
  return admitted;
}

describe("a round of releases", () => {
  it("writes as far as the slots go", async () => {
    expect(await written(record)).toBe(4);
  });

  it.each([
    ["its slots have become fewer", { ...record, maxConcurrent: 1 }],
    ["it has got a rate", { ...record, ratePerMinute: 10 }],
    ["it was paused", { ...record, state: "paused" } as DeploymentRecord],
    ["it is gone", undefined],
  ])("writes nothing by what it knew once %s", async (_what, now) => {
    expect(await written(now)).toBe(0);
  });
});
