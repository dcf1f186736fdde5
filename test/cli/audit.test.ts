import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeJournalFiles } from "../../modules/adapters/redis/journal-files.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { runOtau } from "./support/run-otau.ts";

const key = "otau:{p:default}:journal";
const head = `${key}:head`;

let app: TestApp;
/** Thirty lines: the older ones in files, the newer in Redis, each a lot of its own. */
beforeEach(async () => {
  app = await startApp({ env: { OTAU_JOURNAL_LINES: "10", OTAU_ROLES: "api" } });
  for (let at = 0; at < 30; at++) {
    await app.call("PUT", `/products/default/devices/gw-${at}`, {});
    await app.stores.journal.relayAll();
    if (at === 11 || at === 19) await app.stores.archive.archive("default");
  }
  await app.stores.archive.archive("default");
});
afterEach(() => app.close());

const verify = (...args: readonly string[]) =>
  runOtau(["audit", "verify", ...args], { env: { OTAU_URL: String(app.apiUrl), OTAU_TOKEN: app.token } });
const folder = () => join(app.dataDir, "journal", "default");
const files = () => readdirSync(folder()).sort();
const edit = (name: string, change: (text: string) => string) => {
  const path = join(folder(), name);
  writeFileSync(path, change(readFileSync(path, "utf8")));
};
type Row = readonly [id: string, fields: readonly string[]];
const lots = async () => (await app.redis.client.xrange(key, "-", "+")) as unknown as Row[];
/** Writes the stream anew, as somebody with access to Redis could. */
async function rewrite(change: (rows: readonly Row[]) => readonly Row[]): Promise<void> {
  const rows = change(await lots());
  await app.redis.client.del(key);
  for (const [id, fields] of rows) await app.redis.client.xadd(key, id, ...fields);
}
const textOf = ([, fields]: Row) => fields[1] ?? "";
const withText = ([id, [name = "", , ...rest]]: Row, text: string): Row => [id, [name, text, ...rest]];

async function expectBroken(what: RegExp): Promise<void> {
  const { exitCode, stderr } = await verify();
  expect(stderr).toMatch(/tampered/);
  expect(stderr).toMatch(what);
  expect(exitCode).toBe(1);
}

describe("otau audit verify", () => {
  it("finds a journal intact whose lines are in files and in Redis, and reads it as one", async () => {
    expect(files().length).toBeGreaterThanOrEqual(3);
    expect(await lots()).toHaveLength(10);
    const { stdout, exitCode } = await verify();
    expect(stdout).toContain("The journal is intact: 30 lines.");
    expect(exitCode).toBe(0);
    const end = /end {2}(\S+)/.exec(stdout)?.[1] ?? "";
    expect((await verify("--expect", end)).exitCode).toBe(0);
    expect((await verify("--expect", end.replace(/:.*/, ":x"))).exitCode).toBe(1);
    expect((await verify("--expect", "soon")).exitCode).toBe(2);

    type Page = { items: { id: string }[]; next: string | null };
    for (const order of ["asc", "desc"]) {
      const ids: number[] = [];
      for (let cursor: string | null = ""; cursor !== null; ) {
        const mark: string = cursor === "" ? "" : `&cursor=${cursor}`;
        const path = `/products/default/audit?limit=7&order=${order}${mark}`;
        const page: Page = (await app.call<Page>("GET", path)).body;
        ids.push(...page.items.map(({ id }) => Number(id)));
        cursor = page.next;
      }
      const expected = Array.from({ length: 30 }, (_, at) => at + 1);
      expect(ids).toEqual(order === "asc" ? expected : expected.reverse());
    }
  });

  it("finds a line that was edited in Redis", async () => {
    await rewrite((rows) =>
      rows.map((row, at) => (at === 4 ? withText(row, textOf(row).replace("gw-", "gx-")) : row)),
    );
    await expectBroken(/digest after line 25 /);
  });

  it("finds a line that was edited in Redis, digest and all", async () => {
    await rewrite((rows) =>
      rows.map(([id, fields], at) =>
        at === 4 ? [id, [...fields.slice(0, 3), "x".repeat(43)]] : [id, fields],
      ),
    );
    await expectBroken(/digest after line 25 /);
  });

  it("finds a line that was dropped from Redis", async () => {
    await rewrite((rows) => rows.toSpliced(4, 1));
    await expectBroken(/line 26 stands where line 25 belongs/);
  });

  it("finds lines that were swapped in Redis", async () => {
    await rewrite((rows) => {
      const [a, b] = [textOf(rows[4] as Row), textOf(rows[5] as Row)];
      return rows.map((row, at) => (at === 4 ? withText(row, b) : at === 5 ? withText(row, a) : row));
    });
    await expectBroken(/line 26 stands where line 25 belongs/);
  });

  it("finds the newest lines cut off, and the oldest", async () => {
    await app.redis.client.xdel(key, "29-0", "30-0");
    await expectBroken(/lines 29 to 30 are missing/);
    await app.redis.client.xtrim(key, "MINID", "25-0");
    await expectBroken(/line 25 stands where line 21 belongs/);
    await app.redis.client.del(key);
    await expectBroken(/lines 21 to 30 are missing/);
  });

  it("finds a head that was set back, by what was noted elsewhere", async () => {
    const end = /end {2}(\S+)/.exec((await verify()).stdout)?.[1] ?? "";
    const before = (await lots()).at(-2);
    await app.redis.client.xdel(key, "30-0");
    await app.redis.client.hset(head, { n: "29", digest: String(before?.[1][3]) });
    const { stderr, exitCode } = await verify("--expect", end);
    expect([stderr, exitCode]).toEqual([expect.stringContaining("lines 30 to 30 are missing"), 1]);
  });

  it("finds a line that was edited in a file", async () => {
    edit(files()[1] ?? "", (text) => text.replace('"identity":"gw-', '"identity":"gx-'));
    await expectBroken(/digest after line \d+ is not/);
  });

  it("finds a line that was dropped from a file, and lines that were swapped", async () => {
    const [name = ""] = files().slice(-1);
    const whole = readFileSync(join(folder(), name), "utf8");
    edit(name, (text) => text.split("\n").toSpliced(2, 1).join("\n"));
    await expectBroken(/stands where line \d+ belongs/);
    writeFileSync(join(folder(), name), whole);
    expect((await verify()).exitCode).toBe(0);
    edit(name, (text) => {
      const rows = text.split("\n");
      return [...rows.slice(0, 1), rows[2], rows[1], ...rows.slice(3)].join("\n");
    });
    await expectBroken(/stands where line \d+ belongs/);
  });

  it("looks at the disk, not at what is remembered", async () => {
    const store = makeJournalFiles(join(app.dataDir, "journal"));
    const [file] = await store.list("default");
    if (file === undefined) throw new Error("no file");
    const { texts } = await store.read("default", file);
    edit(file.name, (text) => text.replace("gw-", "gx-"));
    expect((await store.read("default", file)).texts).toEqual(texts);
    expect((await store.read("default", file, { fresh: true })).texts).not.toEqual(texts);
  });

  it("finds a file that is gone: the first, one between, the last", async () => {
    for (const at of [0, 1, -1]) {
      const name = files().at(at) ?? "";
      const whole = readFileSync(join(folder(), name));
      rmSync(join(folder(), name));
      await expectBroken(/missing|stands where/);
      writeFileSync(join(folder(), name), whole);
    }
    expect((await verify()).exitCode).toBe(0);
  });

  it("does not take up into a file what was spoilt before", async () => {
    await rewrite((rows) =>
      rows.map((row, at) => (at === 0 ? withText(row, textOf(row).replace("gw-", "gx-")) : row)),
    );
    for (let at = 30; at < 45; at++) await app.call("PUT", `/products/default/devices/gw-${at}`, {});
    await app.stores.journal.relayAll();
    expect(await app.stores.archive.archive("default")).toBe(0);
    await expectBroken(/digest after line 21 /);
  });
});

describe("files of old lines", () => {
  it("are deleted when they are too old, but not what a webhook still needs", async () => {
    await using keeping = await startApp({
      on: app,
      env: { OTAU_JOURNAL_LINES: "10", OTAU_JOURNAL_DAYS: "1", OTAU_ROLES: "api" },
    });
    const { archive } = keeping.stores;
    await archive.retain("default", 100, Date.now());
    const before = files();
    await archive.retain("default", 1, Date.now() + 100_000_000);
    expect(files()).toEqual(before);
    const second = Number(before[1]?.slice(0, 16));
    await archive.retain("default", second, Date.now() + 100_000_000);
    expect(files()).toEqual(before.slice(1));
    expect((await verify()).stdout).toContain("intact: 30 lines");
    rmSync(join(folder(), files()[0] ?? ""));
    await expectBroken(/missing|stands where/);
  });

  it("that were written by a process that died are written anew", async () => {
    for (let at = 30; at < 45; at++) await app.call("PUT", `/products/default/devices/gw-${at}`, {});
    await app.stores.journal.relayAll();
    writeFileSync(join(folder(), `${"21".padStart(16, "0")}-${"22".padStart(16, "0")}.ndjson`), "torn");
    expect(await app.stores.archive.archive("default")).toBeGreaterThan(0);
    expect((await verify()).stdout).toContain("intact: 45 lines");
  });
});
