import { type ConnectionOptions, Queue, Worker } from "bullmq";
import { Cluster } from "ioredis";
import type { Logger } from "../../logger.ts";
import type { AlarmClock, Duty } from "../../usecases/ports.ts";
import type { StoreAddress } from "../redis-server/store.ts";
import { type DutyRun, type DutyRunner, makeDutyRunner } from "./duty-runner.ts";

/** How often each duty is woken. */
export const dutyIntervalsMs: Readonly<Record<Duty, number>> = {
  sweep: 250,
  conduct: 500,
  relay: 150,
  timer: 500,
  upkeep: 5000,
  webhook: 200,
};
const duties = Object.keys(dutyIntervalsMs) as readonly Duty[];
const queueName = "duties";
/** Everything of a queue is in one slot of a cluster. */
const prefix = "{otau}";
/** A duty that has not been woken for so many of its intervals is begun without the queue. */
const missedIntervals = 4;
const coalesceMs = 5;
const kept = { removeOnComplete: { count: 20 }, removeOnFail: { count: 20 } } as const;

export type AlarmClockOptions = {
  readonly address: StoreAddress;
  readonly db?: number;
  /** What this process does when it is woken; absent in a process that is no worker. */
  readonly work?: Readonly<Record<Duty, DutyRun>>;
  readonly log: Logger;
};

export type OpenAlarmClock = AlarmClock & {
  /** How long ago a duty last began here, in milliseconds; readiness looks at it. Absent: not a worker. */
  sinceBeganMs(duty: Duty): number | undefined;
  /** Takes no new work, lets what runs end, closes its connections. */
  close(): Promise<void>;
};

function connectionFor({ address, db }: AlarmClockOptions, isBlocking: boolean): ConnectionOptions {
  // A worker waits for the store for ever; whoever adds a job is told at once that it is away.
  const common = { maxRetriesPerRequest: isBlocking ? null : 1, enableOfflineQueue: isBlocking };
  if (address.kind === "socket")
    return { path: address.socketPath, ...(db === undefined ? {} : { db }), ...common };
  if (address.isCluster)
    return new Cluster([...address.urls], { redisOptions: { maxRetriesPerRequest: null } });
  return { url: address.urls[0], ...(db === undefined ? {} : { db }), ...common };
}

/**
 * BullMQ as alarm clock: schedulers wake one of the workers for each duty, a wake-up for one subject is a job. It
 * holds no truth: a lost, doubled or late job does no harm. A worker that is not woken (the queue was wiped, its
 * connection hangs) begins its duties by itself and puts the schedulers back.
 */
export async function openAlarmClock(options: AlarmClockOptions): Promise<OpenAlarmClock> {
  const { log, work } = options;
  const queue = new Queue(queueName, {
    connection: connectionFor(options, false),
    prefix,
    defaultJobOptions: kept,
    // Nobody listens to them, and the trial store copies a whole stream at each write.
    streams: { events: { maxLen: 10 } },
  });
  queue.on("error", (error) => log.debug({ err: error }, "alarm clock connection"));
  const runners = work && makeRunners(work, log);
  const worker = runners && startWorker(options, runners);
  if (runners) await putSchedulers(queue, log);
  const watch = runners && setInterval(() => void beginMissed(runners, queue, log), 250);
  const pending = new Set<string>();

  function add(duty: Duty, subject: string | undefined): void {
    // Journal lines come with every commit; their own short interval is soon enough.
    if (duty === "relay") return;
    const key = `${duty} ${subject ?? ""}`;
    if (pending.has(key)) return;
    pending.add(key);
    setTimeout(() => {
      pending.delete(key);
      queue.add(duty, subject === undefined ? {} : { subject }).catch((error: unknown) => {
        log.debug({ err: error, duty, subject }, "wake-up lost");
      });
    }, coalesceMs);
  }

  return {
    wake: (duty, subject) => {
      if (runners) void runners[duty].run(subject);
      else add(duty, subject);
    },
    sinceBeganMs: (duty) => runners && performance.now() - runners[duty].lastBeganMs(),
    close: async () => {
      clearInterval(watch);
      await Promise.all(runners ? duties.map((duty) => runners[duty].stop()) : []);
      await worker?.close();
      await queue.close();
    },
  };
}

function makeRunners(work: Readonly<Record<Duty, DutyRun>>, log: Logger): Record<Duty, DutyRunner> {
  const entries = duties.map((duty) => {
    const onError = (error: unknown) => log.error({ err: error, duty }, "duty failed");
    return [duty, makeDutyRunner(work[duty], onError)] as const;
  });
  return Object.fromEntries(entries) as Record<Duty, DutyRunner>;
}

function startWorker(options: AlarmClockOptions, runners: Record<Duty, DutyRunner>): Worker {
  const worker = new Worker(
    queueName,
    async ({ name, data }: { name: string; data: { subject?: string } }) => {
      const runner = (runners as Readonly<Record<string, DutyRunner>>)[name];
      await runner?.run(data.subject);
    },
    {
      connection: connectionFor(options, true),
      prefix,
      concurrency: 8,
      // A worker that stands still must not hold a job for long: another one takes it over.
      lockDuration: 5000,
      stalledInterval: 2000,
      maxStalledCount: 100,
    },
  );
  worker.on("error", (error) => options.log.debug({ err: error }, "worker connection"));
  return worker;
}

async function putSchedulers(queue: Queue, log: Logger): Promise<void> {
  try {
    await Promise.all(
      duties.map((duty) =>
        queue.upsertJobScheduler(duty, { every: dutyIntervalsMs[duty] }, { name: duty, opts: kept }),
      ),
    );
  } catch (error) {
    log.debug({ err: error }, "schedulers not put");
  }
}

async function beginMissed(runners: Record<Duty, DutyRunner>, queue: Queue, log: Logger): Promise<void> {
  const now = performance.now();
  const missed = duties.filter(
    (duty) => now - runners[duty].lastBeganMs() > dutyIntervalsMs[duty] * missedIntervals,
  );
  if (missed.length === 0) return;
  for (const duty of missed) void runners[duty].run();
  await putSchedulers(queue, log);
}
