import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import { openEvents } from "../support/event-stream.ts";

type Line = { readonly id: string; readonly type: string; readonly [field: string]: unknown };
type Page = { readonly items: readonly Line[]; readonly next: string | null };

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const base = "/products/default";

async function audit(query = "", product = "default", token = app.token): Promise<Line[]> {
  const lines: Line[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const mark: string = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const path = `/products/${product}/audit?limit=7${query}${mark}`;
    const page = await app.call<Page>("GET", path, undefined, { token });
    expect(page.status, JSON.stringify(page.body)).toBe(200);
    lines.push(...page.body.items);
    cursor = page.body.next;
  }
  return lines;
}

/** The journal follows what was done within moments. */
async function heard(query: string, count: number): Promise<Line[]> {
  await expect.poll(async () => (await audit(query)).length, { timeout: 8000 }).toBeGreaterThanOrEqual(count);
  return audit(query);
}

const otauInfo = (version: string) => ({
  otau_info: {
    config_otau: { version, name: "fw", type: "JSON", payload: { a: 1 } },
  },
});

describe("audit.list", () => {
  it("holds one line for each change of a device, its numbers without a gap", async () => {
    const path = `${base}/devices/dev-1`;
    await app.call("PUT", path, { tags: { site: "berlin" } });
    await app.call("PATCH", path, { tags: { site: "paris" } });
    await app.call("POST", `${path}/token`);
    await app.call("DELETE", path);
    const lines = await heard("&identity=dev-1", 4);
    expect(lines.map(({ type, seq, to }) => [type, seq, to])).toEqual([
      ["device.changed", 1, undefined],
      ["device.changed", 2, undefined],
      ["device.changed", 3, undefined],
      ["device.changed", 4, "deleted"],
    ]);
    for (const line of lines) expect(line["actor"]).toEqual({ kind: "token", id: "admin" });
  });

  it("shows a whole update with its package, deployment and exact totals", async () => {
    await app.call("PUT", `${base}/packages/package_a`, otauInfo("1.0.0"));
    await app.call("PUT", `${base}/devices/life-1`, {});
    const reader = await openEvents(`${app.apiUrl}/api/v1${base}/stream?types=deployment.totals`, app);
    await app.call("POST", `${base}/packages/package_a/apply`, { devices: ["life-1"] });
    await expect
      .poll(
        async () => (await app.call<{ state: string }>("GET", `${base}/devices/life-1/update`)).body.state,
      )
      .toBe("sent");
    const say = (status: string) =>
      app.call("POST", `${base}/events`, {
        type: "data_in",
        identity: "life-1",
        timestamp: Date.now() * 1000,
        payload: [
          { timestamp: Date.now() * 1000, values: { otau_in: JSON.stringify({ version: "1.0.0", status }) } },
        ],
      });
    for (const status of ["INIT", "INSTALL_SUCCESS", "INSTALLED_VERSION"])
      expect((await say(status)).status).toBe(200);
    await reader.until((seen) => (seen.at(-1)?.data["totals"] as { succeeded: number })?.succeeded === 1);
    for (const { data } of reader.seen) {
      const { total, ...states } = data["totals"] as Record<string, number>;
      expect(Object.values(states).reduce((sum, count) => sum + count, 0)).toBe(total);
    }
    reader.close();
    const lines = await audit("&identity=life-1");
    expect(lines.map(({ type, to, decision }) => [type, to ?? decision])).toEqual([
      ["device.changed", undefined],
      ["update.changed", "sent"],
      ["report.decided", "applied"],
      ["update.changed", "started"],
      ["report.decided", "applied"],
      ["update.changed", "confirming"],
      ["device.changed", undefined],
      ["report.decided", "applied"],
      ["update.changed", "succeeded"],
    ]);
    expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, at) => at + 1));
    expect(lines.at(-1)).toMatchObject({
      packageId: "package_a",
      version: "1.0.0",
      attempt: 1,
      from: "confirming",
    });
    const deploymentId = String(lines.at(-1)?.["deploymentId"]);
    const of = await audit(`&deploymentId=${deploymentId}&types=deployment.changed`);
    expect(of.map(({ to }) => to)).toEqual(["running", "finished"]);
  });

  it("holds what was refused: no token, a role that is not enough, a product of others", async () => {
    await app.call("PUT", "/products/acme", {});
    const made = await app.call<{ id: string; token: string }>("POST", "/tokens", {
      name: "viewer",
      role: "viewer",
      products: ["acme"],
    });
    const { id, token } = made.body;
    await app.call("GET", base, undefined, { token: null });
    await app.call("PUT", "/products/acme/devices/x", {}, { token });
    expect((await app.call("GET", base, undefined, { token })).status).toBe(404);
    const refused = "&types=access.refused";
    const [mine] = await heard(`${refused}&actor=token:${id}`, 1);
    expect(mine).toMatchObject({ productId: "default", reason: "NOT_FOUND", actor: { kind: "token", id } });
    expect((await audit(refused)).map(({ reason }) => reason)).toContain("UNAUTHORIZED");
    await expect
      .poll(async () => (await audit(refused, "acme")).map(({ reason }) => reason))
      .toEqual(["FORBIDDEN"]);
  });

  it("folds what one caller is refused over and over", async () => {
    const wrong = { "x-exosite-cik": "0".repeat(40) };
    const before = (await audit("&types=access.refused&actor=127.0.0.1")).length;
    for (let at = 0; at < 60; at++) {
      expect(
        (await fetch(`${app.deviceUrl}/onep:v1/stack/alias?config_otau`, { headers: wrong })).status,
      ).toBe(401);
    }
    await expect
      .poll(async () => JSON.stringify(await audit("&types=access.refused&actor=127.0.0.1")), {
        timeout: 5000,
      })
      .toMatch(/UNAUTHORIZED \(\d+ more like it\)/);
    expect((await audit("&types=access.refused&actor=127.0.0.1")).length - before).toBeLessThan(60);
  });

  it("filters by type, actor and time, and lists newest first", async () => {
    const all = await audit();
    expect(all.map(({ id }) => Number(id))).toEqual(all.map((_, at) => at + 1));
    const down = await audit("&order=desc");
    expect(down.map(({ id }) => id).slice(-all.length)).toEqual(all.map(({ id }) => id).toReversed());
    const middle = String(all[Math.floor(all.length / 2)]?.["at"]);
    const [earlier, later] = [await audit(`&to=${middle}`), await audit(`&from=${middle}`)];
    expect(
      earlier.every(({ at }) => String(at) < middle) && later.every(({ at }) => String(at) >= middle),
    ).toBe(true);
    expect(new Set([...earlier, ...later].map(({ id }) => id)).size).toBeGreaterThanOrEqual(all.length);
    const packages = await audit("&types=package.changed&types=deployment.changed&actor=admin");
    expect(new Set(packages.map(({ type }) => type))).toEqual(
      new Set(["package.changed", "deployment.changed"]),
    );
  });

  it("refuses a cursor of other filters, and unknown types", async () => {
    const { next } = (await app.call<Page>("GET", `${base}/audit?limit=1`)).body;
    const other = await app.call<{ code: string }>("GET", `${base}/audit?order=desc&cursor=${next}`);
    expect([other.status, other.body.code]).toEqual([400, "CURSOR_INVALID"]);
    expect((await app.call("GET", `${base}/audit?types=nothing`)).status).toBe(400);
    expect((await app.call("GET", "/products/nobody/audit")).status).toBe(404);
  });
});
