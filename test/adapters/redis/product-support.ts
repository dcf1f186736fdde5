import { afterAll, beforeAll, beforeEach } from "vitest";
import { openTestClock, type TestClock } from "../../../modules/adapters/redis/clock.ts";
import { makeContentStore } from "../../../modules/adapters/redis/content-store.ts";
import { makeDeploymentStore } from "../../../modules/adapters/redis/deployments-store.ts";
import { makeProductStore } from "../../../modules/adapters/redis/product-store.ts";
import { defaultRetry, defaultTimeouts } from "../../../modules/otau/policy.ts";
import type {
  ContentStore,
  DeploymentDraft,
  DeploymentRecord,
  DeploymentStore,
  ProductStore,
} from "../../../modules/usecases/ports.ts";
import { startTestRedis, type TestRedis } from "../../support/redis.ts";

export const operator = { kind: "token", id: "op" } as const;

/** Stores on an empty keyspace before each test; `now` moves the stores' clock, `elapsed` the process's. */
export type Bench = {
  readonly redis: TestRedis;
  readonly clock: TestClock;
  readonly products: ProductStore;
  readonly content: ContentStore;
  readonly deployments: DeploymentStore;
  /** A deployment store as another process has it. */
  readonly otherDeployments: () => DeploymentStore;
  /** Lets this process's own time pass, by which caches age. */
  readonly elapse: (ms: number) => void;
};

/** The bench is there once a test runs. */
export function useBench(): () => Bench {
  let bench: Bench | undefined;
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startTestRedis();
  });
  afterAll(async () => {
    await bench?.clock.close();
    await redis.close();
  });
  beforeEach(async () => {
    await bench?.clock.close();
    await redis.flush();
    bench = await openBench(redis);
  });
  return () => {
    if (bench === undefined) throw new Error("the bench is made before each test");
    return bench;
  };
}

async function openBench(redis: TestRedis): Promise<Bench> {
  const clock = await openTestClock(redis.client);
  const deps = { redis: redis.client, clock };
  let elapsedMs = 0;
  const monotonicMs = () => elapsedMs;
  return {
    redis,
    clock,
    products: makeProductStore(deps),
    content: makeContentStore(deps),
    deployments: makeDeploymentStore({ ...deps, monotonicMs }),
    otherDeployments: () => makeDeploymentStore({ ...deps, monotonicMs }),
    elapse: (ms) => {
      elapsedMs += ms;
    },
  };
}

export const emptySha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

export function packageItem(id: string, version = "1.0.0") {
  const tags = { otau_info: JSON.stringify({ config_otau: { version } }) };
  return { id, type: "application/octet-stream", tags, length: 0, sha256: emptySha256 };
}

export function draftOf(id: string, changes: Partial<DeploymentDraft> = {}): DeploymentDraft {
  return {
    id,
    productId: "default",
    packageId: "package_a",
    packageRevision: 1,
    version: "1.0.0",
    name: "A",
    source: "apply",
    configText: '{"version":"1.0.0"}',
    otauInfoText: '{"config_otau":{"version":"1.0.0"}}',
    timeouts: defaultTimeouts,
    retry: defaultRetry,
    confirm: "required",
    force: false,
    onActive: "supersede",
    createdAt: 1_700_000_000_000,
    createdBy: "op",
    state: "running",
    expectedTotal: 3,
    resolving: false,
    options: {},
    ...changes,
  };
}

/** Puts the package if need be, prepares and accepts. */
export async function acceptOne(
  bench: Bench,
  id: string,
  changes: Partial<DeploymentDraft> = {},
): Promise<DeploymentRecord> {
  const draft = draftOf(id, changes);
  const item = await bench.content.get(draft.productId, draft.packageId);
  if (item === undefined)
    await bench.content.put(draft.productId, packageItem(draft.packageId), {}, operator);
  await bench.deployments.prepare(draft.productId, id);
  return bench.deployments.accept(draft, undefined, operator);
}

/** Types and parts of the lines waiting in the product's outbox. */
export async function outboxEvents(bench: Bench, productId = "default"): Promise<Record<string, unknown>[]> {
  const entries = await bench.redis.client.xrange(`otau:{p:${productId}}:log`, "-", "+");
  return entries.map(([, fields]) => JSON.parse(fields[fields.indexOf("event") + 1] ?? "{}"));
}
