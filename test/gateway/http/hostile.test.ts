import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openRawSocket, type RawSocket } from "../support/raw-socket.ts";
import { type Listener, openListener, token } from "./support.ts";

let listener: Listener;
let socket: RawSocket;

beforeEach(async () => {
  listener = await openListener({ headersTimeoutMs: 100, requestTimeoutMs: 100, maxConnections: 2 });
  socket = await openRawSocket(listener.port);
});

afterEach(async () => {
  socket.destroy();
  await listener.server.close(0);
});

const start = `POST /onep:v1/stack/alias HTTP/1.1\r\nHost: x\r\nX-Exosite-CIK: ${token}\r\n`;
const refused = (line: string): string =>
  `HTTP/1.1 ${line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;

describe("a hostile connection", () => {
  it("that never ends its headers is cut off", async () => {
    socket.send(start);
    expect(await socket.ended()).toBe(refused("408 Request Timeout"));
  });

  it("that never ends its body is cut off, and nothing is stored", async () => {
    socket.send(`${start}Content-Length: 100\r\n\r\na=1`);
    expect(await socket.ended()).toBe(refused("408 Request Timeout"));
    expect(listener.access.written).toEqual([]);
  });

  it.each([
    ["headers above 16 KiB", `X-Large: ${"x".repeat(20_000)}\r\n\r\n`, "431 Request Header Fields Too Large"],
    ["two ways to end a body", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", "400 Bad Request"],
    ["two lengths", "Content-Length: 3\r\nContent-Length: 4\r\n\r\na=1", "400 Bad Request"],
    ["a negative length", "Content-Length: -1\r\n\r\n", "400 Bad Request"],
    ["a folded header", "X-A: b\r\n c\r\nX B: c\r\n\r\n", "400 Bad Request"],
  ])("with %s is refused in few bytes", async (_name, rest, line) => {
    socket.send(start + rest);
    expect(await socket.ended()).toBe(refused(line));
    expect(listener.access.written).toEqual([]);
  });

  it("with a body announced above the limit is refused without reading it", async () => {
    socket.send(`${start}Content-Length: 999999999\r\n\r\n`);
    expect(await socket.until("\r\n\r\n")).toMatch(/^HTTP\/1\.1 413 /);
  });

  it("beyond the cap is not let in, and the others go on", async () => {
    const second = await openRawSocket(listener.port);
    const third = await openRawSocket(listener.port);
    expect(await third.ended()).toBe("");
    second.send("GET /timestamp HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(await second.until("\r\n\r\n1")).toMatch(/^HTTP\/1\.1 200 /);
    second.destroy();
  });
});

describe("hostile bytes", () => {
  it.each([
    "\0\x01\x02=%00%ff%fe",
    "=&=&&==",
    "a=\ud800",
    `otau_in=${"[".repeat(100_000)}`,
    `otau_in=${"[".repeat(20_000)}${"]".repeat(20_000)}`,
    `${"a=1&".repeat(900)}`,
    "%",
    "a=%E0%A4%A",
    "a={&".repeat(1_000_000),
    `${"a={".repeat(9_000)}`,
    "&".repeat(1_000_000),
  ])("%.24j in a body are answered, never with a fault of ours", async (body) => {
    // With the usual limits: how long a busy machine takes for a megabyte is not the matter here.
    const patient = await openListener();
    const response = await fetch(`${patient.url}/onep:v1/stack/alias`, {
      method: "POST",
      body,
      headers: { "X-Exosite-CIK": token, connection: "close" },
    });
    expect([204, 400]).toContain(response.status);
    await patient.server.close(0);
  });

  it.each(["/onep:v1/stack/alias?%", "/%zz", "//", "/../..", "/onep:v1/stack/alias?a%00&%2F..", "*"])(
    "%s as a target is answered",
    async (target) => {
      socket.send(`GET ${target} HTTP/1.1\r\nHost: \0\r\n\r\n`.replace("\0", "x"));
      expect(await socket.until("\r\n\r\n")).toMatch(/^HTTP\/1\.1 4\d\d /);
    },
  );
});
