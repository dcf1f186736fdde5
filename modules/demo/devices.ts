import type { DeviceProfile } from "../simulator/profiles.ts";

/** Devices that behave alike; their identities begin with the profile's name. */
export type DeviceGroup = { readonly profile: DeviceProfile; readonly count: number };

/** A device as it is registered. */
export type DemoDevice = {
  readonly identity: string;
  readonly installedVersion: string;
  readonly tags: Readonly<Record<string, string>>;
};

/** The version that all of them run at first. */
export const factoryVersion = "1.0.0";

/** Forty devices, as a field of them is: most do well. */
export const deviceGroups: readonly DeviceGroup[] = [
  { profile: "good", count: 24 },
  { profile: "sparse", count: 5 },
  { profile: "flaky", count: 4 },
  { profile: "falls-back", count: 5 },
  { profile: "silent", count: 2 },
];

const sites = ["berlin", "oslo", "lyon", "turin"];

/** What identities of the profile begin with; the fleet numbers them from `0001`. */
export function prefixOf(profile: DeviceProfile): string {
  return `${profile}-`;
}

/** All devices of the groups, in turn by group; those that fall back come early, so that an early wave of a rollout meets them. */
export function makeDevices(groups: readonly DeviceGroup[] = deviceGroups): readonly DemoDevice[] {
  const placed = groups.flatMap(({ profile, count }) =>
    Array.from({ length: count }, (_, index) => ({
      identity: `${prefixOf(profile)}${String(index + 1).padStart(4, "0")}`,
      place: ((index + 0.5) / count) * (profile === "falls-back" ? 0.5 : 1),
    })),
  );
  return placed
    .sort((a, b) => a.place - b.place)
    .map(({ identity }, index) => ({
      identity,
      installedVersion: factoryVersion,
      tags: { site: sites[index % sites.length] ?? "berlin", board: index % 3 === 0 ? "rev1" : "rev2" },
    }));
}
