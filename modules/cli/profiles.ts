import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CliError } from "./cli-error.ts";
import type { Io } from "./io.ts";

/** A server one has logged in to. `url` has no trailing slash. */
export type Profile = { readonly url: string; readonly token: string; readonly productId?: string };

/** What is kept between commands: the servers by name, and the one that is meant unless another is named. */
export type Profiles = { readonly current?: string; readonly profiles: Readonly<Record<string, Profile>> };

type Place = Pick<Io, "env">;

/** Where the profiles are kept; undefined without a home. */
export function profilesPath({ env }: Place): string | undefined {
  const base = env["XDG_CONFIG_HOME"] || (env["HOME"] ? join(env["HOME"], ".config") : undefined);
  return base === undefined ? undefined : join(base, "otau", "profiles.json");
}

/** All profiles; none where there is no file. Throws a CliError for a file that is damaged. */
export function readProfiles(place: Place): Profiles {
  const path = profilesPath(place);
  const text = path === undefined ? undefined : readIfThere(path);
  if (text === undefined) return { profiles: {} };
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && "profiles" in value) return value as Profiles;
  } catch {
    // What it holds instead does not matter.
  }
  throw new CliError(`${path} is damaged`, { hint: "Delete it, then log in again with: otau login URL" });
}

/** Keeps the profiles for this user alone (mode 0600), whole or not at all. */
export function writeProfiles(place: Place, profiles: Profiles): void {
  const path = profilesPath(place);
  if (path === undefined) throw new CliError("there is no home to keep a login in", { hint: "Set HOME." });
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(profiles, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, path);
}

/** The profile in force: `OTAU_PROFILE`, else the current one. Throws a CliError for a name that is none. */
export function currentProfile(place: Place): Profile | undefined {
  const named = place.env["OTAU_PROFILE"];
  const { current, profiles } = readProfiles(place);
  const name = named || current;
  const profile = name !== undefined && Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (named && profile === undefined) {
    throw new CliError(`OTAU_PROFILE is "${named}", but there is no such login`, {
      hint: `See what there is with: otau profiles; make it with: otau login URL --profile ${named}`,
    });
  }
  return profile;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new CliError(`${path} cannot be read: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}
