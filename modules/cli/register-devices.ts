import type { ApiClient } from "./api-client.ts";
import type { Output } from "./output.ts";

/** What became of devices that were registered; tokens are in no other answer. */
export type Registered = {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly tokens?: Readonly<Record<string, string>>;
};

/** The server takes so many at once. */
const batchSizeMax = 10_000;

/** Registers devices, each `{ identity, tags?, installedVersion? }`; one that exists is updated. */
export async function registerDevices(
  api: ApiClient,
  devices: readonly unknown[],
  wantsTokens: boolean,
): Promise<Registered> {
  let sum: Registered = { created: 0, updated: 0, unchanged: 0 };
  for (let at = 0; at < devices.length; at += batchSizeMax) {
    const query = wantsTokens ? { tokens: true } : {};
    const body = devices.slice(at, at + batchSizeMax);
    sum = added(sum, await api.send<Registered>("POST", api.productPath("devices"), { query, body }));
  }
  return sum;
}

function added(sum: Registered, more: Registered): Registered {
  const tokens = more.tokens === undefined ? sum.tokens : { ...sum.tokens, ...more.tokens };
  return {
    created: sum.created + more.created,
    updated: sum.updated + more.updated,
    unchanged: sum.unchanged + more.unchanged,
    ...(tokens === undefined ? {} : { tokens }),
  };
}

/** Says how many are new, and shows the tokens. */
export async function tellOutcome(out: Output, sum: Registered): Promise<void> {
  await out.answer(sum, () => tellInWords(out, sum));
}

async function tellInWords(out: Output, { created, updated, unchanged, tokens }: Registered): Promise<void> {
  await out.line(`${created} created, ${updated} updated, ${unchanged} unchanged`);
  if (tokens === undefined) return;
  await out.table(
    [
      { title: "identity", of: ([identity]) => identity },
      { title: "token", of: ([, token]) => token },
    ],
    Object.entries(tokens),
    "No token was made",
  );
  await out.note("Keep the tokens: they are shown this once.");
}
