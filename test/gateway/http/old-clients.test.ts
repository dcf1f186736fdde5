import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openRawSocket, type RawSocket } from "../support/raw-socket.ts";
import { type Listener, nowMs, openListener, token } from "./support.ts";

let listener: Listener;
let socket: RawSocket;

beforeEach(async () => {
  listener = await openListener();
  socket = await openRawSocket(listener.port);
});

afterEach(async () => {
  socket.destroy();
  await listener.server.close(0);
});

const noContent = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n";

describe("the C library", () => {
  it("activates with vendor, model and sn, and finds its token in 512 bytes", async () => {
    listener.access.addDevice("00:11:22", undefined, "pid1");
    const body = "vendor=pid1&model=pid1&sn=00:11:22";
    socket.send(
      `POST /provision/activate HTTP/1.1\r\nHost: m2.exosite.com\r\nContent-Length: ${body.length}\r\n` +
        `Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n\r\n${body}`,
    );
    const reply = await socket.until("\r\n\r\n");
    expect(reply).toMatch(
      /^HTTP\/1\.1 200 OK\r\nContent-Type: text\/plain\r\nContent-Length: 40\r\n\r\n[0-9a-f]{40}$/,
    );
    expect(reply.length).toBeLessThan(512);
  });

  it("writes and reads in one request, writes first", async () => {
    listener.access.set("gw-1", "config_otau", "{}", 1_700_000_000_000_000);
    socket.send(
      `POST /onep:v1/stack/alias?config_otau&ping HTTP/1.1\r\nHost: m2.exosite.com\r\nX-Exosite-CIK: ${token}\r\n` +
        "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n" +
        "Accept: application/x-www-form-urlencoded; charset=utf-8\r\nContent-Length: 6\r\n\r\nping=1",
    );
    expect(await socket.until("ping=1")).toBe(
      "HTTP/1.1 200 OK\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 25\r\n\r\n" +
        "config_otau=%7B%7D&ping=1",
    );
  });

  it("is sent a 401 with a length when its token is wrong", async () => {
    socket.send("GET /onep:v1/stack/alias?a HTTP/1.1\r\nHost: x\r\nX-Exosite-CIK: wrong\r\n\r\n");
    expect(await socket.until("\r\n\r\n")).toMatch(
      /^HTTP\/1\.1 401 Unauthorized\r\n.*\r\nContent-Length: \d+\r\n\r\n/,
    );
  });
});

describe("the Arduino library", () => {
  it("may end its body with a line end beyond its length and go on", async () => {
    const request =
      "POST /onep:v1/stack/alias HTTP/1.1\r\nHost: default.m2.exosite.io\r\nConnection: keep-alive\r\n" +
      `Authorization: token ${token}\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\n` +
      "Content-Length: 3\r\n\r\na=1\r\n";
    socket.send(request);
    expect(await socket.until("\r\n\r\n")).toBe(noContent);
    socket.clear();
    socket.send(request.replace("a=1", "a=2"));
    expect(await socket.until("\r\n\r\n")).toBe(noContent);
    expect(listener.access.written.map(({ entry }) => entry.values)).toEqual([{ a: "1" }, { a: "2" }]);
  });

  it("polls from the beginning and is answered at once", async () => {
    listener.access.set("gw-1", "config_otau", "x y", 1_700_000_000_250_000);
    socket.send(
      "GET /onep:v1/stack/alias?config_otau HTTP/1.1\r\nHost: default.m2.exosite.io\r\n" +
        `Authorization: token ${token}\r\nRequest-Timeout: 5000\r\nIf-Modified-Since: 0\r\n\r\n`,
    );
    expect(await socket.until("x%20y")).toBe(
      "HTTP/1.1 200 OK\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 17\r\n" +
        "Last-Modified: Tue, 14 Nov 2023 22:13:21 GMT\r\n\r\nconfig_otau=x%20y",
    );
  });
});

describe("the Python library and the simulator", () => {
  it("post raw JSON, signs and all", async () => {
    const report = '{"version":"1.0+1","status":"DOWNLOAD_STEP","message":"40% & more=better"}';
    const body = `otau_in=${report}`;
    socket.send(
      `POST /onep:v1/stack/alias HTTP/1.1\r\nHost: x\r\nX-EXOSITE-CIK: ${token}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect(await socket.until("\r\n\r\n")).toBe(noContent);
    expect(listener.access.written[0]?.entry.values).toEqual({ otau_in: report });
  });

  it("send a reply's body back byte for byte and mean the same value", async () => {
    const value = '{"payload":"https://x/a%20b?c=d&e=f+g","name":"ü \\n"}';
    listener.access.set("gw-1", "config_otau", value, 1_700_000_000_000_000);
    socket.send(
      `GET /onep:v1/stack/alias?config_otau HTTP/1.1\r\nHost: x\r\nX-EXOSITE-CIK: ${token}\r\n\r\n`,
    );
    const body = (await socket.until("config_otau=")).split("\r\n\r\n")[1] ?? "";
    socket.send(
      `POST /onep:v1/stack/alias HTTP/1.1\r\nHost: x\r\nX-EXOSITE-CIK: ${token}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await socket.until(noContent);
    expect(listener.access.written[0]?.entry.values).toEqual({ config_otau: value });
  });
});

describe("the clock", () => {
  it("is told without a credential, in Unix seconds", async () => {
    socket.send("GET /timestamp HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(await socket.until("\r\n\r\n1")).toBe(
      `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\n${nowMs / 1000}`,
    );
  });
});

describe("connections", () => {
  it("of HTTP/1.0 are told whether they are kept", async () => {
    socket.send("GET /timestamp HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    expect(await socket.until("\r\n\r\n")).toContain("\r\nConnection: keep-alive\r\n\r\n");
    socket.send("GET /timestamp HTTP/1.0\r\n\r\n");
    expect(await socket.ended()).toContain("\r\nConnection: close\r\n\r\n");
  });

  it("end with a small 400 when they speak no HTTP", async () => {
    socket.send("\x16\x03\x01 hello\r\n\r\n");
    expect(await socket.ended()).toBe(
      "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    );
  });

  it("have their pipelined reports stored in the order sent", async () => {
    const open = listener.access.holdWrites();
    const write = (value: string): string =>
      `POST /onep:v1/stack/alias HTTP/1.1\r\nHost: x\r\nX-Exosite-CIK: ${token}\r\nContent-Length: 3\r\n\r\na=${value}`;
    socket.send(write("1") + write("2") + write("3"));
    open();
    while (socket.received() !== noContent.repeat(3)) await socket.until(`${socket.received()}H`);
    expect(listener.access.written.map(({ entry }) => entry.values["a"])).toEqual(["1", "2", "3"]);
  });
});
