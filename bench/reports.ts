import { makeDeviceActions } from "../modules/usecases/act-on-device.ts";
import type { DeviceRef } from "../modules/usecases/ports.ts";
import { makeRecordReports } from "../modules/usecases/record-reports.ts";
import { benchDeployment, benchIdentities, benchProduct, chunksOf, openFleet } from "./device-fleet.ts";

/**
 * Reports decided and stored per second, below any protocol, beside the floor: the same commit script sent the same
 * arguments, made ready beforehand. Both in one run, in turn, on the halves of one fleet.
 */
const count = Number(process.argv[2] ?? 20_000);
const inFlight = 96;
const statuses = ["INIT", "TEST", "DOWNLOAD", "DOWNLOAD_SUCCESS", "INSTALL", "INSTALL_SUCCESS"] as const;
const id = "dbench0000001";

const fleet = await openFleet();
const { devices, redis } = fleet;
const record = { ...benchDeployment(id, 1), version: "2.0.0" };
fleet.deployments.set(id, record);

const { act, actOnMany } = makeDeviceActions({
  devices,
  limitsOf: async () => ({ outageGraceMs: 60_000, clockSkewMs: 5000, reportsPerSecond: 5 }),
  outages: async () => [],
  random: Math.random,
  sleep: async () => undefined,
  committed: () => undefined,
  failPoint: () => undefined,
});
const recordReports = makeRecordReports({ act, failPoint: () => undefined });

async function withLanes<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<unknown>,
): Promise<number> {
  const began = performance.now();
  let next = 0;
  const lane = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item);
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return (items.length / (performance.now() - began)) * 1000;
}

const identities = benchIdentities(count);
for (const part of chunksOf(identities, 10_000)) {
  await devices.create(
    benchProduct,
    part.map((identity) => ({ identity })),
    { kind: "system", id: "bench" },
  );
  await devices.enrol(id, benchProduct, part);
}
const refs: readonly DeviceRef[] = identities.map((identity) => ({ productId: benchProduct, identity }));
for (const part of chunksOf(refs, 200)) {
  await actOnMany(part, () => [{ type: "release", deploymentId: id }], {
    actor: { kind: "system", id: "bench" },
  });
}

const entry = (status: string, step: number) => ({
  value: JSON.stringify({ version: "2.0.0", status, message: `step ${step}` }),
});

/** Arguments of the commit script for each device, as `recordReports` would send them; nothing is sent. */
async function readyArguments(
  part: readonly DeviceRef[],
  status: string,
  step: number,
): Promise<unknown[][]> {
  const captured: unknown[][] = [];
  const send = redis.evalsha;
  const isCommit = (keys: number, rest: readonly unknown[]) => String(rest[keys]).startsWith("[");
  Object.assign(redis, {
    evalsha: (sha: string, keys: number, ...rest: unknown[]) => {
      if (!isCommit(keys, rest)) return Reflect.apply(send, redis, [sha, keys, ...rest]);
      captured.push([sha, keys, ...rest]);
      return Promise.resolve([0]);
    },
  });
  await withLanes(part, (ref) => recordReports({ ref, entries: [entry(status, step)] }));
  Object.assign(redis, { evalsha: send });
  return captured;
}

const rows: { status: string; recorded: number; floor: number }[] = [];
for (const [step, status] of statuses.entries()) {
  const isEven = step % 2 === 0;
  const halves = [refs.slice(0, count / 2), refs.slice(count / 2)] as const;
  const measured = isEven ? halves[0] : halves[1];
  const replayed = isEven ? halves[1] : halves[0];
  const ready = await readyArguments(replayed, status, step);
  const recorded = await withLanes(measured, (ref) => recordReports({ ref, entries: [entry(status, step)] }));
  const floor = await withLanes(
    ready,
    (args) => Reflect.apply(redis.evalsha, redis, args) as Promise<unknown>,
  );
  rows.push({ status, recorded, floor });
}

const perSecond = (rate: number) => `${Math.round(rate)}/s`.padStart(10);
console.log(`${count} devices, ${inFlight} in flight, appendfsync everysec`);
console.log(
  `${"report".padEnd(18)} ${"read+decide+commit".padStart(19)} ${"bare commit".padStart(12)}   ratio`,
);
for (const { status, recorded, floor } of rows) {
  console.log(
    `${status.padEnd(18)} ${perSecond(recorded).padStart(19)} ${perSecond(floor).padStart(12)}   ${(recorded / floor).toFixed(2)}`,
  );
}
const ratios = rows.map(({ recorded, floor }) => recorded / floor).toSorted((a, b) => a - b);
console.log(`median ratio ${(ratios[Math.floor(ratios.length / 2)] ?? 0).toFixed(2)} (goal 0.70)`);
await fleet.close();
