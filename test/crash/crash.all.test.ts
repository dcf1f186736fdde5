import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { adminTokenOf, type RealServer, startRealServer, stopRealServer } from "./real-server.ts";

/** Where a crash is tried, and how often the point is passed in a run at least. */
const failPoints: Readonly<Record<string, number>> = {
  "accept:prepared": 1,
  "accept:enrolled": 1,
  "accept:accepted": 1,
  "release:admitted": 3,
  "release:batch": 3,
  "commit:decided": 30,
  "commit:stored": 30,
  "deliver:stored": 6,
  "report:stored": 30,
  "sweep:claimed": 2,
  "sweep:judged": 2,
  "relay:began": 20,
  "relay:moved": 20,
  "conduct:finished": 1,
};
const seeds = Array.from({ length: 10 }, (_, index) => index + 1);
const deviceCount = 6;
const sequence = [
  "INIT",
  "TEST_SUCCESS",
  "DOWNLOAD",
  "DOWNLOAD_SUCCESS",
  "INSTALL",
  "INSTALL_SUCCESS",
  "INSTALLED_VERSION",
];
const product = "/api/v1/products/default";

type Line = {
  readonly kind: string;
  readonly updateId?: string;
  readonly attempt?: number;
  readonly message?: string;
  readonly count?: number;
  readonly to?: string;
};
type Update = { readonly id: string; readonly identity: string; readonly state: string };
type Totals = Readonly<Record<string, number>>;
const finals = ["succeeded", "failed", "timed_out", "aborted", "canceled", "superseded", "skipped"];

/** A small generator of its own: the seed of a run says where it is cut. */
function seeded(seed: number): () => number {
  let state = seed * 2_654_435_761;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Ends the Redis that the killed program left running, as a power cut would have. */
function killStore(dataDir: string): void {
  const lock = JSON.parse(readFileSync(join(dataDir, "store.lock"), "utf8")) as {
    readonly child: { readonly process: { readonly pid: number } };
  };
  process.kill(lock.child.process.pid, "SIGKILL");
}

/** The program under test: killed at its fail point, then started again without one. */
async function makeSurvivor(dataDir: string, failPoint: string, killsStore: boolean) {
  let server: RealServer | undefined = await startRealServer({ dataDir, failPoint });
  let crashes = 0;

  async function alive(): Promise<RealServer> {
    if (server !== undefined && server.child.exitCode === null && server.child.signalCode === null)
      return server;
    crashes += 1;
    server = undefined;
    if (killsStore && crashes === 1) killStore(dataDir);
    server = await startRealServer({ dataDir });
    return server;
  }

  /** Repeats a request until it is answered by a server that lives, as a careful client does. */
  async function insist(
    run: (server: RealServer) => Promise<Response>,
  ): Promise<{ status: number; text: string }> {
    for (let attempt = 0; attempt < 600; attempt++) {
      try {
        const reply = await run(await restart());
        const text = await reply.text();
        if (reply.status !== 503 && reply.status !== 409) return { status: reply.status, text };
        if (reply.status === 409 && !text.includes("IDEMPOTENCY_IN_PROGRESS"))
          return { status: reply.status, text };
      } catch {
        // The connection broke: what became of the request is not known.
      }
      await delay(50);
    }
    throw new Error("no answer after 600 attempts");
  }

  let restarting: Promise<RealServer> | undefined;
  function restart(): Promise<RealServer> {
    restarting ??= alive().finally(() => {
      restarting = undefined;
    });
    return restarting;
  }

  return { insist, current: restart, crashes: () => crashes };
}

type Survivor = Awaited<ReturnType<typeof makeSurvivor>>;

async function api<Body>(
  survivor: Survivor,
  token: string,
  method: string,
  path: string,
  body?: unknown,
  key?: string,
): Promise<Body> {
  const { status, text } = await survivor.insist((server) =>
    fetch(`${server.apiUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(key === undefined ? {} : { "idempotency-key": key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );
  expect(status, `${method} ${path}: ${text}`).toBeLessThan(300);
  return JSON.parse(text) as Body;
}

/** Plays a device: each report has a message of its own, so that it can be found again. */
async function playDevice(
  survivor: Survivor,
  identity: string,
  deviceToken: string,
  acknowledged: Set<string>,
): Promise<void> {
  const headers = { "x-exosite-cik": deviceToken };
  const alias = "/onep:v1/stack/alias";
  let config = "";
  for (let wait = 0; wait < 400 && config === ""; wait++) {
    const reply = await survivor.insist((server) =>
      fetch(`${server.deviceUrl}${alias}?config_otau`, { headers }),
    );
    if (reply.status === 200) config = reply.text;
    else await delay(20);
  }
  expect(config).toContain("config_otau=");
  for (const [step, status] of sequence.entries()) {
    for (let sending = 0; ; sending++) {
      const message = `${identity} ${step}.${sending}`;
      const body = new URLSearchParams({ otau_in: JSON.stringify({ version: "1.0.1", status, message }) });
      const server = await survivor.current();
      const sent = await fetch(`${server.deviceUrl}${alias}`, { method: "POST", headers, body }).catch(
        () => undefined,
      );
      if (sent?.status === 204) {
        acknowledged.add(message);
        break;
      }
      await delay(30);
    }
  }
}

async function everyUpdate(survivor: Survivor, token: string): Promise<Update[]> {
  return (await api<{ items: Update[] }>(survivor, token, "GET", `${product}/updates?limit=500`)).items;
}

async function settled(
  survivor: Survivor,
  token: string,
  deploymentId: string,
): Promise<{ state: string; totals: Totals }> {
  for (let wait = 0; wait < 400; wait++) {
    const found = await api<{ state: string; totals: Totals }>(
      survivor,
      token,
      "GET",
      `${product}/deployments/${deploymentId}`,
    );
    if (found.state === "finished") return found;
    await delay(50);
  }
  throw new Error(`deployment ${deploymentId} did not end`);
}

async function checkHistory(
  survivor: Survivor,
  token: string,
  identity: string,
  acknowledged: ReadonlySet<string>,
): Promise<void> {
  const { items } = await api<{ items: Line[] }>(
    survivor,
    token,
    "GET",
    `${product}/devices/${identity}/history?limit=500`,
  );
  const writes = items
    .filter(({ kind, to }) => kind === "write" && to === "sent")
    .map(({ updateId, attempt }) => `${updateId} ${attempt}`);
  expect(new Set(writes).size, `attempts of ${identity} written once: ${writes}`).toBe(writes.length);
  const times = new Map<string, number>();
  for (const { kind, message, count } of items) {
    if (kind === "report" && message !== undefined)
      times.set(message, (times.get(message) ?? 0) + (count ?? 1));
  }
  for (const message of acknowledged) {
    if (message.startsWith(`${identity} `)) expect(times.get(message), `"${message}" in the history`).toBe(1);
  }
}

async function tryCrash(point: string, seed: number): Promise<void> {
  const random = seeded(seed);
  const dataDir = mkdtempSync(join(tmpdir(), "otau-crash-"));
  const passes = 1 + Math.floor(random() * (failPoints[point] ?? 1));
  // In every second run the store is killed as well.
  const survivor = await makeSurvivor(dataDir, `${point}@${passes}`, seed % 2 === 0);
  try {
    const token = adminTokenOf(dataDir);
    const identities = Array.from({ length: deviceCount }, (_, index) => `gw-${index}`);
    await api(survivor, token, "PUT", product, { limits: { outageGraceMs: 500 } });
    const config = { version: "1.0.1", name: "firmware", type: "JSON", payload: {} };
    await api(survivor, token, "PUT", `${product}/packages/package_a`, {
      otau_info: { config_otau: config },
    });
    const { tokens } = await api<{ tokens: Record<string, string> }>(
      survivor,
      token,
      "POST",
      `${product}/devices?tokens=true`,
      [...identities, "silent-1", "silent-2"].map((identity) => ({ identity })),
    );
    const acknowledged = new Set<string>();
    const { deployment } = await api<{ deployment: { id: string } }>(
      survivor,
      token,
      "POST",
      `${product}/packages/package_a/apply`,
      {
        devices: [...identities, "silent-1", "silent-2"],
        options: {
          timeouts: { acknowledgeMs: 1500, totalMs: 20_000 },
          retry: { maxAttempts: 2, on: ["ACKNOWLEDGE_TIMEOUT"], delayMs: 200 },
        },
      },
      `apply-${seed}`,
    );
    await Promise.all(
      identities.map((identity) => playDevice(survivor, identity, tokens[identity] ?? "", acknowledged)),
    );
    const { totals } = await settled(survivor, token, deployment.id);
    const updates = await everyUpdate(survivor, token);
    expect(updates.filter(({ state }) => !finals.includes(state))).toEqual([]);
    const recount: Record<string, number> = {};
    for (const { state } of updates) recount[state] = (recount[state] ?? 0) + 1;
    for (const [state, count] of Object.entries(totals))
      expect(count, state).toBe(state === "total" ? updates.length : (recount[state] ?? 0));
    const summary = await api<{ byUpdateState: Totals }>(survivor, token, "GET", `${product}/summary`);
    expect(summary.byUpdateState["succeeded"]).toBe(totals["succeeded"]);
    expect(summary.byUpdateState["timed_out"]).toBe(totals["timed_out"]);
    for (const identity of identities) await checkHistory(survivor, token, identity, acknowledged);
    expect(
      survivor.crashes(),
      `the process passed ${point} ${passes} times and was killed there`,
    ).toBeGreaterThan(0);
  } finally {
    await stopRealServer(await survivor.current());
    rmSync(dataDir, { recursive: true, force: true });
  }
}

describe.concurrent.each(Object.keys(failPoints))("killed at %s", (point) => {
  it.each(seeds)("loses nothing that was acknowledged and ends every update (seed %i)", async (seed) => {
    await tryCrash(point, seed);
  });
});
