import { z } from "zod";
import { OtauError } from "../errors.ts";
import { readConfigOtau } from "../otau/package.ts";
import type { PackageRules } from "../otau/package-payload.ts";
import { resolveRetry, resolveTimeouts } from "../otau/policy.ts";
import { type Actor, isLiveState } from "../otau/vocabulary.ts";
import type { DeviceActions } from "./act-on-device.ts";
import type { ContentLinks } from "./content-links.ts";
import { readLastReport, reportAlias } from "./last-report.ts";
import type {
  AlarmClock,
  DeploymentDraft,
  DeploymentRecord,
  DeploymentStore,
  DeviceRef,
  DeviceStore,
  LoadedDevice,
  ResourceState,
} from "./ports.ts";
import type { ProductSettingsOf } from "./product-settings.ts";

const resourcesMax = 64;
const valueBytesMax = 1_048_576;
const aliasPattern = /^[^.$\s]{1,128}$/u;

/** A device's resources as the app API shows them (Murano getIdentityState). */
export const deviceStateSchema = z
  .record(
    z.string(),
    z.strictObject({
      timestamp: z.number().meta({ description: "Microseconds since 1970" }),
      set: z.unknown().optional(),
      reported: z.unknown().optional(),
    }),
  )
  .meta({ id: "DeviceState" });

/** What `services/device2.yaml` says of a resource (Murano resource definitions). */
export type ResourceDefinition = { readonly settable: boolean };
export type ResourceDefinitions = Readonly<Record<string, ResourceDefinition>>;

export type DeviceStateDeps = {
  readonly devices: DeviceStore;
  readonly deployments: DeploymentStore;
  readonly settingsOf: ProductSettingsOf;
  readonly act: DeviceActions["act"];
  readonly render: ContentLinks["render"];
  readonly resources: ResourceDefinitions;
  readonly rules: PackageRules;
  readonly newId: () => string;
  readonly alarm: AlarmClock;
};

const unknownDevice = (ref: DeviceRef) =>
  new OtauError("NOT_FOUND", `There is no device ${ref.identity} in product ${ref.productId}.`);

/** What stands in `config_otau.set`, as the text that a device gets. */
export function configSetOf(
  loaded: LoadedDevice,
  render: ContentLinks["render"],
): { readonly text: string; readonly timestampUs: number } | undefined {
  const { configSet } = loaded.device;
  if (configSet === undefined) return undefined;
  if ("text" in configSet) return configSet;
  const { deploymentId, timestampUs } = configSet;
  const deployment = loaded.deployments.get(deploymentId);
  if (deployment === undefined) return undefined;
  const { productId, configText, timeouts } = deployment;
  const text = render({ productId, configText, timestampUs, totalMs: timeouts.totalMs });
  return { text, timestampUs };
}

/** Murano's getIdentityState and setIdentityState, for scripts, the app API and the Device2 service alike. */
export function makeDeviceState(deps: DeviceStateDeps) {
  const { devices, deployments, act } = deps;

  /** Resources by alias; those never written are absent. NOT_FOUND. */
  async function getState(ref: DeviceRef): Promise<Record<string, ResourceState>> {
    const [loaded, stored, report] = await Promise.all([
      devices.load(ref),
      devices.readResources(ref),
      readLastReport(devices, ref),
    ]);
    if (loaded === undefined || stored === undefined) throw unknownDevice(ref);
    const resources = report === undefined ? stored : { ...stored, [reportAlias]: report };
    const set = configSetOf(loaded, deps.render);
    const reported = resources["config_otau"];
    if (set === undefined) return resources;
    return {
      ...resources,
      config_otau: {
        ...reported,
        set: set.text,
        timestamp: Math.max(set.timestampUs, reported?.timestamp ?? 0),
      },
    };
  }

  function check(values: Readonly<Record<string, unknown>>): void {
    const entries = Object.entries(values);
    if (entries.length === 0 || entries.length > resourcesMax) {
      throw invalid("", `name 1 to ${resourcesMax} resources, not ${entries.length}`);
    }
    for (const [alias, value] of entries) {
      if (!aliasPattern.test(alias))
        throw invalid(`/${alias}`, "a resource's name holds no dot, dollar or space");
      if (deps.resources[alias]?.settable === false)
        throw invalid(`/${alias}`, `resource ${alias} is not settable`);
      if (alias === "config_otau" && typeof value !== "string") {
        throw invalid("/config_otau", "config_otau is a string that holds JSON");
      }
      const bytes = Buffer.byteLength(typeof value === "string" ? value : (JSON.stringify(value) ?? ""));
      if (bytes > valueBytesMax)
        throw new OtauError(
          "TOO_LARGE",
          `The value of ${alias} has ${bytes} bytes; at most ${valueBytesMax} are stored.`,
        );
    }
  }

  /** Deployment of its own for a `config_otau` that was set directly. */
  async function ownDeployment(
    ref: DeviceRef,
    text: string,
    version: string,
    name: string,
    actor: Actor,
  ): Promise<DeploymentRecord> {
    const settings = await deps.settingsOf(ref.productId);
    const draft: DeploymentDraft = {
      id: deps.newId(),
      productId: ref.productId,
      packageId: "",
      packageRevision: 0,
      version,
      name,
      source: "device2",
      configText: text,
      otauInfoText: "",
      timeouts: resolveTimeouts(settings.timeouts),
      retry: resolveRetry(settings.retry),
      confirm: settings.confirm ?? "required",
      force: true,
      onActive: "supersede",
      createdAt: await devices.now(),
      createdBy: actor.id,
      state: "running",
      expectedTotal: 1,
      resolving: false,
      options: {},
    };
    return deployments.accept(draft, undefined, actor);
  }

  function isLiveText(loaded: LoadedDevice, text: string): boolean {
    return loaded.device.updates.some(
      (update) =>
        isLiveState(update.state) && loaded.deployments.get(update.deploymentId)?.configText === text,
    );
  }

  async function setConfig(ref: DeviceRef, text: string, actor: Actor): Promise<void> {
    const loaded = await devices.load(ref);
    if (loaded === undefined) throw unknownDevice(ref);
    const reading = readConfigOtau(text, deps.rules);
    if (!reading.valid) {
      const acted = await act(
        ref,
        ({ now, device }) => [
          {
            type: "setConfigText",
            text,
            timestampUs: Math.max(now * 1000, (device.configSet?.timestampUs ?? 0) + 1),
          },
        ],
        { actor },
      );
      if (acted === undefined) throw unknownDevice(ref);
      return;
    }
    if (isLiveText(loaded, text)) return;
    const deployment = await ownDeployment(ref, text, reading.config.version, reading.config.name, actor);
    const acted = await act(
      ref,
      () => [
        { type: "enrol", deploymentId: deployment.id },
        { type: "release", deploymentId: deployment.id },
      ],
      { actor, joining: deployment },
    );
    deps.alarm.wake("conduct", `${ref.productId}/${deployment.id}`);
    if (acted === undefined) throw unknownDevice(ref);
  }

  /** A stamp that no earlier value of these resources has: devices are handed what is newer than they know. */
  async function stampAfter(ref: DeviceRef, aliases: readonly string[]): Promise<number> {
    const [now, known] = await Promise.all([devices.now(), devices.readResources(ref)]);
    const stamps = aliases.map(
      (alias) =>
        (known !== undefined && Object.hasOwn(known, alias) ? known[alias] : undefined)?.timestamp ?? 0,
    );
    return Math.max(now * 1000, ...stamps.map((stamp) => stamp + 1));
  }

  /**
   * Sets resources. A valid `config_otau` becomes an update of its own before this returns; an invalid one is written
   * and makes no update; the text of the live update again does nothing. NOT_FOUND, INVALID_INPUT for a resource
   * that is not settable.
   */
  async function setState(
    ref: DeviceRef,
    values: Readonly<Record<string, unknown>>,
    actor: Actor,
  ): Promise<void> {
    check(values);
    const { config_otau: config, ...others } = values;
    if (Object.keys(others).length > 0) {
      const stampUs = await stampAfter(ref, Object.keys(others));
      if (!(await devices.writeResources(ref, others, "cloud", stampUs))) throw unknownDevice(ref);
    }
    if (typeof config === "string") await setConfig(ref, config, actor);
  }

  return { getState, setState };
}

function invalid(path: string, message: string): OtauError {
  return new OtauError("INVALID_INPUT", `The state is not valid: ${message}.`, {
    errors: [{ path, message }],
  });
}
