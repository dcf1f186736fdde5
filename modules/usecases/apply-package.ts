import { OtauError } from "../errors.ts";
import type { Limits } from "../otau/model.ts";
import { readOtauInfo } from "../otau/package.ts";
import type { PackageRules } from "../otau/package-payload.ts";
import { readTagText } from "../otau/package-tag.ts";
import { resolveRetry, resolveTimeouts } from "../otau/policy.ts";
import { countMembers, placeWaves, type WantedWave, waveSizes } from "../otau/rollout-waves.ts";
import type { Calendar } from "../otau/rollout-windows.ts";
import { emptyTotals } from "../otau/totals.ts";
import type { Actor } from "../otau/vocabulary.ts";
import { type ApplyBody, applyDevicesMax, filterOfTarget } from "./apply-options.ts";
import { refuseWindows, stagesOf } from "./apply-rollout.ts";
import { refuseMissingContent } from "./content-links.ts";
import { type DeploymentView, toDeploymentView } from "./deployment-view.ts";
import { type DryRunReply, makeForeseeApply } from "./foresee-apply.ts";
import { guardDowngrades } from "./guard-downgrades.ts";
import type {
  AlarmClock,
  ContentRecord,
  ContentStore,
  DeploymentDraft,
  DeploymentRecord,
  DeploymentStore,
  DeviceFilter,
  DeviceStore,
  IdempotencyStore,
} from "./ports.ts";
import type { ProductSettingsOf } from "./product-settings.ts";

/** Refused devices that an answer names. */
const identitiesShownMax = 100;
const chunk = 1000;
/** A target of more devices is frozen, and its members are stored after the answer. */
const storedAtOnceMax = 1000;

export type ApplyDeps = {
  readonly devices: DeviceStore;
  readonly deployments: DeploymentStore;
  readonly content: ContentStore;
  readonly idempotency: IdempotencyStore;
  readonly settingsOf: ProductSettingsOf;
  readonly limitsOf: (productId: string) => Promise<Limits>;
  readonly rules: PackageRules;
  readonly calendar: Calendar;
  readonly newId: () => string;
  readonly alarm: AlarmClock;
  readonly failPoint: (name: string) => void;
};

export type ApplyInput = {
  readonly productId: string;
  readonly packageId: string;
  readonly body: ApplyBody;
  readonly actor: Actor;
  /** Under which key the answer is kept, and the digest of the request it belongs to. */
  readonly idempotency?: { readonly record: string; readonly digest: string };
};

export type ApplyReply = {
  readonly deployment: DeploymentView;
  readonly unknown?: { readonly count: number; readonly identities: readonly string[] };
};
export type Applied =
  | { readonly kind: "accepted"; readonly reply: ApplyReply }
  | { readonly kind: "dryRun"; readonly reply: DryRunReply };

/** Whom an apply means: by name, or too many for that. */
type Members = {
  readonly identities: readonly string[];
  readonly unknown: readonly string[];
  readonly total: number;
  readonly frozen?: DeviceFilter;
};

/** Brings a package to devices: answers when every update is stored and will reach a final state. */
export function makeApplyPackage(deps: ApplyDeps) {
  const { devices, deployments, content, idempotency } = deps;
  const foresee = makeForeseeApply(deps);

  async function applicable(productId: string, packageId: string): Promise<ContentRecord> {
    const item = await content.get(productId, packageId);
    if (item === undefined) {
      throw new OtauError("NOT_FOUND", `There is no package ${packageId} in product ${productId}.`);
    }
    if (item.withdrawn) {
      throw new OtauError(
        "PACKAGE_WITHDRAWN",
        `Package ${packageId} is withdrawn (${item.withdrawn.reason}); restore it first.`,
      );
    }
    return item;
  }

  async function listed(productId: string, body: ApplyBody): Promise<Members> {
    if (body.devices === undefined) return matching(productId, body);
    const wanted = [...new Set(body.devices)];
    if (wanted.length > applyDevicesMax) {
      throw new OtauError(
        "TOO_LARGE",
        `An apply takes at most ${applyDevicesMax} devices, not ${wanted.length}; use a target.`,
      );
    }
    const unknown = await devices.unknown(productId, wanted);
    if (unknown.length > 0 && body.onUnknown !== "skip") {
      throw new OtauError(
        "UNKNOWN_DEVICES",
        `${unknown.length} of ${wanted.length} devices do not exist in product ${productId}; create them, or send "onUnknown": "skip".`,
        { identities: unknown.slice(0, identitiesShownMax), count: unknown.length },
      );
    }
    const missing = new Set(unknown);
    const identities = wanted.filter((identity) => !missing.has(identity));
    return { identities, unknown, total: identities.length };
  }

  async function matching(productId: string, body: ApplyBody): Promise<Members> {
    const filter = filterOfTarget(body.target ?? {});
    const total = await devices.count(productId, filter);
    if (total > storedAtOnceMax && !body.options?.dryRun)
      return { identities: [], unknown: [], total, frozen: filter };
    const identities: string[] = [];
    let after: string | undefined;
    do {
      const page = await devices.targetMembers(productId, filter, after, chunk);
      identities.push(...page.identities);
      after = page.next;
    } while (after !== undefined);
    return { identities, unknown: [], total: identities.length };
  }

  async function draftOf(
    input: ApplyInput,
    item: ContentRecord,
    id: string,
    total: number,
  ): Promise<DeploymentDraft> {
    const tag = item.tags["otau_info"] ?? "";
    const reading = readOtauInfo(tag, deps.rules);
    if (!reading.valid) {
      const [first] = reading.problems;
      throw new OtauError(
        "PACKAGE_INVALID",
        `Package ${item.id} is not valid: ${first ? [first.path, first.message].filter(Boolean).join(": ") : "it has no readable otau_info"}.`,
        { errors: reading.problems },
      );
    }
    const { productId } = input;
    await refuseMissingContent(content, { productId, packageId: item.id, configText: reading.configText });
    const settings = await deps.settingsOf(input.productId);
    const options = input.body.options ?? {};
    const now = await devices.now();
    refuseWindows(deps.calendar, options.rollout?.windows ?? [], now);
    const startAt = options.startAt ? Date.parse(options.startAt) : undefined;
    const expiresAt = options.expiresAt ? Date.parse(options.expiresAt) : undefined;
    if (expiresAt !== undefined && expiresAt <= Math.max(now, startAt ?? 0)) {
      throw new OtauError(
        "INVALID_INPUT",
        `expiresAt ${options.expiresAt} lies before the start; name a later time.`,
        {
          errors: [{ path: "/options/expiresAt", message: "must lie after now and after startAt" }],
        },
      );
    }
    const text = readTagText(tag);
    return {
      id,
      productId: input.productId,
      packageId: item.id,
      packageRevision: item.revision,
      version: reading.config.version,
      name: reading.config.name,
      source: "apply",
      configText: reading.configText,
      otauInfoText: text.ok ? text.text : "",
      timeouts: resolveTimeouts(settings.timeouts, options.timeouts),
      retry: resolveRetry(settings.retry, options.retry),
      confirm: options.confirm ?? settings.confirm ?? "required",
      force: options.force ?? false,
      onActive: options.onActive ?? "supersede",
      ...(settings.downgrade === "skip" && !options.allowDowngrade
        ? { downgrade: await guardDowngrades(content, item) }
        : {}),
      createdAt: now,
      createdBy: input.actor.id,
      state: startAt !== undefined && startAt > now ? "scheduled" : "running",
      ...(startAt === undefined ? {} : { startAt }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...stagesOf(options.rollout, settings.approval),
      ...(options.rollout?.joinLater && input.body.target
        ? { joining: true as const, target: filterOfTarget(input.body.target) }
        : {}),
      ...(options.rollout?.maxConcurrent ? { maxConcurrent: options.rollout.maxConcurrent } : {}),
      ...(options.rollout?.ratePerMinute ? { ratePerMinute: options.rollout.ratePerMinute } : {}),
      expectedTotal: total,
      resolving: false,
      options,
    };
  }

  /** Stores the members, or who they are to be; answers how many that is, and the waves' boundaries among them. */
  async function enrolled(draft: DeploymentDraft, members: Members, wanted: readonly WantedWave[] = [100]) {
    const { id, productId, expiresAt } = draft;
    const wavesIn = (
      sizes: ReturnType<typeof waveSizes>,
      bits: readonly Uint8Array[],
    ): Pick<DeploymentDraft, "waves"> => (sizes.length > 1 ? { waves: placeWaves(sizes, bits) } : {});
    if (members.frozen === undefined) {
      await devices.enrol(id, productId, members.identities, expiresAt);
      const sizes = waveSizes(wanted, members.total);
      return wavesIn(sizes, sizes.length > 1 ? await devices.memberBits(id) : []);
    }
    const bits = await devices.freezeTarget(id, productId, members.frozen);
    const expectedTotal = countMembers(bits);
    if (expectedTotal === 0) throw emptyTarget();
    return { expectedTotal, resolving: true, ...wavesIn(waveSizes(wanted, expectedTotal), bits) };
  }

  async function accept(draft: DeploymentDraft, members: Members, input: ApplyInput): Promise<ApplyReply> {
    const replyOf = (record: DeploymentRecord): ApplyReply => ({
      deployment: toDeploymentView(record, {
        ...emptyTotals(),
        waiting: members.identities.length,
        total: members.identities.length,
      }),
      ...(members.unknown.length > 0
        ? {
            unknown: {
              count: members.unknown.length,
              identities: members.unknown.slice(0, identitiesShownMax),
            },
          }
        : {}),
    });
    await deployments.prepare(draft.productId, draft.id);
    deps.failPoint("accept:prepared");
    const stored = await enrolled(draft, members, input.body.options?.rollout?.waves);
    deps.failPoint("accept:enrolled");
    const record = await deployments.accept(
      { ...draft, ...stored },
      input.idempotency
        ? { ...input.idempotency, reply: (stored) => JSON.stringify(replyOf(stored)) }
        : undefined,
      input.actor,
    );
    deps.failPoint("accept:accepted");
    deps.alarm.wake("conduct", `${record.productId}/${record.id}`);
    return replyOf(record);
  }

  async function run(input: ApplyInput, id: string, readsLeft = 3): Promise<Applied> {
    const item = await applicable(input.productId, input.packageId);
    const draftEarly = await draftOf(input, item, id, 0);
    const members = await listed(input.productId, input.body);
    if (members.total === 0) throw emptyTarget();
    const draft = { ...draftEarly, expectedTotal: members.total };
    if (input.body.options?.dryRun)
      return { kind: "dryRun", reply: await foresee.dryRun(draft, members.identities, input.actor) };
    // A target means whoever fits when its turn comes; a list means just these.
    if (input.body.devices !== undefined) await foresee.refuseBusy(draft, members.identities, input.actor);
    try {
      return { kind: "accepted", reply: await accept(draft, members, input) };
    } catch (error) {
      // An unknown outcome may be an accepted one: it is resumed under its key, or dropped when it is old.
      if (!(error instanceof OtauError) || error.code === "STORE_UNAVAILABLE") throw error;
      await devices.unenrol(id, input.productId);
      await deployments.dropPrepared(input.productId, id);
      // The package was replaced since it was read: what counts is what it says now.
      if (error.code === "REVISION_MISMATCH" && readsLeft > 0) return run(input, id, readsLeft - 1);
      throw error;
    }
  }

  return async function applyPackage(input: ApplyInput): Promise<Applied> {
    if (input.idempotency === undefined) return run(input, deps.newId());
    const { record, digest } = input.idempotency;
    const began = await idempotency.begin(input.productId, record, digest, deps.newId());
    if (began.outcome === "replay") return { kind: "accepted", reply: JSON.parse(began.reply) as ApplyReply };
    if (began.outcome === "reused") {
      throw new OtauError(
        "IDEMPOTENCY_KEY_REUSED",
        "This Idempotency-Key was sent with another body; use a new key for a new request.",
      );
    }
    if (began.outcome === "inProgress") {
      throw new OtauError(
        "IDEMPOTENCY_IN_PROGRESS",
        "The first request with this Idempotency-Key is still running; ask again in a moment.",
      );
    }
    try {
      const applied = await run(input, began.id);
      // A dry run writes nothing, so there is nothing that a repetition could do twice.
      if (applied.kind === "dryRun") await idempotency.abandon(input.productId, record);
      return applied;
    } catch (error) {
      if (error instanceof OtauError && error.code !== "STORE_UNAVAILABLE")
        await idempotency.abandon(input.productId, record);
      throw error;
    }
  };
}

const emptyTarget = () =>
  new OtauError("EMPTY_TARGET", "No device is left in the target; nothing was written.");
