import { isWanted, type LineFilter, type ReadLine, readLine } from "./journal-line.ts";
import type {
  Delivery,
  Journal,
  Leases,
  SendSigned,
  WebhookHead,
  WebhookRecord,
  WebhookStore,
} from "./ports.ts";

/** Pauses between attempts; the last one goes on. */
const pausesMs = [1000, 5000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 7_200_000] as const;
const jitter = 0.1;
/** So long an event is repeated. */
const givenUpAfterMs = 86_400_000;
/** One that waited behind others for longer than that still gets so many attempts. */
const attemptsMin = 3;
const linesPerRead = 200;
/** Longer than one delivery may take; renewed before each. */
const leaseMs = 30_000;
const errorMax = 500;

export type DeliverWebhooksDeps = {
  readonly webhooks: WebhookStore;
  readonly journal: Pick<Journal, "texts" | "newest">;
  readonly leases: Leases;
  readonly send: SendSigned;
  /** Time by the store's clock. */
  readonly now: () => number;
  readonly random: () => number;
  /** Names this process among those that share the store. */
  readonly holder: string;
  readonly log: { warn(fields: object, message: string): void };
};

/** What is to be delivered next. */
type Item = { readonly number: number; readonly type: string; readonly text: string; readonly dueAt: number };

/**
 * Carries events to webhooks, each at its own pace and in the order of the journal: an event that is refused is
 * repeated for a day, and those after it wait. The place is stored after each 2xx, so that a crash repeats at most one.
 */
export function makeDeliverWebhooks(deps: DeliverWebhooksDeps) {
  const { webhooks, journal, leases } = deps;
  const running = new Map<string, Promise<void>>();
  let isStopped = false;

  /** Sees to it that each webhook with something to do is at work here or elsewhere; does not wait for their ends. */
  async function deliverAll(): Promise<void> {
    for (const productId of await webhooks.products()) {
      const records = await webhooks.list(productId);
      if (records.length === 0) continue;
      const newest = await journal.newest(productId);
      await Promise.all(records.map((record) => begin(record, newest)));
    }
  }

  async function begin(record: WebhookRecord, newest: number): Promise<void> {
    const name = `webhook/${record.productId}/${record.id}`;
    if (isStopped || running.has(name)) return;
    const { position, head, replay } = await webhooks.progress(record.productId, record.id);
    const isDue = head === undefined ? replay !== undefined || newest > position : head.nextAt <= deps.now();
    if (!isDue || isStopped || running.has(name)) return;
    const run = work(record, name)
      .catch((error: unknown) => {
        deps.log.warn({ err: error, webhookId: record.id }, "a webhook's deliveries were cut off");
      })
      .finally(() => running.delete(name));
    running.set(name, run);
  }

  async function work(record: WebhookRecord, lease: string): Promise<void> {
    if ((await leases.acquire(lease, deps.holder, leaseMs)) === undefined) return;
    try {
      while (!isStopped && (await leases.renew(lease, deps.holder, leaseMs))) {
        // Changed or deleted meanwhile.
        const present = await webhooks.get(record.productId, record.id);
        if (present === undefined || !(await step(present))) return;
      }
    } finally {
      await leases.release(lease, deps.holder);
    }
  }

  /** One delivery, or lines that nobody wants are passed. False when there is nothing to do for now. */
  async function step(record: WebhookRecord): Promise<boolean> {
    const { productId, id } = record;
    const { position, head, replay } = await webhooks.progress(productId, id);
    if (head !== undefined) {
      if (head.nextAt > deps.now()) return false;
      return deliver(record, await itemOf(record, head.number, head.dueAt), head);
    }
    if (replay !== undefined) return deliver(record, await itemOf(record, replay, deps.now()), undefined);
    const lines = (await journal.texts(productId, position, linesPerRead)).map(readLine);
    const filter = filterOf(record);
    let passed = position;
    for (const line of lines) {
      if (isStopped) return false;
      if (!isWanted(filter, line)) {
        passed = line.number;
        continue;
      }
      if (!(await deliver(record, newItem(line), undefined))) return false;
      passed = 0;
    }
    if (passed > position) await webhooks.pass(record, passed);
    return lines.length > 0;
  }

  /** What is delivered anew or once more; a line that is gone is told as such. */
  async function itemOf(record: WebhookRecord, number: number, dueAt: number): Promise<Item> {
    const kept = await webhooks.delivery(record.productId, record.id, number);
    if (kept?.text !== undefined) return { number, type: kept.type, text: kept.text, dueAt };
    const [text] = await journal.texts(record.productId, number - 1, 1);
    const line = text === undefined ? undefined : readLine(text);
    if (line?.number !== number) return { number, type: kept?.type ?? "unknown", text: "", dueAt };
    return { number, type: line.type, text: line.text, dueAt };
  }

  /** One attempt. False when what follows has to wait. */
  async function deliver(record: WebhookRecord, item: Item, head: WebhookHead | undefined): Promise<boolean> {
    const { url, secret } = record;
    const { text, ...named } = item;
    const result =
      text === ""
        ? { error: "the line is no longer kept" }
        : await deps.send({ url, secret, id: String(item.number), body: text });
    const { status, error, retryAfterMs = 0 } = result;
    const lastAt = deps.now();
    const attempts = (head?.attempts ?? 0) + 1;
    const said = {
      ...(status === undefined ? {} : { status }),
      ...(error === undefined ? {} : { error: error.slice(0, errorMax) }),
    };
    const over: Omit<Delivery, "state"> = { ...named, attempts, lastAt, ...said };
    if (status !== undefined && status >= 200 && status < 300) {
      return webhooks.settle(record, { ...over, state: "delivered" });
    }
    const isGivenUp = lastAt - item.dueAt >= givenUpAfterMs && attempts >= attemptsMin;
    if (isGivenUp || text === "") {
      deps.log.warn(
        { webhookId: record.id, event: item.number, attempts, ...said },
        "a webhook's event is dead",
      );
      return webhooks.settle(record, { ...over, state: "dead", ...(text === "" ? {} : { text }) });
    }
    const nextAt = lastAt + Math.max(retryAfterMs, pauseOf(attempts));
    await webhooks.keepHead(record, {
      number: item.number,
      attempts,
      dueAt: item.dueAt,
      lastAt,
      nextAt,
      ...said,
    });
    return false;
  }

  function pauseOf(attempts: number): number {
    const pause = pausesMs[Math.min(attempts, pausesMs.length) - 1] ?? pausesMs[0];
    return Math.round(pause * (1 + jitter * (2 * deps.random() - 1)));
  }

  /** Begins nothing any more and waits for the deliveries that are on their way. */
  async function close(): Promise<void> {
    isStopped = true;
    await Promise.all(running.values());
  }

  return { deliverAll, close };
}

const newItem = ({ number, type, text, at }: ReadLine): Item => ({
  number,
  type,
  text,
  dueAt: Date.parse(at),
});

const filterOf = ({ types, deploymentId }: WebhookRecord): LineFilter => ({
  types,
  deploymentId: deploymentId === undefined ? undefined : [deploymentId],
});
