import { randomBytes } from "node:crypto";
import { decide } from "../modules/otau/decide.ts";
import { dueAt } from "../modules/otau/due.ts";
import type { DeviceEvent, Facts } from "../modules/otau/model.ts";
import type { DeviceChange, LoadedDevice } from "../modules/usecases/ports.ts";
import {
  benchActor,
  benchDeployment,
  benchIdentities,
  benchProduct,
  chunksOf,
  openFleet,
} from "./device-fleet.ts";

/** Bytes of Redis memory per device: at rest, live in the middle of an update, and settled after it. */
const count = Number(process.argv[2] ?? 20_000);
const limits = { outageGraceMs: 60_000, clockSkewMs: 5000, reportsPerSecond: 5 };
const fleet = await openFleet();
const { devices, redis } = fleet;
const identities = benchIdentities(count);
const refs = identities.map((identity) => ({ productId: benchProduct, identity }));

/** History and journal are stated apart: their keys are dropped before memory is read. */
async function bytesPerDevice(base: number) {
  const before = await fleet.usedBytes();
  const apart = [...(await redis.keys("*:h:*")), ...(await redis.keys("*:log:*"))];
  for (const keys of chunksOf(apart, 1000)) await redis.unlink(...keys);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const after = await fleet.usedBytes();
  return { perDevice: (after - base) / count, apart: (before - after) / count };
}

async function commitAll(
  planOf: (loaded: LoadedDevice) => Partial<DeviceChange> & Pick<DeviceChange, "after">,
) {
  for (const part of chunksOf(refs, 1000)) {
    const changes: DeviceChange[] = [];
    for (const loaded of await devices.loadMany(part)) {
      if (loaded === undefined) continue;
      const plan = planOf(loaded);
      changes.push({
        ...{
          before: loaded.device,
          lines: [],
          folds: [],
          events: [],
          dueAt: undefined,
          fences: [],
          notify: false,
        },
        ...plan,
      });
    }
    await devices.commitMany(changes);
  }
}

function act(loaded: LoadedDevice, events: readonly DeviceEvent[]) {
  const facts: Facts = {
    ...{ now: loaded.now, random: 0.5, limits, outages: [], actor: benchActor },
    deployments: loaded.deployments,
  };
  let device = loaded.device;
  const lines: DeviceChange["lines"][number][] = [];
  const journal: DeviceChange["events"][number][] = [];
  for (const event of events) {
    const outcome = decide(device, event, facts);
    device = outcome.device;
    lines.push(...outcome.lines);
    journal.push(...outcome.events);
  }
  const after = { ...device, revision: loaded.device.revision + 1 };
  return {
    after,
    lines,
    events: journal,
    dueAt: dueAt(after, loaded.deployments, limits),
    seenAt: loaded.now,
  };
}

const report = (
  status: "DOWNLOAD_STEP" | "INSTALL_SUCCESS" | "INSTALLED_VERSION",
  now: number,
): DeviceEvent => ({
  type: "report",
  report: {
    ...{ ok: true, version: "2.0.0", status },
    raw: `{"version":"2.0.0","status":"${status}"}`,
    ...(status === "DOWNLOAD_STEP" ? { message: "42 percent of package" } : {}),
  },
  stampedAt: now,
  stampSupplied: false,
});

await devices.create(benchProduct, [{ identity: "warm-up" }], benchActor);
const empty = await fleet.usedBytes();
for (const part of chunksOf(identities, 5000)) {
  const wanted = part.map((identity) => ({ identity, tags: { site: "berlin" }, installedVersion: "1.0.0" }));
  await devices.create(benchProduct, wanted, benchActor);
}
// Kinds of keys beside the whole: what the memory goes to.
async function breakdown(name: string) {
  const kinds = new Map<string, number>();
  for (const part of chunksOf(await redis.keys("otau:{*"), 500)) {
    const sizes = await Promise.all(part.map((key) => redis.memory("USAGE", key, "SAMPLES", 0)));
    for (const [at, key] of part.entries()) {
      const kind = key.split(":")[2] ?? "";
      kinds.set(kind, (kinds.get(kind) ?? 0) + Number(sizes[at] ?? 0));
    }
  }
  const parts = [...kinds].map(([kind, bytes]) => `${kind} ${(bytes / count).toFixed(1)}`);
  console.log(`${name.padEnd(12)} ${parts.join(", ")}`);
}

const registered = await bytesPerDevice(empty);
await commitAll(({ device, now }) => ({
  after: { ...device, revision: device.revision + 1 },
  ...{ tokenPrefix: randomBytes(8).toString("hex"), activatedAt: now, seenAt: now },
}));
const atRest = await bytesPerDevice(empty);
await breakdown("at rest");
fleet.deployments.set("dbench0000001", benchDeployment("dbench0000001", 1));
await devices.enrol("dbench0000001", benchProduct, identities);
const waiting = await bytesPerDevice(empty);
await commitAll((loaded) => act(loaded, [{ type: "release", deploymentId: "dbench0000001" }]));
await commitAll((loaded) =>
  act(loaded, [{ type: "delivered", timestampUs: loaded.device.configSet?.timestampUs ?? 0 }]),
);
await commitAll((loaded) => act(loaded, [report("DOWNLOAD_STEP", loaded.now)]));
const live = await bytesPerDevice(empty);
await breakdown("live");
await commitAll((loaded) => act(loaded, [report("INSTALL_SUCCESS", loaded.now)]));
await commitAll((loaded) => act(loaded, [report("INSTALLED_VERSION", loaded.now)]));
const settled = await bytesPerDevice(empty);
console.log(
  `bytes of Redis memory per device, over ${count} devices (goals: at rest 350 with the token map's 44, live 600)`,
);
for (const [name, { perDevice, apart }] of Object.entries({ registered, atRest, waiting, live, settled })) {
  console.log(
    `${name.padEnd(12)} ${perDevice.toFixed(0).padStart(5)}   history and log since the last line ${apart.toFixed(0)}`,
  );
}
console.log("totals", await devices.totals("dbench0000001"));
await fleet.close();
