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

/** Where a list goes on: after this device; of the device `within` after this deployment's seq, if it is still there. */
export const updatePositionSchema = z.strictObject({
  after: z.string().optional(),
  within: z.strictObject({ identity: z.string(), seq: z.int() }).optional(),
});
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
  /** Devices in order, with all their updates: members of the one deployment that is asked for, else all. */
  async function devicesAfter(
    productId: string,
    filter: UpdateFilter,
    after: string | undefined,
    limit: number,
  ): Promise<{ loaded: readonly LoadedDevice[]; next?: string }> {
    const [only, ...more] = filter.deploymentId ?? [];
    const page = { ...(after === undefined ? {} : { after }), limit };
    if (only === undefined || more.length > 0) {
      const { rows, next } = await devices.list(productId, {}, { ...page, past: true });
      return next === undefined ? { loaded: rows } : { loaded: rows, next };
    }
    const states = filter.state ? { states: filter.state } : {};
    const { refs, next } = await devices.membersByIdentity(only, productId, { ...page, ...states });
    const found = await devices.loadMany(refs, { past: true });
    const loaded = found.filter((each) => each !== undefined);
    return next === undefined ? { loaded } : { loaded, next };
  }

  async function list(
    productId: string,
    filter: UpdateFilter,
    page: { readonly position: UpdatePosition; readonly limit: number },
  ): Promise<UpdatePage> {
    const items: UpdateRow[] = [];
    let { after } = page.position;
    const { within } = page.position;
    // Mostly each device has one of them; where a filter lets few through, more are looked at.
    let chunk = Math.min(scanChunk, page.limit + 1);
    for (let scanned = 0; scanned < scanMax; scanned += chunk, chunk = scanChunk) {
      const { loaded, next } = await devicesAfter(productId, filter, after, chunk);
      for (const each of loaded) {
        const { identity } = each.device;
        let shownSeq = within?.identity === identity ? within.seq : 0;
        for (const row of rowsOf(each)) {
          if (row.deployment.seq <= shownSeq || !matches(row, filter)) continue;
          if (items.length === page.limit) {
            return { items, next: positionAt(after, identity, shownSeq) };
          }
          items.push(row);
          shownSeq = row.deployment.seq;
        }
        after = identity;
      }
      if (next === undefined) return { items };
      after = next;
    }
    return { items, next: positionAt(after) };
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

function positionAt(after: string | undefined, identity = "", seq = 0): UpdatePosition {
  return { ...(after === undefined ? {} : { after }), ...(seq === 0 ? {} : { within: { identity, seq } }) };
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
