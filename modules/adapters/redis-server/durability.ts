import type { Durability, FsyncPolicy } from "./store.ts";

/** Strongest first. */
const strength: readonly Durability[] = ["always", "everysec", "no", "snapshots", "none"];

/** What a server's own settings amount to; `unknown` where it does not show them. */
export function durabilityOf(settings: ReadonlyMap<string, string>): Durability {
  const appendOnly = settings.get("appendonly");
  if (appendOnly === undefined) return "unknown";
  if (appendOnly === "yes") return strength.find((each) => each === settings.get("appendfsync")) ?? "unknown";
  return (settings.get("save") ?? "") === "" ? "none" : "snapshots";
}

/** The weakest of several nodes: a cluster loses what any of its masters loses. */
export function weakest(nodes: readonly Durability[]): Durability {
  if (nodes.length === 0 || nodes.includes("unknown")) return "unknown";
  return strength[Math.max(...nodes.map((each) => strength.indexOf(each)))] ?? "unknown";
}

/** True where a server does at least what is demanded of it. */
export const keepsPromise = (actual: Durability, demanded: FsyncPolicy): boolean =>
  actual !== "unknown" && strength.indexOf(actual) <= strength.indexOf(demanded);

/** What may be lost, in words. */
export const durabilityText: Record<Durability, string> = {
  always: "every acknowledged write is on the disk",
  everysec: "a power cut may lose the last second",
  no: "a power cut may lose what the system had not written yet",
  snapshots: "a stop may lose everything since the last snapshot",
  none: "a stop loses everything",
  unknown: "the server does not show how durable it is",
};
