// The trial store's process: the bundled server on a unix socket, with a snapshot every few seconds and at the end.
// Its Lua runs on the event loop of whoever hosts it, hence a process of its own.
// Arguments: path of the socket, path of the snapshot.
import { createServer } from "node:net";
import {
  attachSession,
  createRedisCommandExecutor,
  RedisServerState,
  SocketConnectionTransport,
} from "js-redis-server/core";
import { readSnapshot, type SnapshotContent, writeSnapshot } from "./snapshot.ts";

const snapshotEveryMs = 2_000;

/** The moment of one database: taken within a turn, so that no script is half done in it. */
async function captureDatabase(
  database: RedisServerState["databases"][number],
): Promise<SnapshotContent["databases"][number]> {
  const turn = await database.turnQueue.waitTurn();
  try {
    return { id: database.id, entries: database.entriesSnapshot() };
  } finally {
    turn.release();
  }
}

function restore(state: RedisServerState, content: SnapshotContent): void {
  for (const { id, entries } of content.databases) {
    const database = state.databases[id];
    for (const { key, value, expiresAt } of entries) {
      database?.set(key, value, expiresAt === undefined ? {} : { expiresAt });
    }
  }
}

async function main(socketPath: string, snapshotPath: string): Promise<void> {
  const state = new RedisServerState({ databaseCount: 64 });
  const content = readSnapshot(snapshotPath);
  if (content !== undefined) restore(state, content);

  let isChanged = false;
  for (const database of state.databases) {
    database.subscribe(() => {
      isChanged = true;
    });
  }
  const save = async (): Promise<void> => {
    if (!isChanged) return;
    isChanged = false;
    const databases = [];
    for (const database of state.databases) databases.push(await captureDatabase(database));
    writeSnapshot(snapshotPath, {
      savedAt: Date.now(),
      databases: databases.filter(({ entries }) => entries.length > 0),
    });
  };
  let saving = Promise.resolve();
  const saveNext = (): Promise<void> => {
    saving = saving.then(save).catch((error: unknown) => {
      isChanged = true;
      process.stderr.write(`the snapshot cannot be written: ${error}\n`);
    });
    return saving;
  };

  const executor = createRedisCommandExecutor();
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    const { done } = attachSession(new SocketConnectionTransport(socket), { state, executor });
    done.catch(() => undefined);
  });
  server.listen(socketPath);

  setInterval(saveNext, snapshotEveryMs);
  let isEnding = false;
  const end = (): void => {
    if (isEnding) return;
    isEnding = true;
    void saveNext().then(() => process.exit(0));
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", () => undefined);
  // The other end of this pipe is held by the parent: it closes when the parent dies, however it dies.
  process.stdin.on("end", end).on("error", end).resume();
}

const [socketPath, snapshotPath] = process.argv.slice(2);
if (socketPath === undefined || snapshotPath === undefined) {
  process.stderr.write("usage: trial-server.ts SOCKET SNAPSHOT\n");
  process.exit(2);
}
await main(socketPath, snapshotPath);
