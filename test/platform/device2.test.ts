import { describe, expect, it } from "vitest";
import { failureOf, useServices } from "./support.ts";

const bench = useServices();
const done = { status: 204, status_code: 204 };
const config = (version: string) =>
  JSON.stringify({ version, name: "N", type: "FILE", payload: "https://example.test/a" });

describe("devices of a product", () => {
  it("adds a device, shows it, and removes it", async () => {
    const { Device2 } = bench();
    expect(await Device2.addIdentity({ identity: "one", tags: [{ name: "site", value: "berlin" }] })).toEqual(
      done,
    );
    expect(await Device2.getIdentity({ identity: "one" })).toEqual({
      identity: "one",
      auth: { type: "token" },
      state: {},
      locked: false,
      reprovision: true,
      devmode: false,
      status: "unprovisioned",
      online: false,
      tags: [{ name: "site", value: "berlin" }],
    });
    expect(await Device2.removeIdentity({ identity: "one" })).toEqual(done);
    expect(failureOf(await Device2.getIdentity({ identity: "one" }))).toMatchObject({
      status: 404,
      type: "QueryError",
      said: { code: 404, reason: "NOT_FOUND", message: "There is no device one in product default." },
    });
  });

  it("refuses a device that exists with 409, and takes the password that connectors make up", async () => {
    const { Device2 } = bench();
    const call = { identity: "twice", auth: { type: "password", key: "made up" } };
    expect(await Device2.addIdentity(call)).toEqual(done);
    expect(failureOf(await Device2.addIdentity(call))).toMatchObject({ status: 409, said: { code: 409 } });
    const other = { identity: "other", auth: { type: "token", key: "x" } };
    expect(failureOf(await Device2.addIdentity(other)).said.message).toContain("activation");
  });

  it("answers 400 for arguments that make no sense, and throws for none", async () => {
    const { Device2 } = bench();
    const wrong = [undefined, null, {}, { identity: 7 }, { identity: "" }, { identity: "a b" }, "text"];
    for (const call of wrong) {
      for (const operation of [
        "getIdentity",
        "getIdentityState",
        "setIdentityState",
        "addIdentity",
      ] as const) {
        const result = await (Device2[operation] as (call: unknown) => Promise<object>)(call);
        expect(failureOf(result as never), `${operation} ${JSON.stringify(call)}`).toMatchObject({
          status: 400,
          type: "QueryError",
        });
      }
    }
  });

  it("says 404 for the unknown device and for the unknown product in every operation", async () => {
    const { Device2 } = bench();
    const call = { identity: "nobody", name: "t", tags: [{ name: "t", value: "1" }], x: 1 };
    const results = [
      await Device2.getIdentity(call),
      await Device2.getIdentityState(call),
      await Device2.setIdentityState({ identity: "nobody", x: 1 }),
      await Device2.removeIdentity(call),
      await Device2.addIdentityTag(call),
      await Device2.removeIdentityTag(call),
      await Device2.getIdentityTag(call),
      await Device2.forProduct("nothing").addIdentity({ identity: "nobody" }),
      await Device2.forProduct("nothing").listIdentities(),
      await Device2.forProduct("nothing").countIdentities(),
      await Device2.forProduct("nothing").listTagNames(),
    ];
    expect(results.map((result) => failureOf(result).status)).toEqual(results.map(() => 404));
  });
});

describe("state of a device", () => {
  it("sets several resources by one flat object and shows them as set, not as reported", async () => {
    const { Device2 } = bench();
    await Device2.addIdentity({ identity: "state" });
    expect(
      await Device2.setIdentityState({ identity: "state", volume: 3, name: "x", none: undefined }),
    ).toEqual(done);
    const state = await Device2.getIdentityState({ identity: "state" });
    expect(state).toEqual({
      volume: { timestamp: expect.any(Number), set: 3 },
      name: { timestamp: expect.any(Number), set: "x" },
    });
  });

  it("refuses a resource that is not settable, and to set nothing", async () => {
    const { Device2 } = bench();
    await Device2.addIdentity({ identity: "fixed" });
    const refused = failureOf(await Device2.setIdentityState({ identity: "fixed", otau_in: "{}" }));
    expect(refused).toMatchObject({ status: 400, said: { reason: "INVALID_INPUT" } });
    expect(refused.said.message).toContain("otau_in");
    expect(failureOf(await Device2.setIdentityState({ identity: "fixed" })).status).toBe(400);
  });

  it("tracks a config_otau as an update of its own", async () => {
    const { Device2, app } = bench();
    await Device2.addIdentity({ identity: "tracked" });
    expect(await Device2.setIdentityState({ identity: "tracked", config_otau: config("2.0.0") })).toEqual(
      done,
    );
    const loaded = await app.stores.devices.load({ productId: "default", identity: "tracked" });
    expect(loaded?.device.updates.map(({ state }) => state)).toEqual(["sent"]);
    const [deployment] = loaded?.deployments.values() ?? [];
    expect(deployment).toMatchObject({ source: "device2", version: "2.0.0", createdBy: "a.test" });
    expect(await Device2.getIdentityState({ identity: "tracked" })).toMatchObject({
      config_otau: { set: config("2.0.0") },
    });
  });

  it("keeps names that mean something to JavaScript apart from the objects they stand in", async () => {
    const { Device2 } = bench();
    await Device2.addIdentity({ identity: "proto" });
    const call = JSON.parse('{"identity":"proto","__proto__":{"polluted":true},"constructor":1}') as never;
    expect(await Device2.setIdentityState(call)).toEqual(done);
    const state = await Device2.getIdentityState({ identity: "proto" });
    expect(Object.keys(state).sort()).toEqual(["__proto__", "constructor"]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    await Device2.addIdentityTag({ identity: "proto", tags: [{ name: "__proto__", value: "v" }] });
    expect(await Device2.getIdentityTag({ identity: "proto", name: "__proto__" })).toEqual(["v"]);
    const found = await Device2.listIdentities({ tag: { name: "__proto__", value: "v" } });
    expect(found).toMatchObject({ devices: [{ identity: "proto" }], mayLoadMore: false });
  });
});

describe("tags of a device", () => {
  it("adds, overwrites, reads and removes them", async () => {
    const { Device2 } = bench();
    const identity = "tags";
    await Device2.addIdentity({ identity });
    const tags = [
      { name: "id", value: 7 },
      { name: "group", value: "a" },
    ];
    expect(await Device2.addIdentityTag({ identity, tags, replace: true })).toEqual(done);
    expect(await Device2.getIdentityTag({ identity, name: "id" })).toEqual(["7"]);
    await Device2.addIdentityTag({ identity, tags: [{ name: "group", value: "b" }] });
    expect(await Device2.getIdentity({ identity })).toMatchObject({
      tags: [
        { name: "group", value: "b" },
        { name: "id", value: "7" },
      ],
    });
    expect(await Device2.removeIdentityTag({ identity, name: "group" })).toEqual(done);
    expect(await Device2.removeIdentityTag({ identity, name: "group" })).toEqual(done);
    expect(await Device2.getIdentityTag({ identity, name: "group" })).toEqual([]);
    expect(await Device2.listTagNames()).toEqual(expect.arrayContaining(["id"]));
  });

  it("refuses with 409 to overwrite where it must not, and too many or misnamed tags with 400", async () => {
    const { Device2 } = bench();
    const identity = "kept";
    await Device2.addIdentity({ identity, tags: [{ name: "a", value: "1" }] });
    const kept = { identity, tags: [{ name: "a", value: "2" }], replace: false };
    expect(failureOf(await Device2.addIdentityTag(kept)).status).toBe(409);
    const same = { identity, tags: [{ name: "a", value: "1" }], replace: false };
    expect(await Device2.addIdentityTag(same)).toEqual(done);
    const many = Array.from({ length: 33 }, (_, at) => ({ name: `n${at}`, value: "v" }));
    expect(failureOf(await Device2.addIdentityTag({ identity, tags: many })).status).toBe(400);
    const misnamed = { identity, tags: [{ name: "a b", value: "v" }] };
    expect(failureOf(await Device2.addIdentityTag(misnamed)).status).toBe(400);
  });
});

describe("lists of devices", () => {
  const add = async (prefix: string, count: number) => {
    const { app } = bench();
    const devices = Array.from({ length: count }, (_, at) => ({
      identity: `${prefix}-${String(at).padStart(3, "0")}`,
      tags: { fleet: prefix, half: at % 2 === 0 ? "even" : "odd" },
    }));
    await app.stores.devices.create("default", devices, { kind: "system", id: "test" });
  };

  it("goes through all devices of a tag page by page, each once", async () => {
    const { Device2 } = bench();
    await add("walk", 25);
    const seen: string[] = [];
    let before: string | undefined;
    for (let pages = 0; pages < 10; pages++) {
      const page = await Device2.listIdentities({ tag: { name: "fleet", value: "walk" }, limit: 10, before });
      if (page.error !== undefined) throw new Error(page.error);
      seen.push(...page.devices.map(({ identity }) => identity));
      expect(page.mayLoadMore).toBe(page.next !== undefined);
      if (page.next === undefined) break;
      before = page.next;
    }
    expect(seen).toHaveLength(25);
    expect(new Set(seen).size).toBe(25);
    expect(await Device2.countIdentities({ tag: { name: "fleet", value: "walk" } })).toEqual({ count: 25 });
  });

  it("chooses by a regular expression, over pages too", async () => {
    const { Device2 } = bench();
    await add("regex", 30);
    const first = await Device2.listIdentities({ identity: "^regex-0[01]\\d$", limit: 15 });
    expect(first).toMatchObject({ mayLoadMore: true, next: "regex-014" });
    const rest = await Device2.listIdentities({
      identity: "^regex-0[01]\\d$",
      limit: 15,
      before: "regex-014",
    });
    expect(rest).toMatchObject({ mayLoadMore: false });
    expect(rest.error === undefined && rest.devices.map(({ identity }) => identity)).toEqual(
      ["015", "016", "017", "018", "019"].map((end) => `regex-${end}`),
    );
    const both = { identity: "gex-00", tag: { name: "half", value: "odd" } };
    expect(await Device2.countIdentities(both)).toEqual({ count: 5 });
  });

  it("stops a pattern that would never end, and names what is no pattern", async () => {
    const { Device2 } = bench();
    const identity = "a".repeat(64);
    await Device2.addIdentity({ identity });
    for (const pattern of ["^(a+)+\\.$", "(", "x".repeat(300)]) {
      expect(failureOf(await Device2.listIdentities({ identity: pattern })), pattern).toMatchObject({
        status: 400,
        said: { errors: [{ path: "identity" }] },
      });
    }
  });

  it("takes a large limit as its most, and a stamp as before for the mistake it is", async () => {
    const { Device2 } = bench();
    expect((await Device2.listIdentities({ limit: 5000 })).error).toBeUndefined();
    const stamp = { before: 1_600_000_000_000_000 as never };
    expect(failureOf(await Device2.listIdentities(stamp)).said.message).toContain("next");
    expect(failureOf(await Device2.listIdentities({ limit: 0 })).status).toBe(400);
  });
});
