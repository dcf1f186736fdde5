import { expect, vi } from "vitest";
import { isLiveState, updateStateSchema } from "../../modules/otau/vocabulary.ts";
import { startApp, type TestApp } from "./app.ts";

type Line = { readonly updateId?: string; readonly to?: string };
type Update = { readonly id: string; readonly deploymentId: string; readonly state: string };
export type Totals = Readonly<Record<string, number>>;
export type RaceTrack = Awaited<ReturnType<typeof openRaceTrack>>;

const base = "/products/default";
const versions = ["1.0.1", "1.0.2", "1.0.3"] as const;
const roundsAtOnce = 8;
const patience = { timeout: 10_000, interval: 20 };

/** Two servers on one store, three packages in product `default`, and what tests of races ask of them. */
export async function openRaceTrack() {
  const first = await startApp();
  const second = await startApp({ on: first });
  for (const version of versions) {
    const config = { version, name: `firmware ${version}`, type: "JSON", payload: {} };
    await ok("PUT", `${base}/packages/package_${version}`, { otau_info: { config_otau: config } });
  }

  async function ok<Body>(method: string, path: string, body?: unknown, app: TestApp = first): Promise<Body> {
    const reply = await app.call<Body>(method, path, body);
    expect(reply.status, `${method} ${path}: ${JSON.stringify(reply.body)}`).toBeLessThan(300);
    return reply.body;
  }

  async function apply(app: TestApp, version: string, devices: readonly string[]): Promise<string> {
    const path = `${base}/packages/package_${version}/apply`;
    const { deployment } = await ok<{ deployment: { id: string } }>("POST", path, { devices }, app);
    return deployment.id;
  }

  async function updatesOf(identity: string): Promise<readonly Update[]> {
    return (await ok<{ items: Update[] }>("GET", `${base}/devices/${identity}/updates?limit=500`)).items;
  }

  /** The most updates that were live at once, line by line of the device's history. */
  async function mostLiveEver(identity: string): Promise<number> {
    const { items } = await ok<{ items: Line[] }>("GET", `${base}/devices/${identity}/history?limit=500`);
    const states = new Map<string, string>();
    let most = 0;
    for (const { updateId, to } of items) {
      if (updateId === undefined || to === undefined) continue;
      states.set(updateId, to);
      const live = [...states.values()].filter((state) => isLiveState(updateStateSchema.parse(state)));
      most = Math.max(most, live.length);
    }
    return most;
  }

  /** Makes the devices; answers their tokens. */
  async function addDevices(identities: readonly string[]): Promise<Readonly<Record<string, string>>> {
    const body = identities.map((identity) => ({ identity }));
    const path = `${base}/devices?tokens=true`;
    return (await ok<{ tokens: Record<string, string> }>("POST", path, body)).tokens;
  }

  async function totalsOf(deploymentId: string): Promise<Totals> {
    return (await ok<{ totals: Totals }>("GET", `${base}/deployments/${deploymentId}`)).totals;
  }

  /** Of these deployments the one accepted last: lists show the newest first. */
  async function newestOf(ids: readonly string[]): Promise<string> {
    const { items } = await ok<{ items: { id: string }[] }>("GET", `${base}/deployments?limit=50`);
    return items.find(({ id }) => ids.includes(id))?.id ?? "";
  }

  async function close(): Promise<void> {
    await second.close();
    await first.close();
  }

  return { base, first, second, ok, apply, updatesOf, mostLiveEver, addDevices, totalsOf, newestOf, close };
}

/** So many devices, to each of which three clients apply three packages at once: the newest must win, alone. */
export async function raceApplies(track: RaceTrack, rounds: number): Promise<void> {
  const identities = Array.from({ length: rounds }, (_, index) => `race-${index}`);
  await track.addDevices(identities);
  const next = identities.values();
  const lane = async () => {
    for (const identity of next) await raceOnce(track, identity);
  };
  await Promise.all(Array.from({ length: roundsAtOnce }, lane));
  for (const identity of identities) expect(await track.mostLiveEver(identity), identity).toBe(1);
}

async function raceOnce({ first, second, apply, newestOf, updatesOf }: RaceTrack, identity: string) {
  const clients = [first, second, first];
  const ids = await Promise.all(
    clients.map((app, client) => apply(app, String(versions[client]), [identity])),
  );
  const newest = await newestOf(ids);
  await vi.waitFor(async () => {
    const updates = await updatesOf(identity);
    const states = updates.map(({ deploymentId, state }) => [deploymentId === newest, state]);
    expect(states.sort()).toEqual([
      [false, "superseded"],
      [false, "superseded"],
      [true, "sent"],
    ]);
  }, patience);
}
