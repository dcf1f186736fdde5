import type { Command } from "commander";
import { makeApiClient } from "../api-client.ts";
import { CliError, usageError } from "../cli-error.ts";
import { readUrl } from "../connection.ts";
import type { Io } from "../io.ts";
import { addLeaf } from "../leaf.ts";
import { makeOutput } from "../output.ts";
import { type Profiles, profilesPath, readProfiles, writeProfiles } from "../profiles.ts";
import { wantsJson } from "../session.ts";

type LoginOptions = { readonly profile: string; readonly product: string; readonly token?: string };

/** Adds `login`, `logout` and `profiles`. */
export function addLogin(program: Command, io: Io): void {
  addLeaf(program, {
    usage: "login <url>",
    summary: "Keep a server's address and token, for this user alone, and use them from now on",
    examples: [
      "otau login https://otau.example.com < token-file",
      "otau login https://lab.example.com --profile lab < token-file; OTAU_PROFILE=lab otau devices",
    ],
  })
    .option("--profile <name>", "name of the login, to tell several apart", "default")
    .option("--product <id>", "the product that is meant unless OTAU_PRODUCT names another", "default")
    .option("--token <token>", "the token; else OTAU_TOKEN, else what is piped in or typed (then Ctrl-D)")
    .action((url: string, options: LoginOptions, command: Command) => login(io, url, options, command));
  addLeaf(program, {
    usage: "logout [profile]",
    summary: "Forget a login, the current one if none is named",
    examples: ["otau logout", "otau logout lab"],
  }).action((name: string | undefined, _options: object, command: Command) => logout(io, name, command));
  addLeaf(program, {
    usage: "profiles [use]",
    summary: "List the logins, or make the named one current",
    examples: ["otau profiles", "otau profiles lab"],
  }).action((name: string | undefined, _options: object, command: Command) => showOrUse(io, name, command));
}

async function login(io: Io, address: string, options: LoginOptions, command: Command): Promise<void> {
  const { profile: name, product: productId } = options;
  const url = readUrl(address, "the server's address").href.replace(/\/+$/, "");
  const token = options.token || io.env["OTAU_TOKEN"] || (await io.readStdin()).trim();
  if (token === "")
    throw usageError("there is no token to log in with", "Pipe it in: otau login URL < token-file");
  // Proven before it is kept.
  const api = makeApiClient({ url, token, productId }, io.signal);
  await api.get(api.productPath("summary"));
  const { profiles } = readProfiles(io);
  writeProfiles(io, { current: name, profiles: { ...profiles, [name]: { url, token, productId } } });
  const out = makeOutput(io, wantsJson(command));
  await out.answer({ profile: name, url, productId }, () =>
    out.line(`logged in to ${url}, product ${productId}; kept as ${name} in ${profilesPath(io)}`),
  );
}

async function logout(io: Io, name: string | undefined, command: Command): Promise<void> {
  const kept = readProfiles(io);
  const gone = existing(kept, name ?? kept.current);
  const profiles = Object.fromEntries(Object.entries(kept.profiles).filter(([one]) => one !== gone));
  const isCurrent = kept.current === undefined || kept.current === gone;
  writeProfiles(io, isCurrent ? { profiles } : { current: kept.current, profiles });
  const out = makeOutput(io, wantsJson(command));
  await out.answer({ profile: gone }, () =>
    out.line(`${gone} is forgotten; the token itself goes on being valid`),
  );
}

async function showOrUse(io: Io, name: string | undefined, command: Command): Promise<void> {
  const kept = readProfiles(io);
  const current = name === undefined ? kept.current : existing(kept, name);
  if (name !== undefined && current !== undefined) writeProfiles(io, { ...kept, current });
  const out = makeOutput(io, wantsJson(command));
  // Tokens stay in the file.
  const rows = Object.entries(kept.profiles).map(([profile, { url, productId }]) => ({
    profile,
    url,
    productId,
    current: profile === current,
  }));
  await out.answer(rows, () =>
    out.table(
      [
        { title: "profile", of: (row) => row.profile },
        { title: "current", of: (row) => (row.current ? "yes" : "no") },
        { title: "url", of: (row) => row.url },
        { title: "product", of: (row) => row.productId },
      ],
      rows,
      "No login is kept. Make one with: otau login URL",
    ),
  );
}

function existing({ profiles }: Profiles, name: string | undefined): string {
  if (name !== undefined && Object.hasOwn(profiles, name)) return name;
  throw new CliError(name === undefined ? "no login is current" : `there is no login ${name}`, {
    hint: "See what there is with: otau profiles",
  });
}
