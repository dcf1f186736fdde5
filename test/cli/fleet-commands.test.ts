import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ApiStandIn, startApiStandIn } from "./support/api-stand-in.ts";
import { type Outcome, runOtau } from "./support/run-otau.ts";

const base = "/products/acme";

let api: ApiStandIn;

beforeEach(async () => {
  api = await startApiStandIn();
});
afterEach(() => api[Symbol.asyncDispose]());

function otau(args: string, stdin = ""): Promise<Outcome> {
  return runOtau(args.split(" "), { env: { OTAU_URL: api.url, OTAU_PRODUCT: "acme" }, stdin });
}

function body(): unknown {
  return JSON.parse(api.seen.at(-1)?.text ?? "null");
}

describe("devices", () => {
  it("registers devices with tags", async () => {
    api.on(`POST ${base}/devices`, { json: { created: 2, updated: 0, unchanged: 0 } });
    const { stdout } = await otau("devices add gw-1 gw-2 --tag site=berlin --installed 1.0.0");
    const device = { tags: { site: "berlin" }, installedVersion: "1.0.0" };
    expect(body()).toEqual([
      { identity: "gw-1", ...device },
      { identity: "gw-2", ...device },
    ]);
    expect(stdout).toBe("2 created, 0 updated, 0 unchanged\n");
  });

  it("registers what is piped in, in pieces the server takes", async () => {
    api.on(`POST ${base}/devices`, ({ text }) => ({
      json: { created: JSON.parse(text).length, updated: 0, unchanged: 0 },
    }));
    const lines = Array.from({ length: 10_001 }, (_, index) => `{"identity":"d${index}"}`);
    const { stdout } = await otau("devices add --from -", `${lines.join("\n")}\nplain-1\n`);
    expect(stdout).toBe("10002 created, 0 updated, 0 unchanged\n");
    expect(api.seen).toHaveLength(2);
    expect(body()).toEqual([{ identity: "d10000" }, { identity: "plain-1" }]);
  });

  it("names the line that is not JSON, and sends nothing", async () => {
    const { exitCode, stderr } = await otau("devices add --from -", '{"identity":"a"}\n{oops\n');
    expect(exitCode).toBe(1);
    expect(stderr).toContain("line 2 is not JSON");
    expect(api.seen).toEqual([]);
  });

  it("shows device tokens once", async () => {
    const tokens = { "gw-1": "a".repeat(40) };
    api.on(`POST ${base}/devices`, { json: { created: 1, updated: 0, unchanged: 0, tokens } });
    expect((await otau("devices add gw-1 --tokens")).stdout).toContain(`gw-1      ${"a".repeat(40)}`);
    expect(api.seen[0]?.query.get("tokens")).toBe("true");
  });

  it("lists with filters, repeated ones meaning or, and follows cursors", async () => {
    api.on(`GET ${base}/devices`, ({ query }) => ({
      json: query.has("cursor")
        ? { items: [{ identity: "gw-2", tags: { site: "berlin" }, online: false }], next: null }
        : { items: [{ identity: "gw-1", installedVersion: "1.0.0", online: true }], next: "c1" },
    }));
    const { stdout } = await otau("devices list --state failed none --tag site=berlin --offline --search gw");
    const { query } = api.seen[0] ?? {};
    expect(query?.getAll("updateState")).toEqual(["failed", "none"]);
    expect(query?.get("tag.site")).toBe("berlin");
    expect(query?.get("online")).toBe("false");
    expect(stdout.split("\n").slice(0, 3)).toEqual([
      "IDENTITY  INSTALLED  STATE  ONLINE  DRIFTED  LAST SEEN  TAGS",
      "gw-1      1.0.0      -      yes     -        -          -",
      "gw-2      -          -      no      -        -          site=berlin",
    ]);
  });

  it("says that more exist beyond the limit", async () => {
    api.on(`GET ${base}/devices`, { json: { items: [{ identity: "gw-1" }], next: "c1" } });
    const { stdout, stderr } = await otau("devices --limit 1");
    expect(stderr).toContain("more exist");
    expect(stdout).toContain("gw-1");
    expect(api.seen[0]?.query.get("limit")).toBe("1");
  });

  it("merges and removes tags", async () => {
    api.on(`PATCH ${base}/devices/gw-1`, { json: { identity: "gw-1", tags: { a: "1" } } });
    expect((await otau("devices tag gw-1 a=1 --remove b")).stdout).toBe("gw-1  a=1\n");
    expect(body()).toEqual({ tags: { a: "1", b: null } });
  });

  it("deletes several, and cancels and retries the update of one", async () => {
    for (const identity of ["gw-1", "gw-2"]) api.on(`DELETE ${base}/devices/${identity}`, { status: 204 });
    expect((await otau("devices delete gw-1 gw-2")).stdout).toBe("gw-1 deleted\ngw-2 deleted\n");
    api.on(`POST ${base}/devices/gw-1/cancel`, { json: { id: "u1", state: "canceled" } });
    expect((await otau("devices cancel gw-1 --update u1")).stdout).toBe("gw-1  u1  canceled\n");
    expect(body()).toEqual({ updateId: "u1" });
  });
});

describe("packages and deployments", () => {
  it("lists packages, the invalid among them", async () => {
    const config_otau = { version: "1.0.1", name: "Production", type: "FILE" };
    const items = [
      { id: "package_a", valid: true, state: "available", otau_info: { vendor: "Acme", config_otau } },
      { id: "package_b", valid: false, problems: [] },
    ];
    api.on(`GET ${base}/packages`, { json: { items, next: null } });
    const { stdout } = await otau("packages --vendor Acme --version 1.0.1");
    expect(stdout).toContain("package_a  1.0.1    FILE  available  Acme");
    expect(stdout).toMatch(/package_b .* invalid/);
    expect(api.seen[0]?.query.get("version")).toBe("1.0.1");
  });

  it("withdraws and restores a package", async () => {
    api.on(`POST ${base}/packages/package_a/withdraw`, { json: { id: "package_a", state: "withdrawn" } });
    api.on(`POST ${base}/packages/package_a/restore`, { json: { id: "package_a", state: "available" } });
    await otau("packages withdraw package_a --reason bad --stop");
    expect(body()).toEqual({ reason: "bad", stop: true });
    expect((await otau("packages restore package_a")).exitCode).toBe(0);
  });

  it("lists deployments with what is done", async () => {
    const totals = { total: 3, succeeded: 1, failed: 1, waiting: 1 };
    const item = { id: "dep_1", packageId: "package_a", version: "1", state: "halted", totals };
    api.on(`GET ${base}/deployments`, { json: { items: [item], next: null } });
    const { stdout } = await otau("deployments --state halted running");
    expect(stdout).toContain("dep_1  halted   2/3  package_a");
    expect(stdout).toContain("waiting 1, succeeded 1, failed 1");
  });

  it.each(["pause", "resume", "advance", "cancel"])("steers a deployment: %s", async (verb) => {
    api.on(`POST ${base}/deployments/dep_1/${verb}`, { json: { id: "dep_1", state: "running" } });
    const { exitCode, stdout } = await otau(`deployments ${verb} dep_1`);
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "deployment dep_1 is running\n" });
  });

  it("retries what failed and names what was left", async () => {
    const left = [{ identity: "gw-2", code: "NOTHING_TO_RETRY" }];
    api.on(`POST ${base}/deployments/dep_1/retry`, { json: { retried: 1, left } });
    const { stdout, stderr } = await otau("deployments retry dep_1");
    expect(body()).toEqual({ states: ["failed", "timed_out"] });
    expect({ stdout, stderr }).toEqual({
      stdout: "1 reopened\n",
      stderr: "gw-2 was left: NOTHING_TO_RETRY\n",
    });
  });
});

describe("history, why and token", () => {
  it("shows history oldest first, cut at the old end", async () => {
    const items = [
      {
        seq: 2,
        at: "t2",
        kind: "report",
        status: "INIT",
        version: "1",
        decision: "applied",
        from: "sent",
        to: "started",
      },
      { seq: 1, at: "t1", kind: "write", from: "waiting", to: "sent", attempt: 1 },
    ];
    api.on(`GET ${base}/devices/gw-1/history`, { json: { items, next: "c" } });
    const { stdout, stderr } = await otau("history gw-1 --limit 2");
    expect(api.seen[0]?.query.get("order")).toBe("desc");
    expect(stdout.indexOf("waiting → sent")).toBeLessThan(stdout.indexOf("sent → started"));
    expect(stderr).toContain("Older lines exist");
  });

  it("says why in the server's words", async () => {
    const answer = {
      code: "WAVE",
      text: "Wave 2 has not opened.",
      since: "t1",
      deploymentId: "dep_1",
      details: {},
    };
    api.on(`GET ${base}/devices/gw-1/why`, { json: answer });
    expect((await otau("why gw-1")).stdout).toBe(
      "WAVE  Wave 2 has not opened.\nsince       t1\ndeployment  dep_1\n",
    );
    expect(JSON.parse((await otau("why gw-1 --json")).stdout)).toEqual(answer);
    expect(JSON.parse((await otau("--json why gw-1")).stdout)).toEqual(answer);
  });

  it("prints a new token alone on stdout", async () => {
    api.on("POST /tokens", { status: 201, json: { id: "tok_1", token: "s3cret" } });
    const { stdout, stderr } = await otau("token create ci --role publisher --products acme");
    expect(stdout).toBe("s3cret\n");
    expect(stderr).toContain("tok_1");
    expect(body()).toEqual({ name: "ci", role: "publisher", products: ["acme"] });
    expect((await otau("token create ci --role emperor")).exitCode).toBe(2);
  });

  it("makes and revokes a device's token", async () => {
    api.on(`POST ${base}/devices/gw-1/token`, ({ text }) => ({
      json: text === "{}" ? { token: "d".repeat(40) } : { identity: "gw-1" },
    }));
    expect((await otau("token device gw-1")).stdout).toBe(`${"d".repeat(40)}\n`);
    expect((await otau("token device gw-1 --revoke")).stdout).toContain("no token");
    expect(body()).toEqual({ revoke: true });
  });

  it("lists, rotates and revokes tokens", async () => {
    api.on("GET /tokens", {
      json: { items: [{ id: "tok_1", name: "ci", role: "viewer", products: ["*"] }], next: null },
    });
    api.on("POST /tokens/tok_1/rotate", { json: { id: "tok_1", token: "new" } });
    api.on("DELETE /tokens/tok_1", { status: 204 });
    expect((await otau("token")).stdout).toContain("tok_1  ci    viewer  *");
    expect((await otau("token rotate tok_1")).stdout).toBe("new\n");
    expect((await otau("token revoke tok_1")).stdout).toBe("tok_1 is revoked\n");
  });
});
