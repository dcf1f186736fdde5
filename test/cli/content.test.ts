import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type ApiStandIn, refusal, startApiStandIn } from "./support/api-stand-in.ts";
import { type Outcome, runOtau } from "./support/run-otau.ts";

/** The example of the schema document, as it stands there behind the program's name. */
const schemaExample =
  "content upload package_acme_iotgw1_prod_1-0-1.json --tags otau_info=%7B%22author%22%3A%22Rob%20Updater%22%2C%22vendor%22%3A%22Acme%22%2C%22product%22%3A%22IoT%20Gateway1%22%2C%22config_otau%22%3A%7B%22version%22%3A%221.0.1%22%2C%22name%22%3A%22Production%201.0.1%20Package%22%2C%22description%22%3A%22Updated%20production%20units%20with%20bug%20fixes%22%2C%22type%22%3A%22FILE%22%2C%22payload%22%3A%22https%3A%2F%2Fwww.example.com%2Fotau.txt%22%7D%7D";

const contentPath = "/products/default/content";

let api: ApiStandIn;
let workingDir: string;

beforeEach(async () => {
  api = await startApiStandIn();
  workingDir = await mkdtemp(join(tmpdir(), "otau-cli-"));
});
afterEach(async () => {
  await api[Symbol.asyncDispose]();
  await rm(workingDir, { recursive: true });
});

function otau(...args: readonly string[]): Promise<Outcome> {
  return runOtau(args, { env: { OTAU_URL: api.url, OTAU_TOKEN: "secret" }, workingDir });
}

it("takes the schema's example line word for word and keeps the tag percent-encoded", async () => {
  const id = "package_acme_iotgw1_prod_1-0-1.json";
  api.on(`PUT ${contentPath}/${id}`, {
    status: 201,
    json: { id, length: 0, sha256: "e3b0", valid: true, problems: [] },
  });
  const { exitCode, stdout, stderr } = await otau(...schemaExample.split(" "));
  expect(exitCode).toBe(0);
  expect(stderr).toContain("zero bytes");
  expect(stdout).toContain(id);
  const [request] = api.seen;
  const typed = schemaExample.slice(schemaExample.indexOf("otau_info=") + "otau_info=".length);
  expect(JSON.parse(request?.query.get("tags") ?? "")).toEqual({ otau_info: typed });
  expect(request).toMatchObject({
    text: "",
    headers: { authorization: "Bearer secret", "content-length": "0" },
  });
  expect(request?.headers["content-type"]).toBe("application/json");
});

it("uploads a file's bytes with the MIME type of its extension", async () => {
  await writeFile(join(workingDir, "notes.txt"), "hello");
  api.on(`PUT ${contentPath}/notes.txt`, { json: { id: "notes.txt", length: 5, sha256: "2cf2" } });
  const { exitCode, stdout, stderr } = await otau("content", "upload", "notes.txt");
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout).toBe("notes.txt  5 bytes  sha256 2cf2\n");
  expect(api.seen[0]).toMatchObject({ text: "hello", headers: { "content-type": "text/plain" } });
});

it("gives the item the id that the tag called name says, as one segment of the address", async () => {
  await writeFile(join(workingDir, "fw.bin"), "x");
  api.on(`PUT ${contentPath}/firmware%2F1.0.1.bin`, { json: { id: "firmware/1.0.1.bin", length: 1 } });
  const { exitCode } = await otau(
    "content",
    "upload",
    "fw.bin",
    "--tags",
    "name=firmware/1.0.1.bin",
    "a=b=c",
  );
  expect(exitCode).toBe(0);
  expect(JSON.parse(api.seen[0]?.query.get("tags") ?? "")).toEqual({ name: "firmware/1.0.1.bin", a: "b=c" });
});

it("collects repeated --tags", async () => {
  api.on(`PUT ${contentPath}/package_a`, { json: { id: "package_a" } });
  await otau("content", "upload", "package_a", "--tags", "a=1", "--tags", "b=2", "c=3");
  expect(JSON.parse(api.seen[0]?.query.get("tags") ?? "")).toEqual({ a: "1", b: "2", c: "3" });
});

it("sends tags that are too large for an address in the body, before the file", async () => {
  api.on(`PUT ${contentPath}/package_a`, { json: { id: "package_a" } });
  const { exitCode } = await otau(
    "content",
    "upload",
    "package_a",
    "--tags",
    `otau_info=${"x".repeat(9000)}`,
  );
  expect(exitCode).toBe(0);
  const text = api.seen[0]?.text ?? "";
  expect(api.seen[0]?.headers["content-type"]).toMatch(/^multipart\/form-data/);
  expect(text.indexOf('name="tags"')).toBeGreaterThan(0);
  expect(text.indexOf('name="file"')).toBeGreaterThan(text.indexOf('name="tags"'));
});

it.each([["=v"], ["k="], ["k"]])("refuses the tag %s as wrong usage", async (tag) => {
  const { exitCode, stderr } = await otau("content", "upload", "package_a", "--tags", tag);
  expect(exitCode).toBe(2);
  expect(stderr).toContain(tag);
  expect(api.seen).toEqual([]);
});

it("fails for a missing file that is no package", async () => {
  const { exitCode, stderr } = await otau("content", "upload", "firmware.bin");
  expect(exitCode).toBe(1);
  expect(stderr).toContain("there is no file");
});

it("names what is wrong with a package that was stored invalid", async () => {
  const problems = [{ path: "/config_otau/version", message: "is missing" }];
  api.on(`PUT ${contentPath}/package_a`, { status: 201, json: { id: "package_a", valid: false, problems } });
  const { stdout } = await otau("content", "upload", "package_a", "--tags", "otau_info={}");
  expect(stdout).toContain("invalid package");
  expect(stdout).toContain("/config_otau/version: is missing");
});

it("lists ids on lines of their own, and everything with -l", async () => {
  api.on(`GET ${contentPath}`, {
    json: { items: [{ id: "a.txt", length: 5, type: "text/plain", tags: {} }], next: null },
  });
  expect((await otau("content", "list", "--prefix", "a")).stdout).toBe("a.txt\n");
  expect(api.seen[0]?.query.get("prefix")).toBe("a");
  expect((await otau("content", "list", "-l")).stdout).toBe(
    "ID     LENGTH  TYPE        TAGS\na.txt       5  text/plain  {}\n",
  );
});

it("downloads to stdout, or into a file that stands only when it is whole", async () => {
  api.on(`GET ${contentPath}/a%2Fb/data`, { bytes: Buffer.from("bytes") });
  expect((await otau("content", "download", "a/b")).stdout).toBe("bytes");
  expect((await otau("content", "download", "a/b", "-o", "out.bin")).exitCode).toBe(0);
  expect(await readFile(join(workingDir, "out.bin"), "utf8")).toBe("bytes");
  expect((await otau("content", "download", "a/b", "--json")).exitCode).toBe(2);
});

it("shows and deletes an item", async () => {
  api.on(`GET ${contentPath}/a`, { json: { id: "a", length: 3 } });
  api.on(`DELETE ${contentPath}/a`, { status: 204 });
  expect((await otau("content", "info", "a")).stdout).toBe("id      a\nlength  3\n");
  expect((await otau("content", "delete", "a", "--json")).stdout).toBe(
    '{\n  "id": "a",\n  "deleted": true\n}\n',
  );
});

it("says what to type next when a package in use is not to be deleted", async () => {
  api.on(`DELETE ${contentPath}/package_a`, refusal(409, "PACKAGE_IN_USE", "2 updates refer to it."));
  const { exitCode, stderr } = await otau("content", "delete", "package_a");
  expect(exitCode).toBe(1);
  expect(stderr).toBe(
    "otau: PACKAGE_IN_USE: 2 updates refer to it.\nSee by whom with: otau deployments --package PACKAGE, then wait or cancel.\n",
  );
});

it("never turns an id into another route", async () => {
  const { exitCode } = await otau("content", "info", "..");
  expect(exitCode).toBe(2);
  expect(api.seen).toEqual([]);
});
