import type { UpdateState } from "../../otau/vocabulary.ts";
import type { DeviceFilter, DeviceRef, LoadedDevice } from "../../usecases/ports.ts";
import { memberKeys } from "./deployment-members.ts";
import { conditionsOf } from "./device-filter.ts";
import { loadDevices, type StoredDevices } from "./device-load.ts";
import { walkIdentities } from "./device-walk.ts";
import type { StoreContext } from "./store-context.ts";

/** Where a list goes on, and how much of it is wanted. */
export type Page = { readonly after?: string; readonly limit: number };

/** Identities of the devices that match, in their order. */
export async function filterIdentities(
  context: StoreContext,
  productId: string,
  filter: DeviceFilter,
  { after, limit }: Page,
): Promise<{ identities: string[]; next?: string }> {
  return await walkIdentities(
    context,
    {
      productId,
      conditions: (shard) => conditionsOf(context, shard, productId, filter),
      ...(filter.q === undefined ? {} : { prefix: filter.q }),
      ...(after === undefined ? {} : { after }),
    },
    limit,
  );
}

/** Devices that match, read one by one: one that was deleted meanwhile is left out. */
export async function listDevices(
  context: StoreContext,
  stored: StoredDevices,
  productId: string,
  filter: DeviceFilter,
  page: Page & { readonly past?: boolean },
): Promise<{ rows: LoadedDevice[]; next?: string }> {
  const { identities, next } = await filterIdentities(context, productId, filter, page);
  const refs = identities.map((identity) => ({ productId, identity }));
  const loaded = await loadDevices(context, stored, refs, { past: page.past === true });
  const rows = loaded.filter((row) => row !== undefined);
  return next === undefined ? { rows } : { rows, next };
}

/** Members of a deployment in the order of their identities. */
export async function listMembers(
  context: StoreContext,
  deploymentId: string,
  productId: string,
  { states, after, limit }: Page & { readonly states?: readonly UpdateState[] },
): Promise<{ refs: DeviceRef[]; next?: string }> {
  const { identities, next } = await walkIdentities(
    context,
    {
      productId,
      conditions: async (shard) => [
        { positive: true, sets: memberKeys(context, shard, deploymentId, states) },
      ],
      ...(after === undefined ? {} : { after }),
    },
    limit,
  );
  const refs = identities.map((identity) => ({ productId, identity }));
  return next === undefined ? { refs } : { refs, next };
}
