import type { TestApp } from "../support/app.ts";

/** The problem document of a refusal, as far as tests look at it. */
export type Problem = {
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
  readonly identities?: readonly string[];
  readonly count?: number;
  readonly revision?: number;
};

/** A page of a list. */
export type Page<Item> = { readonly items: readonly Item[]; readonly next: string | null };

/** An update as far as tests look at it. */
export type Update = {
  readonly id: string;
  readonly deploymentId: string;
  readonly identity: string;
  readonly packageId: string;
  readonly state: string;
  readonly reason?: string;
  readonly attempt: number;
  readonly revision: number;
};

/** A deployment as far as tests look at it. */
export type Deployment = {
  readonly id: string;
  readonly packageId: string;
  readonly state: string;
  readonly totals: Readonly<Record<string, number>>;
  readonly revision: number;
};

/** `otau_info` of a small valid package. */
export const infoOf = (version: string) => ({
  vendor: "acme",
  product: "iotgw1",
  config_otau: { version, name: `Gateway ${version}`, type: "JSON", payload: { v: version } },
});

/** Names a product for one test, with a package of version 1.0.1 and devices without an update. */
export async function givenProduct(app: TestApp, id: string, identities: readonly string[] = []) {
  await app.call("PUT", `/products/${id}`, {});
  const below = `/products/${id}`;
  await app.call("PUT", `${below}/packages/package_a.json`, { otau_info: infoOf("1.0.1") });
  if (identities.length > 0) {
    await app.call(
      "POST",
      `${below}/devices`,
      identities.map((identity) => ({ identity })),
    );
  }
  return below;
}

/** Applies package_a.json to the devices; answers the deployment. */
export async function apply(
  app: TestApp,
  below: string,
  devices: readonly string[],
  options: object = {},
  packageId = "package_a.json",
): Promise<Deployment> {
  const path = `${below}/packages/${packageId}/apply`;
  const reply = await app.call<{ deployment: Deployment }>("POST", path, { devices, options });
  if (reply.status !== 202)
    throw new Error(`apply was answered ${reply.status}: ${JSON.stringify(reply.body)}`);
  return reply.body.deployment;
}

/** Asks until the answer is as wanted; what workers do follows by itself. */
export async function eventually<Value>(
  ask: () => Promise<Value>,
  isWanted: (value: Value) => boolean,
): Promise<Value> {
  const giveUpAt = performance.now() + 10_000;
  for (;;) {
    const value = await ask();
    if (isWanted(value)) return value;
    if (performance.now() > giveUpAt) throw new Error(`still ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The device's update once it is in the state. */
export const updateIn = (app: TestApp, below: string, identity: string, state: string): Promise<Update> =>
  eventually(
    async () => (await app.call<Update>("GET", `${below}/devices/${identity}/update`)).body,
    (update) => update.state === state,
  );

/** What a device reports, sent as an outside platform would. */
export async function report(
  app: TestApp,
  below: string,
  identity: string,
  value: object | string,
): Promise<void> {
  const otau_in = typeof value === "string" ? value : JSON.stringify(value);
  await app.call("POST", `${below}/events`, {
    type: "data_in",
    identity,
    payload: [{ values: { otau_in } }],
  });
}

/** Every item of a list, read in pages of the given size. */
export async function readAll<Item>(app: TestApp, path: string, limit: number): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | undefined;
  do {
    const joint = path.includes("?") ? "&" : "?";
    const from = cursor === undefined ? "" : `&cursor=${cursor}`;
    const page = (await app.call<Page<Item>>("GET", `${path}${joint}limit=${limit}${from}`)).body;
    items.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return items;
}
