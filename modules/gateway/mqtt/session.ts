import type { Client } from "aedes";
import { OtauError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import type { DeviceAccess, DeviceCredential, Origin, ResourceValue } from "../../usecases/device-access.ts";
import type { KnownValues } from "../known-values.ts";
import type { Rounds } from "../rounds.ts";
import { makeTouch } from "../touch.ts";
import { readValueTopic, valueTopic } from "./topics.ts";

/** A device's connection from its CONNACK to its end. */
export type Session = {
  readonly credential: DeviceCredential;
  readonly origin: Origin;
  /** Begins to hand values over, those first that were set while the device was away. */
  start(): void;
  /** The packet identifier for a value about to be sent. */
  register(topic: string): number;
  /** The device acknowledged a value. */
  acknowledged(messageId: number): void;
  stop(): void;
};

export type SessionDeps = {
  readonly access: DeviceAccess;
  readonly known: KnownValues;
  readonly rounds: Rounds;
  readonly now: () => number;
  readonly log: Logger;
};

/** Makes the session of one connection. A value counts as known by the device when it acknowledged it. */
export function createSession(
  deps: SessionDeps,
  client: Client,
  credential: DeviceCredential,
  origin: Origin,
): Session {
  const { access, known } = deps;
  const { ref } = credential;
  // Most connections are idle: what they do not need yet is not there.
  let sent: Map<string, number> | undefined;
  let unacknowledged: Map<number, { readonly alias: string; readonly timestampUs: number }> | undefined;
  const touch = makeTouch(access, ref, deps.now);
  let lastId = 0;
  let hasStopped = false;
  const endings: (() => void)[] = [];

  const handOver = async (): Promise<void> => {
    const newer: string[] = [];
    for (const [alias, { timestampUs, acknowledged }] of await access.pending(credential)) {
      if (acknowledged === true && sent?.has(alias) !== true) known.knows(ref, alias, timestampUs);
      const upTo = Math.max(sent?.get(alias) ?? -1, known.get(ref, alias)?.stampUs ?? -1);
      if (timestampUs > upTo) newer.push(alias);
    }
    if (newer.length === 0 || hasStopped) return;
    const values = [...(await access.read(credential, newer))];
    for (const [alias, value] of values.sort(([, a], [, b]) => a.timestampUs - b.timestampUs)) {
      if (value.timestampUs > (sent?.get(alias) ?? -1)) await hand(alias, value);
    }
  };

  const hand = async (alias: string, { value, timestampUs }: ResourceValue): Promise<void> => {
    sent ??= new Map();
    sent.set(alias, timestampUs);
    await new Promise<void>((resolve) => {
      client.publish(
        {
          cmd: "publish",
          topic: valueTopic(alias, timestampUs),
          payload: value,
          qos: 1,
          retain: false,
          dup: false,
        },
        () => resolve(),
      );
    });
  };

  const sync = makeCoalesced(async () => {
    if (hasStopped) return;
    try {
      await handOver();
    } catch (error) {
      // Whatever it is, the next round tries again; only an ended credential ends the connection.
      if (error instanceof OtauError && error.code === "UNAUTHORIZED") client.close();
      else deps.log.debug({ err: error, identity: ref.identity }, "values not handed over");
    }
  });

  return {
    credential,
    origin,
    start() {
      const takeTurn = (): void => {
        touch();
        sync();
      };
      endings.push(deps.rounds.add(takeTurn));
      // A lost subscription is made up for by the rounds; what came before it stood, by the look that follows it.
      access.watch(ref, sync).then(
        (unwatch) => {
          if (hasStopped) unwatch();
          else endings.push(unwatch);
          sync();
        },
        (error: unknown) => deps.log.debug({ err: error }, "hints not subscribed"),
      );
      sync();
    },
    register(topic) {
      unacknowledged ??= new Map();
      do lastId = (lastId % 65_535) + 1;
      while (unacknowledged.has(lastId) && unacknowledged.size < 65_535);
      const value = readValueTopic(topic);
      if (value !== undefined) unacknowledged.set(lastId, value);
      return lastId;
    },
    acknowledged(messageId) {
      const value = unacknowledged?.get(messageId);
      unacknowledged?.delete(messageId);
      if (value !== undefined) known.knows(ref, value.alias, value.timestampUs);
    },
    stop() {
      if (hasStopped) return;
      hasStopped = true;
      access.closeSession(credential);
      for (const end of endings.splice(0)) end();
    },
  };
}

/** Runs `act` when called; calls while it runs become one more run. */
function makeCoalesced(act: () => Promise<void>): () => void {
  let isRunning = false;
  let isWanted = false;
  const run = async (): Promise<void> => {
    isRunning = true;
    while (isWanted) {
      isWanted = false;
      await act();
    }
    isRunning = false;
  };
  return () => {
    isWanted = true;
    if (!isRunning) void run();
  };
}
