import type { DeviceChange } from "../modules/usecases/ports.ts";
import {
  benchActor,
  benchDeployment,
  benchIdentities,
  benchProduct,
  chunksOf,
  openFleet,
} from "./device-fleet.ts";

/** Commits per second of a typical report, one device a call; reads beside; and how fast membership is stored. */
const count = Number(process.argv[2] ?? 20_000);
const fleet = await openFleet();
const { devices } = fleet;
const identities = benchIdentities(count);
const id = "dbench0000001";

/** Wall time says little on a shared machine, so the processor time of both sides is printed beside it. */
async function timed(name: string, amount: number, work: () => Promise<unknown>): Promise<void> {
  const cpuBefore = { node: nodeCpuUs(), redis: await redisCpuUs() };
  const start = performance.now();
  await work();
  const elapsedMs = performance.now() - start;
  const cpu = { node: nodeCpuUs() - cpuBefore.node, redis: (await redisCpuUs()) - cpuBefore.redis };
  const rate = ((amount / elapsedMs) * 1000).toFixed(0).padStart(8);
  const each = `${(cpu.node / amount).toFixed(1).padStart(7)} ${(cpu.redis / amount).toFixed(1).padStart(7)}`;
  console.log(
    `${name.padEnd(44)} ${elapsedMs.toFixed(0).padStart(6)} ms ${rate}/s   µs each: node, redis ${each}`,
  );
}

function nodeCpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

async function redisCpuUs(): Promise<number> {
  const info = await fleet.redis.info("cpu");
  const read = (name: string) => Number(new RegExp(`${name}_main_thread:([\\d.]+)`).exec(info)?.[1] ?? 0);
  return (read("used_cpu_user") + read("used_cpu_sys")) * 1_000_000;
}

async function withLanes<Item>(
  items: readonly Item[],
  lanes: number,
  work: (item: Item) => Promise<unknown>,
) {
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      const item = items[next++];
      if (item !== undefined) await work(item);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

await timed(`create ${count}`, count, async () => {
  for (const part of chunksOf(identities, 10_000)) {
    await devices.create(
      benchProduct,
      part.map((identity) => ({ identity })),
      benchActor,
    );
  }
});
fleet.deployments.set(id, benchDeployment(id, 1));
for (const part of chunksOf(identities, 10_000)) {
  await timed(`check and enrol ${part.length}`, part.length, async () => {
    await devices.unknown(benchProduct, part);
    await devices.enrol(id, benchProduct, part);
  });
}
const refs = identities.map((identity) => ({ productId: benchProduct, identity }));

async function round(inFlight: number, state: "sent" | "downloading" | "installing") {
  const loaded = (await devices.loadMany(refs)).filter((each) => each !== undefined);
  const changes = loaded.map(({ device, now }): DeviceChange => {
    const [update] = device.updates;
    if (update === undefined) throw new Error("the device has no update");
    const { ready: _ready, ...rest } = update;
    const next = {
      ...rest,
      ...{ state, phase: state, sentAt: now, lastReportAt: now, deadlineAt: now + 3_600_000, attempt: 1 },
      ...{
        deadlineOf: "installMs" as const,
        rank: 5,
        revision: update.revision + 1,
        timestampUs: now * 1000,
      },
    };
    const historySeq = device.historySeq + 1;
    const eventSeq = device.eventSeq + 1;
    return {
      before: device,
      after: { ...device, revision: device.revision + 1, updates: [next], historySeq, eventSeq },
      lines: [
        {
          ...{ seq: historySeq, at: now, kind: "report", actor: benchActor, deploymentId: id, attempt: 1 },
          ...{ status: "DOWNLOAD_STEP", version: "2.0.0", message: "42 percent", decision: "applied" },
          ...{ raw: '{"version":"2.0.0","status":"DOWNLOAD_STEP","message":"42 percent"}' },
        },
      ],
      folds: [],
      events: [
        {
          ...{
            at: now,
            type: "report.decided",
            seq: eventSeq,
            deploymentId: id,
            version: "2.0.0",
            attempt: 1,
          },
          ...{
            decision: "applied",
            status: "DOWNLOAD_STEP",
            actor: benchActor,
            revision: device.revision + 1,
          },
        },
      ],
      dueAt: now + 3_600_000,
      fences: [{ deploymentId: id, generation: 1 }],
      seenAt: now,
      notify: false,
    };
  });
  await timed(`commit, one a call, ${inFlight} in flight`, count, () =>
    withLanes(changes, inFlight, (change) => devices.commitMany([change])),
  );
}

await round(64, "sent");
await round(128, "downloading");
await round(64, "installing");
await timed("load, one a call, 64 in flight", count, () => withLanes(refs, 64, (ref) => devices.load(ref)));
await timed("load, 100 a call", count, () =>
  withLanes(chunksOf(refs, 1000), 2, (part) => devices.loadMany(part)),
);
await timed("totals", 1, () => devices.totals(id));
await timed("count by state", 1, () => devices.count(benchProduct, { updateState: ["installing"] }));
await timed("list 50", 1, () => devices.list(benchProduct, {}, { limit: 50 }));
await timed("list 50 by state", 1, () =>
  devices.list(benchProduct, { updateState: ["installing"] }, { limit: 50 }),
);
await timed("summary", 1, () => devices.summary(benchProduct));
console.log(await devices.totals(id));
await fleet.close();
