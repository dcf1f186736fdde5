import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDiskBlobs } from "../../../modules/adapters/blobs/disk-blobs.ts";
import type { BlobStore } from "../../../modules/usecases/ports.ts";

let folder: string;
let blobs: BlobStore;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "otau-blobs-"));
  blobs = await openDiskBlobs({ folder });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const sha256Of = (bytes: string) => createHash("sha256").update(bytes).digest("hex");
const files = () =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);

describe("bytes on disk", () => {
  it("are read back by their digest", async () => {
    const written = await blobs.write(Readable.from([Buffer.from("hello "), Buffer.from("world")]));
    expect(written).toEqual({ sha256: sha256Of("hello world"), length: 11 });
    const read = await blobs.read(written.sha256);
    expect(read && (await text(read))).toBe("hello world");
  });

  it("may be none", async () => {
    const written = await blobs.write(Readable.from([]));
    expect(written).toEqual({ sha256: sha256Of(""), length: 0 });
    const read = await blobs.read(written.sha256);
    expect(read && (await text(read))).toBe("");
  });

  it("are read in part, both ends included", async () => {
    const { sha256 } = await blobs.write(Readable.from([Buffer.from("0123456789")]));
    const read = await blobs.read(sha256, { start: 2, end: 4 });
    expect(read && (await text(read))).toBe("234");
  });

  it("are stored once when they come twice at the same time", async () => {
    const both = await Promise.all([
      blobs.write(Readable.from([Buffer.from("same")])),
      blobs.write(Readable.from([Buffer.from("same")])),
    ]);
    expect(both[0]).toEqual(both[1]);
    expect(files()).toHaveLength(1);
  });

  it("leave nothing behind when their stream breaks", async () => {
    const broken = new PassThrough();
    const writing = blobs.write(broken);
    broken.write("half of it");
    broken.destroy(new Error("the connection went away"));
    await expect(writing).rejects.toThrow("the connection went away");
    expect(files()).toEqual([]);
  });

  it("are refused beyond the limit, with nothing left", async () => {
    await expect(blobs.write(Readable.from([Buffer.alloc(11)]), { maxBytes: 10 })).rejects.toMatchObject({
      code: "TOO_LARGE",
    });
    expect(files()).toEqual([]);
  });

  it("are not found by a digest that is unknown or none at all", async () => {
    expect(await blobs.read(sha256Of("never written"))).toBeUndefined();
    expect(await blobs.read("../../etc/passwd")).toBeUndefined();
  });

  it("of a process that died while writing are swept away, of one at work are not", async () => {
    const dead = join(folder, "incoming", "dead");
    writeFileSync(dead, "x");
    utimesSync(dead, 1, 1);
    writeFileSync(join(folder, "incoming", "alive"), "x");
    await openDiskBlobs({ folder });
    expect(readdirSync(join(folder, "incoming"))).toEqual(["alive"]);
  });
});
