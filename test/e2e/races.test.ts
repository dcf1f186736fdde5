import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { makeDeviceClient } from "../support/device-client.ts";
import { openRaceTrack, type RaceTrack, raceApplies } from "../support/race-track.ts";

const patience = { timeout: 10_000, interval: 20 };

describe("applies that race", () => {
  let track: RaceTrack;
  beforeAll(async () => {
    track = await openRaceTrack();
  });
  afterAll(() => track.close());

  it("never leave a device with two live updates, and the newest wins", async () => {
    await raceApplies(track, 20);
  }, 60_000);

  it("count every device once while two deployments and the devices race", async () => {
    const identities = Array.from({ length: 100 }, (_, index) => `both-${index}`);
    const { first, second, apply, totalsOf, mostLiveEver } = track;
    const tokens = await track.addDevices(identities);
    const ids = await Promise.all([
      apply(first, "1.0.1", identities),
      apply(second, "1.0.2", identities.toReversed()),
    ]);
    const newest = await track.newestOf(ids);
    const version = newest === ids[0] ? "1.0.1" : "1.0.2";
    const older = ids.find((id) => id !== newest) ?? "";
    const report = async (identity: string) => {
      const device = makeDeviceClient(String(first.deviceUrl), String(tokens[identity]));
      for (const status of ["INIT", "INSTALL_SUCCESS", "INSTALLED_VERSION"]) {
        expect(await device.write({ otau_in: JSON.stringify({ version, status }) })).toBe(204);
      }
    };
    await vi.waitFor(async () => expect((await totalsOf(newest))["waiting"]).toBe(0), patience);
    await Promise.all(identities.map(report));
    await vi.waitFor(async () => {
      expect(await totalsOf(newest)).toMatchObject({ total: 100, succeeded: 100 });
      expect(await totalsOf(older)).toMatchObject({ total: 100, superseded: 100 });
    }, patience);
    for (const identity of identities) expect(await mostLiveEver(identity), identity).toBe(1);
  }, 60_000);
});
