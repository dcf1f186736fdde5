import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDevice } from "../../modules/simulator/device.ts";
import { runFleet } from "../../modules/simulator/fleet.ts";
import type { DeviceProfile } from "../../modules/simulator/profiles.ts";
import { type Listener, openListener } from "../gateway/http/support.ts";

const config = JSON.stringify({ version: "2.0.0", name: "n", type: "JSON", payload: { a: "x & y+z" } });
const stampUs = 1_700_000_000_000_000;

let listener: Listener;

beforeEach(async () => {
  listener = await openListener();
});

afterEach(async () => {
  await listener.server.close(0);
});

const reportsOf = (identity: string): string[] =>
  listener.access.written.flatMap(({ identity: writer, entry }) => {
    const text = entry.values["otau_in"];
    if (writer !== identity || typeof text !== "string") return [];
    const { version, status } = JSON.parse(text) as { version: string; status: string };
    return [`${status} ${version}`];
  });

/** Runs one device of a profile through an update that stands when it boots. */
async function runOnce(profile: DeviceProfile, wanted = config): Promise<void> {
  listener.access.addDevice("d1");
  listener.access.set("d1", "config_otau", wanted, stampUs);
  const stop = new AbortController();
  const device = createDevice({
    deviceUrl: listener.url,
    identity: "d1",
    profile,
    stepDelayMs: 0,
    installedVersion: "1.0.0",
    onChange: (stand) => {
      if (["succeeded", "failed", "aborted", "silent"].includes(stand)) stop.abort();
    },
  });
  await device.run(stop.signal);
}

describe("a scripted device", () => {
  it("activates, echoes the value and reports to the end", async () => {
    await runOnce("good");
    expect(reportsOf("d1")).toEqual([
      "INSTALLED_VERSION 1.0.0",
      "INIT 2.0.0",
      "TEST 2.0.0",
      "TEST_SUCCESS 2.0.0",
      "DOWNLOAD 2.0.0",
      "DOWNLOAD_STEP 2.0.0",
      "DOWNLOAD_SUCCESS 2.0.0",
      "INSTALL 2.0.0",
      "INSTALL_SUCCESS 2.0.0",
      "INSTALLED_VERSION 2.0.0",
    ]);
    const echoes = listener.access.written.map(({ entry }) => entry.values["config_otau"]);
    expect(echoes.filter((echo) => echo !== undefined)).toEqual([config]);
  });

  it.each([
    ["sparse", "INSTALLED_VERSION 2.0.0"],
    ["flaky", "DOWNLOAD_ERROR 2.0.0"],
    ["falls-back", "INSTALLED_VERSION 1.0.0"],
    ["aborts", "INSTALL_ABORTED 2.0.0"],
    ["wrong-clock", "INSTALLED_VERSION 2.0.0"],
  ] as const)("that is %s ends with %s", async (profile, last) => {
    await runOnce(profile);
    expect(reportsOf("d1").at(-1)).toBe(last);
  });

  it("with a wrong clock stamps its reports far off", async () => {
    await runOnce("wrong-clock");
    const stamps = listener.access.written.flatMap(({ entry }) => entry.timestamp ?? []);
    const offS = stamps.map((stamp) => Math.abs(stamp - Date.now() / 1000));
    expect(Math.min(...offS)).toBeGreaterThan(3600);
  });

  it("that is silent takes the value and says nothing", async () => {
    await runOnce("silent");
    expect(reportsOf("d1")).toEqual([]);
  });

  it("reports what its script says, for every value it gets", async () => {
    listener.access.addDevice("d1");
    const stop = new AbortController();
    const statuses: string[] = [];
    const device = createDevice({
      deviceUrl: listener.url,
      identity: "d1",
      script: [
        { status: "INIT", afterMs: 0 },
        { status: "nonsense", version: "x", afterMs: 0 },
      ],
      onReport: (status) => {
        statuses.push(status);
        if (statuses.length === 2) listener.access.set("d1", "config_otau", config, stampUs + 5_000_000);
        if (statuses.length === 4) stop.abort();
      },
    });
    listener.access.set("d1", "config_otau", config, stampUs);
    await device.run(stop.signal);
    expect(statuses).toEqual(["INIT", "nonsense", "INIT", "nonsense"]);
  });

  it("tries again while the store is away", async () => {
    listener.access.isAway = true;
    const running = runOnce("sparse");
    await fetch(`${listener.url}/timestamp`);
    listener.access.isAway = false;
    await running;
    expect(reportsOf("d1").at(-1)).toBe("INSTALLED_VERSION 2.0.0");
  });
});

describe("a fleet", () => {
  let api: Server;

  afterEach(() => {
    api.close();
  });

  /** An app API that knows how to register devices. */
  async function openApi(): Promise<string> {
    api = createServer((request, response) => {
      let text = "";
      request.on("data", (chunk) => {
        text += chunk;
      });
      request.on("end", () => {
        const identities = (JSON.parse(text) as { identity: string }[]).map(({ identity }) => identity);
        const tokens = identities.map(
          (identity, index) => [identity, String(index).padStart(40, "0")] as const,
        );
        for (const [identity, token] of tokens) {
          listener.access.addDevice(identity, token);
          listener.access.set(identity, "config_otau", config, stampUs);
        }
        response.end(JSON.stringify({ tokens: Object.fromEntries(tokens) }));
      });
    });
    api.listen(0, "127.0.0.1");
    await once(api, "listening");
    return `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
  }

  it("is registered, runs mixed profiles and ends when all have settled", async () => {
    const apiUrl = await openApi();
    const seen: number[] = [];
    const counts = await runFleet({
      apiUrl,
      token: "t",
      productId: "default",
      deviceUrl: listener.url,
      count: 20,
      profile: "mixed",
      stepDelayMs: 1,
      signal: new AbortController().signal,
      until: "settled",
      onProgress: ({ devices }) => seen.push(devices),
    });
    expect(counts).toMatchObject({
      devices: 20,
      succeeded: 15,
      failed: 3,
      aborted: 1,
      silent: 1,
      refused: 0,
    });
    expect(seen.at(-1)).toBe(20);
  });
});
