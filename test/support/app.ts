import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compose } from "../../modules/compose.ts";
import { loadConfig } from "../../modules/config.ts";
import { makeLogger, silentLogger } from "../../modules/logger.ts";
import { startTestRedis, type TestRedis } from "./redis.ts";

const projectRoot = join(import.meta.dirname, "..", "..");

export type StartAppOptions = {
  /** Settings beyond the defaults of a test: every port is a free one. */
  readonly env?: Readonly<Record<string, string>>;
  /** Time stands still but for what the test moves: `app.clock.advance(ms)`. */
  readonly testClock?: boolean;
  /** Folder of another `solution.yaml`. */
  readonly root?: string;
  /** A second process on the same store: share another app's. */
  readonly on?: { readonly redis: TestRedis; readonly dataDir: string };
};

export type TestReply<Body = unknown> = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
};

export type TestApp = Awaited<ReturnType<typeof startApp>>;

const log = process.env["TEST_LOG"] === "true" ? makeLogger({ level: "debug" }) : silentLogger;

/** The whole program in this process, on an empty keyspace of the run's Redis, behind free ports. */
export async function startApp(options: StartAppOptions = {}) {
  const redis = options.on?.redis ?? (await startTestRedis());
  const dataDir = options.on?.dataDir ?? mkdtempSync(join(tmpdir(), "otau-app-"));
  const token = "test-admin-token-of-32-characters!";
  const config = loadConfig({
    OTAU_DATA_DIR: dataDir,
    PORT: "0",
    DEVICE_HTTP_PORT: "0",
    MQTT_PORT: "0",
    OTAU_ADMIN_TOKEN: token,
    REDIS_URL: "redis://127.0.0.1:1",
    ...options.env,
  });
  const running = await compose({
    config,
    store: {
      rung: "external",
      address: { kind: "socket", socketPath: redis.options.path },
      durability: "no",
      describe: () => "the Redis of the test run",
      isUp: () => true,
      onExit: () => undefined,
      close: async () => undefined,
    },
    adminToken: token,
    log,
    root: options.root ?? projectRoot,
    db: redis.options.db,
    ...(options.testClock ? { usesTestClock: true } : {}),
  });

  /** One request to the app API, below `/api/v1` unless the path starts at the root with `//`. */
  async function call<Body = unknown>(
    method: string,
    path: string,
    body?: unknown,
    extra: { readonly headers?: Readonly<Record<string, string>>; readonly token?: string | null } = {},
  ): Promise<TestReply<Body>> {
    const url = path.startsWith("//")
      ? `${running.apiUrl}${path.slice(1)}`
      : `${running.apiUrl}/api/v1${path}`;
    const bearer = extra.token === undefined ? token : extra.token;
    const response = await fetch(url, {
      method,
      headers: {
        ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
        ...(body === undefined || typeof body === "string" ? {} : { "content-type": "application/json" }),
        ...extra.headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") === true;
    return {
      status: response.status,
      headers: response.headers,
      body: (isJson && text !== "" ? JSON.parse(text) : text) as Body,
    };
  }

  async function close(): Promise<void> {
    await running.close();
    if (options.on !== undefined) return;
    await redis.close();
    rmSync(dataDir, { recursive: true, force: true });
  }

  return {
    ...running,
    redis,
    dataDir,
    token,
    call,
    close,
    [Symbol.asyncDispose]: close,
  };
}
