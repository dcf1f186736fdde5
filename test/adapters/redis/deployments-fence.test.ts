import { expect, it } from "vitest";
import { refreshWhenFenced } from "../../../modules/adapters/redis/deployments-fence.ts";
import type { Device } from "../../../modules/otau/model.ts";
import type { CommitResult, DeviceChange, DeviceStore } from "../../../modules/usecases/ports.ts";
import { acceptOne, operator, useBench } from "./product-support.ts";

const bench = useBench();

function changeFencedBy(deploymentId: string): DeviceChange {
  const before = { productId: "default" } as Device;
  const fences = [{ deploymentId, generation: 1 }];
  return { before, after: before, lines: [], folds: [], events: [], dueAt: undefined, fences, notify: false };
}

it("reads a deployment anew once a commit was refused by its fence", async () => {
  const { deployments } = bench();
  const records = [await acceptOne(bench(), "d1"), await acceptOne(bench(), "d2")];
  for (const record of records) {
    const pause = { state: "paused" } as const;
    await bench().otherDeployments().update(record, pause, { fenced: true, actor: operator });
  }
  const results: CommitResult[] = ["done", "fenced"];
  const inner = { commitMany: async () => results } as Partial<DeviceStore> as DeviceStore;
  const devices = refreshWhenFenced(inner, deployments);
  expect(await devices.commitMany([changeFencedBy("d1"), changeFencedBy("d2")])).toEqual(results);
  expect((await deployments.get("default", "d1"))?.state).toBe("running");
  expect(await deployments.get("default", "d2")).toMatchObject({ state: "paused", generation: 2 });
});
