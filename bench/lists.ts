import { decide } from "../modules/otau/decide.ts";
import type { DeviceEvent, Facts } from "../modules/otau/model.ts";
import type { DeviceFilter } from "../modules/usecases/ports.ts";
import {
  benchActor,
  benchDeployment,
  benchIdentities,
  benchProduct,
  chunksOf,
  openFleet,
} from "./device-fleet.ts";

/**
 * Pages of lists under any filter, the summary, and a deployment's totals, in a store of 1,000,000 devices.
 * Goals: a page of 50 within 20 ms, totals within 5 ms.
 */
const count = Number(process.argv[2] ?? 1_000_000);
const rounds = Number(process.argv[3] ?? 40);
const limits = { outageGraceMs: 60_000, clockSkewMs: 5000, reportsPerSecond: 5 };
const deploymentId = "dbench0000001";
const fleet = await openFleet();
const { devices } = fleet;
const identities = benchIdentities(count);
const sites = ["berlin", "paris", "rome", "oslo", "bern", "wien", "riga", "lima", "kyiv", "bonn"];

/** What is so of the device with this number; by it the answers are checked as well. */
const isRare = (at: number) => at % 2000 === 7;
const isLast = (at: number) => at >= count * 0.95;
const isFailed = (at: number) => at % 20 === 3;
const isSeen = (at: number) => at % 4 === 0;
const siteOf = (at: number) => sites[at % sites.length] ?? "";
const versionOf = (at: number) => `1.0.${at % 7}`;

async function timed(run: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await run();
  return performance.now() - begin;
}

function describeTimes(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1).padStart(7);
  return `p50 ${at(0.5)} ms   p99 ${at(0.99)} ms`;
}

/** Registers the fleet and takes all of it into one deployment, of which one in twenty has failed. */
async function fill(): Promise<void> {
  const numbers = identities.map((_, at) => at);
  for (const part of chunksOf(numbers, 5000)) {
    const wanted = part.map((at) => ({
      identity: identities[at] ?? "",
      installedVersion: versionOf(at),
      tags: {
        site: siteOf(at),
        ...(isRare(at) ? { rare: "yes" } : {}),
        ...(isLast(at) ? { zone: "last" } : {}),
      },
    }));
    await devices.create(benchProduct, wanted, benchActor);
  }
  fleet.deployments.set(deploymentId, benchDeployment(deploymentId, 1));
  await devices.enrol(deploymentId, benchProduct, identities);
  for (const part of chunksOf(numbers.filter(isFailed), 2000)) await fail(part);
  for (const part of chunksOf(numbers.filter(isSeen), 2000)) await see(part);
}

const refOf = (at: number) => ({ productId: benchProduct, identity: identities[at] ?? "" });

async function fail(part: readonly number[]): Promise<void> {
  const report: DeviceEvent = {
    type: "report",
    report: { ok: true, version: "2.0.0", status: "INSTALL_ERROR", raw: "{}" },
    stampedAt: Date.now(),
    stampSupplied: false,
  };
  const loaded = await devices.loadMany(part.map(refOf));
  const changes = loaded.flatMap((each) => {
    if (each === undefined) return [];
    const facts: Facts = {
      ...{ now: each.now, random: 0.5, limits, outages: [], actor: benchActor },
      deployments: each.deployments,
    };
    const released = decide(each.device, { type: "release", deploymentId }, facts);
    const { device } = decide(released.device, report, facts);
    const after = { ...device, revision: each.device.revision + 1 };
    const rest = { lines: [], folds: [], events: [], dueAt: undefined, fences: [], notify: false };
    return [{ before: each.device, after, ...rest }];
  });
  await devices.commitMany(changes);
}

async function see(part: readonly number[]): Promise<void> {
  await Promise.all(part.map((at) => devices.touch(refOf(at))));
}

/** Reads whole pages of a filter from different places on, and checks that they hold what they must. */
async function readPages(filter: DeviceFilter, holds: (at: number) => boolean): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = Math.floor((count * round) / rounds);
    const after = round === 0 ? {} : { after: identities[start - 1] ?? "" };
    const expected: string[] = [];
    for (let at = start; at < count && expected.length < 50; at++) {
      if (holds(at)) expected.push(identities[at] ?? "");
    }
    let got: string[] = [];
    times.push(
      await timed(async () => {
        const { rows } = await devices.list(benchProduct, filter, { ...after, limit: 50 });
        got = rows.map(({ device }) => device.identity);
      }),
    );
    if (got.join() !== expected.join())
      throw new Error(`wrong page of ${JSON.stringify(filter)} at ${start}`);
  }
  return times;
}

const filters: readonly [string, DeviceFilter, (at: number) => boolean][] = [
  ["all", {}, () => true],
  ["one site of ten", { tags: { site: ["rome"] } }, (at) => siteOf(at) === "rome"],
  ["one in 2,000", { tags: { rare: ["yes"] } }, isRare],
  ["the last of all", { tags: { zone: ["last"] } }, isLast],
  ["failed", { updateState: ["failed"] }, isFailed],
  ["waiting", { updateState: ["waiting"] }, (at) => !isFailed(at)],
  [
    "failed, site, version",
    { updateState: ["failed"], tags: { site: ["oslo"] }, installedVersion: ["1.0.1"] },
    (at) => isFailed(at) && siteOf(at) === "oslo" && versionOf(at) === "1.0.1",
  ],
  [
    "nothing of much",
    { updateState: ["failed"], tags: { site: ["rome"] } },
    (at) => isFailed(at) && siteOf(at) === "rome",
  ],
  ["drifted", { drifted: true }, () => false],
  ["not drifted", { drifted: false }, () => true],
  ["online", { online: true }, isSeen],
  ["offline, failed", { online: false, updateState: ["failed"] }, (at) => isFailed(at) && !isSeen(at)],
  ["q", { q: "DEV-0009" }, (at) => identities[at]?.startsWith("dev-0009") === true],
  ["q, nothing", { q: "nobody" }, () => false],
];

console.log(`${count} devices: filled in ${((await timed(fill)) / 1000).toFixed(0)} s`);
const report = (name: string, text: string) => console.log(`${name.padEnd(24)} ${text}`);
const repeat = async (run: () => Promise<unknown>) => {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) times.push(await timed(run));
  return describeTimes(times);
};
for (const [name, filter, holds] of filters) report(name, describeTimes(await readPages(filter, holds)));
report("summary", await repeat(() => devices.summary(benchProduct)));
report("totals", await repeat(() => devices.totals(deploymentId)));
report("count, failed of a site", await repeat(() => devices.count(benchProduct, filters[6]?.[1] ?? {})));
report(
  "updates: failed",
  await repeat(() =>
    devices.membersByIdentity(deploymentId, benchProduct, { states: ["failed"], limit: 50 }),
  ),
);
const summary = await devices.summary(benchProduct);
const failures = identities.filter((_, at) => isFailed(at)).length;
const exact =
  summary.total === count &&
  summary.byUpdateState["failed"] === failures &&
  summary.byUpdateState["waiting"] === count - failures &&
  summary.byInstalledVersion.every(
    ({ version, count: found }) => found === identities.filter((_, at) => versionOf(at) === version).length,
  ) &&
  summary.seen.never === count - identities.filter((_, at) => isSeen(at)).length;
report("summary exact", String(exact));
await fleet.close();
