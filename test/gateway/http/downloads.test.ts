import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { openRawSocket, type RawSocket } from "../support/raw-socket.ts";
import { type Listener, openListener, token } from "./support.ts";

const bytes = Buffer.from("0123456789");
let listener: Listener;
let socket: RawSocket;

beforeAll(async () => {
  listener = await openListener();
  listener.access.addContent("fw/1.bin", bytes, { tags: { note: "a,b" } });
  listener.access.addContent("empty", Buffer.alloc(0), { type: "text/plain" });
});
afterAll(() => listener.server.close(0));

/** Exactly what comes back on a connection of its own. */
async function ask(target: string, headers: readonly string[] = [`X-Exosite-CIK: ${token}`], method = "GET") {
  socket = await openRawSocket(listener.port);
  socket.send(
    `${[`${method} ${target} HTTP/1.1`, "Host: x", ...headers, "Connection: close"].join("\r\n")}\r\n\r\n`,
  );
  return socket.ended();
}

const end = "Connection: close\r\n\r\n";

describe("GET /provision/download", () => {
  it("lists the ids, one a line", async () => {
    const want = `HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 14\r\n${end}fw/1.bin\nempty`;
    expect(await ask("/provision/download")).toBe(want);
    expect(await ask("/provision/download?vendor=default&model=default")).toBe(want);
  });

  it("tells type, length, time and tags of an item in one line", async () => {
    const line = 'application/octet-stream,10,1700000000,{"note":"a,b"}';
    expect(await ask("/provision/download?id=fw%2F1.bin&info=true")).toBe(
      `HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: ${line.length}\r\n${end}${line}`,
    );
    expect(await ask("/provision/download?id=empty&info=true")).toContain("\r\n\r\ntext/plain,0,1700000000,");
  });

  it("sends the bytes with their length and never in chunks", async () => {
    expect(await ask("/provision/download?id=fw/1.bin")).toBe(
      `HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 10\r\n${end}0123456789`,
    );
    expect(await ask("/provision/download?vendor=default&model=default&id=empty")).toBe(
      `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n${end}`,
    );
  });

  it.each([
    ["bytes=0-3", "Content-Length: 4\r\nContent-Range: bytes 0-3/10", "0123"],
    ["bytes=7-99", "Content-Length: 3\r\nContent-Range: bytes 7-9/10", "789"],
    ["bytes=8-", "Content-Length: 2\r\nContent-Range: bytes 8-9/10", "89"],
    ["bytes=-1", "Content-Length: 1\r\nContent-Range: bytes 9-9/10", "9"],
    ["bytes=-99", "Content-Length: 10\r\nContent-Range: bytes 0-9/10", "0123456789"],
  ])("sends the range %s as 206", async (range, headers, part) => {
    expect(
      await ask("/provision/download?id=fw/1.bin", [`Authorization: token ${token}`, `Range: ${range}`]),
    ).toBe(
      `HTTP/1.1 206 Partial Content\r\nContent-Type: application/octet-stream\r\n${headers}\r\n${end}${part}`,
    );
  });

  it.each(["bytes=10-", "bytes=10-12", "bytes=-0"])("refuses the range %s with 416", async (range) => {
    const reply = await ask("/provision/download?id=fw/1.bin", [
      `X-Exosite-CIK: ${token}`,
      `Range: ${range}`,
    ]);
    expect(reply).toBe(
      `HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nContent-Range: bytes */10\r\n${end}`,
    );
  });

  it.each(["bytes=5-2", "lines=1-2", "bytes=0-1,3-4", "bytes=-", "bytes=a-b"])(
    "sends all where the range %s says nothing it knows",
    async (range) => {
      const reply = await ask("/provision/download?id=fw/1.bin", [
        `X-Exosite-CIK: ${token}`,
        `Range: ${range}`,
      ]);
      expect(reply).toMatch(/^HTTP\/1.1 200 OK/);
      expect(reply).toMatch(/0123456789$/);
    },
  );

  it("is 403 without a valid token, also for what does not exist", async () => {
    expect(await ask("/provision/download", [])).toMatch(/^HTTP\/1.1 403 /);
    expect(await ask("/provision/download?id=nothing", [])).toMatch(/^HTTP\/1.1 403 /);
    expect(await ask("/provision/download", [`X-Exosite-CIK: ${"f".repeat(40)}`])).toMatch(/^HTTP\/1.1 403 /);
  });

  it("is 404 for an unknown item and 403, with info 400, for another product", async () => {
    expect(await ask("/provision/download?id=nothing")).toMatch(/^HTTP\/1.1 404 /);
    expect(await ask("/provision/download?id=nothing&info=true")).toMatch(/^HTTP\/1.1 404 /);
    expect(await ask("/provision/download?id=empty&vendor=other&model=other")).toMatch(/^HTTP\/1.1 403 /);
    expect(await ask("/provision/download?id=empty&info=true&vendor=other")).toMatch(/^HTTP\/1.1 400 /);
  });

  it("keeps the connection for the next request", async () => {
    socket = await openRawSocket(listener.port);
    const request = `GET /provision/download?id=fw/1.bin HTTP/1.1\r\nHost: x\r\nX-Exosite-CIK: ${token}\r\n\r\n`;
    socket.send(request + request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    expect((await socket.ended()).match(/0123456789/g)).toHaveLength(2);
  });
});

describe("a signed link", () => {
  const good = "/content/default/fw/1.bin?expires=9&signature=good";
  const facts = '"84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"';

  it("gives the bytes to whoever has it, with what a download needs to go on", async () => {
    expect(await ask(good, [])).toBe(
      `HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 10\r\nETag: ${facts}\r\nAccept-Ranges: bytes\r\n${end}0123456789`,
    );
    expect(await ask("/content/default/fw%2F1.bin?signature=good&expires=9", [])).toMatch(/0123456789$/);
    expect(await ask(good, [], "HEAD")).toMatch(/Content-Length: 10\r\n[\s\S]*\r\n\r\n$/);
  });

  it("gives a range, and all of it where the bytes have changed since", async () => {
    expect(await ask(good, ["Range: bytes=5-", `If-Range: ${facts}`])).toMatch(/206 [\s\S]*\r\n\r\n56789$/);
    expect(await ask(good, ["Range: bytes=5-", 'If-Range: "other"'])).toMatch(/200 OK[\s\S]*0123456789$/);
    expect(await ask(good, [`If-None-Match: "x", W/${facts}`])).toMatch(/^HTTP\/1.1 304 /);
  });

  it("is 403 when forged, cut or expired, and 404 when the item is gone", async () => {
    expect(await ask("/content/default/empty?expires=9&signature=bad", [])).toMatch(/^HTTP\/1.1 403 /);
    expect(await ask("/content/default/empty", [])).toMatch(/^HTTP\/1.1 403 /);
    expect(await ask("/content/", [])).toMatch(/^HTTP\/1.1 403 /);
    expect(await ask("/content/default/empty?expires=1&signature=good", [])).toMatch(/403 [\s\S]*expired/);
    expect(await ask("/content/default/gone?expires=9&signature=good", [])).toMatch(/^HTTP\/1.1 404 /);
  });
});

describe("a download that cannot go on", () => {
  it("is ended when the device takes no byte for a while, and gives its place back", async () => {
    const slow = await openListener({ maxDownloads: 1, downloadStallMs: 300 });
    slow.access.addContent("big", Buffer.alloc(64 * 1_048_576));
    slow.access.addContent("small", bytes);
    const request = (id: string) =>
      `GET /provision/download?id=${id} HTTP/1.1\r\nHost: x\r\nX-Exosite-CIK: ${token}\r\nConnection: close\r\n\r\n`;
    const stalled = connect(slow.port, "127.0.0.1");
    stalled.on("error", () => {});
    stalled.write(request("big"));
    await once(stalled, "readable");
    const second = await openRawSocket(slow.port);
    second.send(request("small"));
    expect(await second.ended()).toMatch(/^HTTP\/1.1 503 [\s\S]*Retry-After: 10/);
    await vi.waitFor(
      async () => {
        const next = await openRawSocket(slow.port);
        next.send(request("small"));
        expect(await next.ended()).toMatch(/^HTTP\/1.1 200 [\s\S]*0123456789$/);
      },
      { timeout: 5000, interval: 100 },
    );
    stalled.destroy();
    await slow.server.close(0);
  });

  it("ends the connection when the bytes break off, as their length was promised", async () => {
    const broken = await openListener();
    broken.access.addContent("cut", bytes);
    const content = await broken.access.followLink({
      productId: "default",
      id: "cut",
      expires: "9",
      signature: "good",
    });
    if (content.outcome !== "found") throw new Error("no content");
    const cut = { ...content.content, length: 20 };
    broken.access.findContent = async () => cut;
    const socket = await openRawSocket(broken.port);
    socket.send(`GET /provision/download?id=cut HTTP/1.1\r\nHost: x\r\nX-Exosite-CIK: ${token}\r\n\r\n`);
    expect(await socket.ended()).toMatch(/Content-Length: 20\r\n\r\n(0123456789)?$/);
    await broken.server.close(0);
  });
});
