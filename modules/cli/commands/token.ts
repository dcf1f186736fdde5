import { type Command, Option } from "commander";
import { apiPath } from "../api-client.ts";
import type { Io } from "../io.ts";
import { addGroup, addLeaf, listLimitDefault } from "../leaf.ts";
import { definedOnly, parseCount } from "../parsing.ts";
import { openSession, type Session } from "../session.ts";
import type { Column } from "../tables.ts";

type Token = {
  readonly id: string;
  readonly name?: string;
  readonly role?: string;
  readonly products?: readonly string[];
  readonly createdAt?: string;
  readonly expiresAt?: string | null;
  readonly token?: string;
};

type CreateOptions = {
  readonly role: string;
  readonly products: readonly string[];
  readonly expiresAt?: string;
};
type ListOptions = { readonly limit: string };
type DeviceOptions = { readonly revoke?: true };

const columns: readonly Column<Token>[] = [
  { title: "id", of: (token) => token.id },
  { title: "name", of: (token) => token.name, isFlexible: true },
  { title: "role", of: (token) => token.role },
  { title: "products", of: (token) => token.products?.join(" "), isFlexible: true },
  { title: "created", of: (token) => token.createdAt },
  { title: "expires", of: (token) => token.expiresAt },
];

/** Adds `token` and what stands below it. */
export function addToken(program: Command, io: Io): void {
  const token = addGroup(program, "token", "Tokens of people and programs, and of devices", [
    "otau token create dashboard --role viewer",
    "otau token list",
    "otau token device gw-1",
  ]);
  addTokenCreate(token, io);
  addTokenUpkeep(token, io);
  addDeviceToken(token, io);
}

function addTokenCreate(token: Command, io: Io): void {
  addLeaf(token, {
    usage: "create <name>",
    summary: "Make a token; it is printed this once",
    examples: [
      "otau token create dashboard --role viewer",
      "OTAU_TOKEN=$(otau token create ci --role publisher --products acme)",
    ],
  })
    .addOption(
      new Option("--role <role>", "what it may do")
        .choices(["viewer", "operator", "publisher", "platform", "admin"])
        .makeOptionMandatory(),
    )
    .option("--products <product...>", "for these products only", ["*"])
    .option("--expires-at <time>", "until this time, like 2027-12-31T00:00:00Z")
    .action(async (name: string, { role, products, expiresAt }: CreateOptions, command: Command) => {
      const session = openSession(io, command);
      const body = { name, role, products, ...definedOnly({ expiresAt }) };
      await showSecret(session, await session.api.send<Token>("POST", apiPath("tokens"), { body }));
    });
}

function addTokenUpkeep(token: Command, io: Io): void {
  addLeaf(token, {
    usage: "list",
    summary: "List tokens, without the secrets",
    examples: ["otau token list"],
    isDefault: true,
  })
    .option("--limit <n>", "how many at most", listLimitDefault)
    .action(async ({ limit }: ListOptions, command: Command) => {
      const { api, out } = openSession(io, command);
      const page = await api.list<Token>(apiPath("tokens"), {}, parseCount("--limit", limit));
      await out.page(
        page,
        columns,
        "No tokens but the server's own. Make one with: otau token create NAME --role viewer",
      );
    });
  addLeaf(token, {
    usage: "rotate <id>",
    summary: "Replace a token's secret; the new one is printed this once",
    examples: ["otau token rotate tok_01"],
  }).action(async (id: string, _options: object, command: Command) => {
    const session = openSession(io, command);
    await showSecret(session, await session.api.send<Token>("POST", `${apiPath("tokens", id)}/rotate`));
  });
  addLeaf(token, {
    usage: "revoke <id>",
    summary: "End a token at once",
    examples: ["otau token revoke tok_01"],
  }).action(async (id: string, _options: object, command: Command) => {
    const { api, out } = openSession(io, command);
    await api.send("DELETE", apiPath("tokens", id));
    await out.answer({ id, revoked: true }, () => out.line(`${id} is revoked`));
  });
}

function addDeviceToken(token: Command, io: Io): void {
  addLeaf(token, {
    usage: "device <identity>",
    summary: "Make a new token for a device; it ends the older one and is printed this once",
    examples: ["otau token device gw-1", "otau token device gw-1 --revoke"],
  })
    .option("--revoke", "only end the present one")
    .action(async (identity: string, { revoke }: DeviceOptions, command: Command) => {
      const session = openSession(io, command);
      const { api, out } = session;
      const path = `${api.productPath("devices", identity)}/token`;
      const reply = await api.send<Token | undefined>("POST", path, { body: revoke ? { revoke: true } : {} });
      if (reply?.token !== undefined) return showSecret(session, reply);
      await out.answer(reply ?? { identity, revoked: true }, () =>
        out.line(`${identity} has no token any more`),
      );
    });
}

/** The bare secret on stdout, so that a shell can take it; the remark goes past it. */
async function showSecret({ out }: Session, token: Token): Promise<void> {
  await out.answer(token, async () => {
    await out.line(token.token ?? "");
    await out.note(
      `Keep it: it is shown this once.${token.id === undefined ? "" : ` Its id is ${token.id}.`}`,
    );
  });
}
