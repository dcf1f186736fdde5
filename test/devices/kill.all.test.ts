import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { adminTokenOf, type RealServer, startRealServer, stopRealServer } from "../crash/real-server.ts";
import { connectDevice, type DeviceConnection, type HistoryLine, reportText } from "./support.ts";

/** Where the process is killed, and how often the point is passed in a run at least. */
const failPoints: Readonly<Record<string, number>> = {
  "commit:stored": 40,
  "report:stored": 26,
  "deliver:stored": 5,
};
const seeds = [1, 2, 3, 4, 5];
const identities = ["gw-0", "gw-1", "gw-2", "gw-3"];
const silent = "gw-silent";
const statuses = [
  "INIT",
  "TEST",
  "TEST_SUCCESS",
  "DOWNLOAD",
  "DOWNLOAD_SUCCESS",
  "INSTALL",
  "INSTALL_SUCCESS",
];
const product = "/api/v1/products/default";
const config = '{"version":"1.0.1","name":"firmware","type":"JSON","payload":{"of":"all"}}';

type Ledger = {
  /** Messages of reports by device, whatever became of them. */
  readonly sent: Map<string, string[]>;
  readonly acknowledged: Set<string>;
};

const isAlive = ({ child }: RealServer): boolean => child.exitCode === null && child.signalCode === null;

/** A server that is killed once at its fail point, and started again without one by whoever asks for it. */
async function makeSurvivor(dataDir: string, failPoint: string) {
  let server = startRealServer({ dataDir, failPoint });
  let crashes = 0;
  return {
    crashes: () => crashes,
    current: async (): Promise<RealServer> => {
      const asked = server;
      const found = await asked;
      if (isAlive(found)) return found;
      // Who asks first starts it; the others find it under way.
      if (server === asked) {
        crashes += 1;
        server = startRealServer({ dataDir });
      }
      return await server;
    },
  };
}

type Survivor = Awaited<ReturnType<typeof makeSurvivor>>;

/** One request to the app API, sent again until a server that lives answers it. */
async function call<Body>(
  survivor: Survivor,
  dataDir: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Body> {
  const key = method === "POST" ? { "idempotency-key": `key-of-${path}` } : undefined;
  for (let attempt = 0; attempt < 400; attempt++) {
    const { apiUrl } = await survivor.current();
    const reply = await fetch(`${apiUrl}${product}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${adminTokenOf(dataDir)}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...key,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch(() => undefined);
    const text = await reply?.text().catch(() => undefined);
    if (reply?.ok === true && text !== undefined) return JSON.parse(text) as Body;
    if (reply !== undefined && text !== undefined && reply.status !== 503 && reply.status !== 409)
      throw new Error(`${method} ${path} was answered ${reply.status}: ${text}`);
    await delay(50);
  }
  throw new Error(`${method} ${path}: no answer`);
}

/** A connection to whatever server lives. */
async function connect(survivor: Survivor, token: string): Promise<DeviceConnection> {
  for (let attempt = 0; attempt < 400; attempt++) {
    const { mqttUrl } = await survivor.current();
    const connection = await connectDevice(mqttUrl, token).catch(() => undefined);
    if (connection !== undefined) return connection;
    await delay(30);
  }
  throw new Error("no connection after 400 attempts");
}

/** Whether a value came before the connection ended; it must be the exact text of what was applied. */
async function hears(connection: DeviceConnection): Promise<boolean> {
  await Promise.race([connection.until(1), connection.closed]);
  for (const { text } of connection.messages) expect(text).toBe(config);
  return connection.messages.length > 0;
}

/** Reports three at a time until each status was acknowledged; what has no answer is sent again under another name. */
async function playDevice(
  survivor: Survivor,
  identity: string,
  token: string,
  ledger: Ledger,
): Promise<void> {
  const sent: string[] = [];
  ledger.sent.set(identity, sent);
  let connection = await connect(survivor, token);
  // Until it said something, each connection has to bring it the value.
  while (!(await hears(connection))) connection = await connect(survivor, token);
  let next = 0;
  while (next < statuses.length) {
    const window = statuses.slice(next, next + 3);
    const { client, closed } = connection;
    const outcomes = window.map(async (status, index) => {
      const message = `${identity} ${next + index}.${sent.length}`;
      sent.push(message);
      const stored = client
        .publishAsync("$resource/otau_in", reportText(status, message), { qos: 1 })
        .then(() => ledger.acknowledged.add(message))
        .catch(() => undefined);
      return (await Promise.race([stored, closed])) !== undefined;
    });
    const answered = await Promise.all(outcomes);
    const missing = answered.indexOf(false);
    next += missing === -1 ? window.length : missing;
    if (missing !== -1) connection = await connect(survivor, token);
  }
  await connection.drop();
}

/** A device that takes its value, acknowledges it and says nothing: each server has to bring it again. */
async function playSilent(survivor: Survivor, token: string, isOver: () => boolean): Promise<number> {
  let deliveries = 0;
  const servers = new Set<RealServer>();
  for (;;) {
    const server = await survivor.current();
    if (isOver() && servers.has(server)) return deliveries;
    const connection = await connectDevice(server.mqttUrl, token).catch(() => undefined);
    if (connection === undefined) continue;
    const isNew = !servers.has(server);
    if (isNew && (await hears(connection))) {
      servers.add(server);
      deliveries += 1;
    }
    const end = delay(20).then(() => connection.drop());
    await Promise.race([connection.closed, end]);
  }
}

async function reportTimes(
  survivor: Survivor,
  dataDir: string,
  identity: string,
): Promise<ReadonlyMap<string, HistoryLine[]>> {
  const path = `/devices/${identity}/history?limit=500`;
  const { items } = await call<{ items: HistoryLine[] }>(survivor, dataDir, "GET", path);
  return Map.groupBy(
    items.filter(({ kind }) => kind === "report"),
    ({ message }) => message ?? "",
  );
}

async function tryKill(point: string, seed: number): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "otau-kill-"));
  const passes = failPoints[point] ?? 1;
  // Spread evenly by the golden ratio.
  const at = 1 + Math.floor(((seed * 0.618) % 1) * passes);
  const survivor = await makeSurvivor(dataDir, `${point}@${at}`);
  try {
    const all = [...identities, silent];
    await survivor.current();
    await call(survivor, dataDir, "PUT", "/packages/package_a", {
      otau_info: { config_otau: JSON.parse(config) as unknown },
    });
    const { tokens } = await call<{ tokens: Record<string, string> }>(
      survivor,
      dataDir,
      "POST",
      "/devices?tokens=true",
      all.map((identity) => ({ identity })),
    );
    await call(survivor, dataDir, "POST", "/packages/package_a/apply", { devices: all });
    const ledger: Ledger = { sent: new Map(), acknowledged: new Set() };
    let isOver = false;
    const listening = playSilent(survivor, tokens[silent] ?? "", () => isOver);
    await Promise.all(
      identities.map((identity) => playDevice(survivor, identity, tokens[identity] ?? "", ledger)),
    ).finally(() => {
      isOver = true;
    });
    expect(survivor.crashes(), `killed at ${point}, passage ${at}`).toBe(1);
    // Once by the server that was killed, unless it never came to that, and once by the next.
    expect(await listening).toBeGreaterThanOrEqual(1);
    for (const identity of identities) {
      const times = await reportTimes(survivor, dataDir, identity);
      for (const message of ledger.sent.get(identity) ?? []) {
        const lines = times.get(message) ?? [];
        const stored = lines.reduce((sum, { count }) => sum + (count ?? 1), 0);
        if (ledger.acknowledged.has(message)) expect(stored, `"${message}", acknowledged`).toBe(1);
        else expect(stored, `"${message}", not acknowledged`).toBeLessThanOrEqual(1);
        for (const { decision } of lines) expect(["applied", "late", "restart"]).toContain(decision);
      }
      const known = new Set(ledger.sent.get(identity));
      expect([...times.keys()].filter((message) => !known.has(message))).toEqual([]);
    }
  } finally {
    await stopRealServer(await survivor.current());
    rmSync(dataDir, { recursive: true, force: true });
  }
}

describe.concurrent.each(Object.keys(failPoints))("killed at %s", (point) => {
  it.each(seeds)(
    "keeps each report it acknowledged once, and hands values over again (seed %i)",
    async (seed) => {
      await tryKill(point, seed);
    },
  );
});
