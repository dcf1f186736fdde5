import { z } from "zod";
import type { Reason, UpdateState } from "../otau/vocabulary.ts";
import type { DeviceRef, DeviceStore, LoadedDevice, UpdateRow } from "./ports.ts";

const scanChunk = 200;
/** Most devices one request looks at while it filters; its cursor goes on from there. */
const scanMax = 4000;

export type UpdateFilter = {
  readonly state?: readonly UpdateState[] | undefined;
  readonly reason?: readonly Reason[] | undefined;
  readonly packageId?: readonly string[] | undefined;
  readonly deploymentId?: readonly string[] | undefined;
  readonly q?: string | undefined;
};

/** Where a list goes on: after this device, and within the next one after this deployment's seq. */
export const updatePositionSchema = z.strictObject({ after: z.string().optional(), seq: z.int().optional() });
export type UpdatePosition = Readonly<z.infer<typeof updatePositionSchema>>;
export type UpdatePage = { readonly items: readonly UpdateRow[]; readonly next?: UpdatePosition };

/** Updates of a loaded device, oldest deployment first. */
export function rowsOf(loaded: LoadedDevice): UpdateRow[] {
  return loaded.device.updates
    .flatMap((update) => {
      const deployment = loaded.deployments.get(update.deploymentId);
      return deployment ? [{ device: loaded.device, update, deployment }] : [];
    })
    .toSorted((a, b) => a.deployment.seq - b.deployment.seq);
}

/** Lists of updates by identity, over a deployment or over all of a product. */
export function makeListUpdates({ devices }: { readonly devices: DeviceStore }) {
  /** Devices in order: members of the one deployment that is asked for, else all. */
  async function refsAfter(
    productId: string,
    filter: UpdateFilter,
    after: string | undefined,
  ): Promise<{ refs: readonly DeviceRef[]; next?: string }> {
    const [only, ...more] = filter.deploymentId ?? [];
    const page = { ...(after === undefined ? {} : { after }), limit: scanChunk };
    if (only !== undefined && more.length === 0) {
      return devices.membersByIdentity(only, productId, {
        ...page,
        ...(filter.state ? { states: filter.state } : {}),
      });
    }
    const { rows, next } = await devices.list(productId, {}, page);
    const refs = rows.map(({ device }) => ({ productId, identity: device.identity }));
    return next === undefined ? { refs } : { refs, next };
  }

  async function list(
    productId: string,
    filter: UpdateFilter,
    page: { readonly position: UpdatePosition; readonly limit: number },
  ): Promise<UpdatePage> {
    const items: UpdateRow[] = [];
    let { after, seq } = page.position;
    for (let scanned = 0; scanned < scanMax; scanned += scanChunk) {
      const { refs, next } = await refsAfter(productId, filter, after);
      for (const [index, loaded] of (await devices.loadMany(refs, { past: true })).entries()) {
        const isResumed = scanned === 0 && index === 0 && seq !== undefined;
        const rows = loaded === undefined ? [] : rowsOf(loaded).filter((row) => matches(row, filter));
        for (const row of rows) {
          if (isResumed && row.deployment.seq <= (seq ?? 0)) continue;
          if (items.length === page.limit) return { items, next: { after, seq } };
          items.push(row);
          seq = row.deployment.seq;
        }
        after = refs[index]?.identity;
        seq = undefined;
      }
      if (next === undefined) return { items };
      after = next;
    }
    return { items, next: { after } };
  }

  /** Updates of one device, newest first. Undefined when it does not exist. */
  async function ofDevice(
    ref: DeviceRef,
    page: { readonly before?: number; readonly limit: number },
  ): Promise<{ items: UpdateRow[]; next?: number } | undefined> {
    const loaded = await devices.load(ref, { past: true });
    if (loaded === undefined) return undefined;
    const rows = rowsOf(loaded)
      .toReversed()
      .filter(({ deployment }) => deployment.seq < (page.before ?? Number.POSITIVE_INFINITY));
    const items = rows.slice(0, page.limit);
    const last = items.at(-1);
    return rows.length > items.length && last ? { items, next: last.deployment.seq } : { items };
  }

  return { list, ofDevice };
}

function matches({ device, update, deployment }: UpdateRow, filter: UpdateFilter): boolean {
  const q = filter.q?.toLowerCase();
  return (
    (filter.state?.includes(update.state) ?? true) &&
    (filter.reason === undefined || (update.reason !== undefined && filter.reason.includes(update.reason))) &&
    (filter.packageId?.includes(deployment.packageId) ?? true) &&
    (filter.deploymentId?.includes(deployment.id) ?? true) &&
    (q === undefined ||
      device.identity.toLowerCase().startsWith(q) ||
      [deployment.packageId, deployment.name, deployment.version].some((text) =>
        text.toLowerCase().includes(q),
      ))
  );
}
