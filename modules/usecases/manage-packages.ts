import { Readable } from "node:stream";
import { OtauError } from "../errors.ts";
import { readOtauInfo } from "../otau/package.ts";
import { otauInfoTextFromBody } from "../otau/package-body.ts";
import type { PackageRules } from "../otau/package-payload.ts";
import type { Actor } from "../otau/vocabulary.ts";
import { isFinalState } from "../otau/vocabulary.ts";
import type { makeManageContent } from "./manage-content.ts";
import { type PackageView, rememberPackages, toPackageView } from "./package-view.ts";
import type { AlarmClock, ContentRecord, ContentStore, DeviceRef, DeviceStore } from "./ports.ts";
import type { StatedPrecondition } from "./preconditions.ts";
import type { makeSteerDeployment } from "./steer-deployment.ts";

const scanChunk = 200;
/** Most packages one request looks at while it filters; the cursor goes on from there. */
const scanMax = 5000;

export type PackageDeps = {
  readonly content: ContentStore;
  readonly manageContent: ReturnType<typeof makeManageContent>;
  readonly devices: DeviceStore;
  readonly steer: Pick<ReturnType<typeof makeSteerDeployment>, "change">;
  readonly rules: PackageRules;
  readonly alarm: AlarmClock;
};

export type PackageFilter = {
  readonly vendor?: readonly string[] | undefined;
  readonly product?: readonly string[] | undefined;
  readonly type?: readonly string[] | undefined;
  readonly version?: readonly string[] | undefined;
  readonly state?: readonly PackageView["state"][] | undefined;
  readonly q?: string | undefined;
};

const filterNames = ["vendor", "product", "type", "version", "state", "q"] as const;

type PackagePage = { readonly before?: number; readonly limit: number };
/** `next` is the position to go on from; it may be given with few records when a filter finds little. */
type FoundPackages = { readonly records: readonly ContentRecord[]; readonly next?: number };

type PutPackage = {
  readonly productId: string;
  readonly id: string;
  /** The request's body as it was sent: what is in it goes to devices to the letter. */
  readonly bodyText: string;
  readonly precondition: StatedPrecondition;
  readonly actor: Actor;
};

/** Packages: listed, registered, withdrawn and restored. */
export function makeManagePackages(deps: PackageDeps) {
  const { content, devices, rules } = deps;
  const readingOf = rememberPackages(rules);

  async function view(record: ContentRecord): Promise<PackageView> {
    const open = await content.openDeployments(record.productId, record.id);
    return toPackageView(record, open.length > 0, readingOf(record));
  }

  /** What the list shows of the records; `show` is told whether the package is in use. */
  async function shown<Shown>(
    productId: string,
    { records, next }: FoundPackages,
    show: (record: ContentRecord, inUse: boolean) => Shown,
  ): Promise<{ items: Shown[]; next?: number }> {
    const ids = records.map(({ id }) => id);
    const used = await content.packagesInUse(productId, ids);
    const items = records.map((record) => show(record, used.has(record.id)));
    return next === undefined ? { items } : { items, next };
  }

  const shownTexts = new WeakMap<ContentRecord, { readonly inUse: boolean; readonly text: string }>();
  /** The JSON of a package's view; the store gives the same record again as long as nothing changed. */
  function textOf(record: ContentRecord, inUse: boolean): string {
    const known = shownTexts.get(record);
    if (known?.inUse === inUse) return known.text;
    const text = JSON.stringify(toPackageView(record, inUse, readingOf(record)));
    shownTexts.set(record, { inUse, text });
    return text;
  }

  /** Newest first. */
  async function find(productId: string, filter: PackageFilter, page: PackagePage): Promise<FoundPackages> {
    const records: ContentRecord[] = [];
    let before = page.before;
    let next: number | undefined;
    // Without a filter every one counts; with one more are looked at.
    const isFiltered = filterNames.some((name) => filter[name] !== undefined);
    const chunk = isFiltered ? scanChunk : page.limit + 1;
    for (let scanned = 0; scanned < scanMax; scanned += chunk) {
      const read = await content.listPackages(productId, {
        limit: chunk,
        ...(before === undefined ? {} : { before }),
      });
      for (const record of read.items) {
        if (isFiltered && !matches(toPackageView(record, false, readingOf(record)), filter)) continue;
        if (records.length === page.limit) {
          return { records, next: records.at(-1)?.seq ?? record.seq + 1 };
        }
        records.push(record);
      }
      next = read.next;
      before = next;
      if (next === undefined) break;
    }
    return next === undefined ? { records } : { records, next };
  }

  /** Packages as the app API shows them, newest first; `next` as in {@link FoundPackages}. */
  const list = async (productId: string, filter: PackageFilter, page: PackagePage) =>
    shown(productId, await find(productId, filter, page), (record, inUse) =>
      toPackageView(record, inUse, readingOf(record)),
    );
  /** The same, each as its JSON text. */
  const listTexts = async (productId: string, filter: PackageFilter, page: PackagePage) =>
    shown(productId, await find(productId, filter, page), textOf);

  async function put(input: PutPackage): Promise<{ view: PackageView; created: boolean }> {
    const body = otauInfoTextFromBody(input.bodyText);
    if (!body.ok) {
      throw new OtauError("INVALID_INPUT", `The body is not valid: ${body.problems[0]?.message}.`, {
        errors: body.problems,
      });
    }
    const reading = readOtauInfo(body.text, rules);
    if (!reading.valid) {
      const errors = reading.problems.map(({ path, message }) => ({ path: `/otau_info${path}`, message }));
      throw new OtauError(
        "INVALID_PACKAGE",
        `Package ${input.id} is not valid: ${errors[0]?.path}: ${errors[0]?.message}.`,
        { errors },
      );
    }
    const { record, created } = await deps.manageContent.upload({
      productId: input.productId,
      id: input.id,
      type: "application/json",
      tags: { otau_info: body.text },
      bytes: Readable.from([]),
      precondition: input.precondition,
      byTextAlone: true,
      actor: input.actor,
    });
    return { view: await view(record), created };
  }

  /**
   * Blocks new applies at once; no attempt is repeated any more. With `stop` the updates that a device has not begun
   * end as well, in chunks.
   */
  async function withdraw(
    productId: string,
    id: string,
    input: { reason: string; stop: boolean },
    actor: Actor,
  ): Promise<PackageView> {
    const record = await setWithdrawn(productId, id, { reason: input.reason }, actor);
    if (input.stop) await stopDeployments(productId, id, actor);
    return view(record);
  }

  async function setWithdrawn(
    productId: string,
    id: string,
    withdrawn: { reason: string } | undefined,
    actor: Actor,
  ): Promise<ContentRecord> {
    await deps.manageContent.getPackage(productId, id);
    const changed = await content.setWithdrawn(productId, id, withdrawn, actor);
    if (changed === undefined)
      throw new OtauError("NOT_FOUND", `There is no package ${id} in product ${productId}.`);
    for (const { deploymentId, generation } of changed.fenced) {
      await devices.fence(deploymentId, productId, generation);
    }
    return changed.record;
  }

  async function stopDeployments(productId: string, id: string, actor: Actor): Promise<void> {
    for (const deploymentId of await content.openDeployments(productId, id)) {
      await deps.steer.change({ productId, deploymentId, actor }, (present) =>
        present.sweeping === undefined
          ? { sweeping: { reason: "WITHDRAWN", onlyIn: ["waiting", "sent", "retrying"] }, joining: null }
          : undefined,
      );
    }
  }

  async function restore(productId: string, id: string, actor: Actor): Promise<PackageView> {
    return view(await setWithdrawn(productId, id, undefined, actor));
  }

  /** Packages that can be applied to a device now: valid, not withdrawn, newest first. */
  async function applicableTo(ref: DeviceRef, page: { readonly before?: number; readonly limit: number }) {
    const loaded = await devices.load(ref);
    if (loaded === undefined)
      throw new OtauError("NOT_FOUND", `There is no device ${ref.identity} in product ${ref.productId}.`);
    const read = await list(ref.productId, { state: ["available"] }, page);
    const under = new Set(
      loaded.device.updates
        .filter(({ state }) => !isFinalState(state))
        .map(({ deploymentId }) => loaded.deployments.get(deploymentId)?.packageId),
    );
    const items = read.items
      .filter(({ valid }) => valid)
      .map((item) => ({
        ...item,
        installed: versionOf(item) !== undefined && versionOf(item) === loaded.device.installedVersion,
        updating: under.has(item.id),
      }));
    return { items, ...(read.next === undefined ? {} : { next: read.next }) };
  }

  return { view, list, listTexts, put, withdraw, restore, applicableTo };
}

const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;

const versionOf = (item: PackageView): unknown => field(field(item.otau_info, "config_otau"), "version");

function matches(item: PackageView, filter: PackageFilter): boolean {
  const isIn = (wanted: readonly string[] | undefined, value: unknown) =>
    wanted === undefined || (typeof value === "string" && wanted.includes(value));
  const config = field(item.otau_info, "config_otau");
  const [version, name] = [versionOf(item), field(config, "name")];
  const q = filter.q?.toLowerCase();
  return (
    isIn(filter.vendor, field(item.otau_info, "vendor")) &&
    isIn(filter.product, field(item.otau_info, "product")) &&
    isIn(filter.type, field(config, "type")) &&
    isIn(filter.version, version) &&
    isIn(filter.state, item.state) &&
    (q === undefined ||
      [item.id, name, version].some((value) => typeof value === "string" && value.toLowerCase().includes(q)))
  );
}
