import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openRawSocket, type RawSocket } from "../support/raw-socket.ts";
import {
  bytes,
  connectPacket,
  packet,
  publishPacket,
  subscribePacket,
  unsubscribePacket,
} from "./packets.ts";
import { type Listener, openListener, token } from "./support.ts";

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

const accepted = bytes(0x20, 2, 0, 0);
const puback = (id: number): string => bytes(0x40, 2, 0, id);

async function login(): Promise<void> {
  socket.send(connectPacket({ user: "", password: token }));
  await socket.until(accepted);
  socket.clear();
}

describe("a login", () => {
  it("with a token as password is accepted, without a session present", async () => {
    socket.send(connectPacket({ user: "", password: token, clientId: "x".repeat(100), cleanSession: false }));
    expect(await socket.until(accepted)).toBe(accepted);
  });

  it.each([{ user: "", password: "0".repeat(40) }, { user: "gw-1", password: "nonsense" }, { user: "gw-1" }])(
    "with %j is refused with code 4",
    async (credentials) => {
      socket.send(connectPacket(credentials));
      expect(await socket.ended()).toBe(bytes(0x20, 2, 0, 4));
    },
  );

  it("with a revoked token is refused with code 4", async () => {
    listener.access.revoke(token);
    socket.send(connectPacket({ user: "", password: token }));
    expect(await socket.ended()).toBe(bytes(0x20, 2, 0, 4));
  });

  it("while the store is away is refused with code 3", async () => {
    listener.access.isAway = true;
    socket.send(connectPacket({ user: "", password: token }));
    expect(await socket.ended()).toBe(bytes(0x20, 2, 0, 3));
  });

  it("of MQTT 5 is refused with code 1 and a line in the log", async () => {
    socket.send(connectPacket({ user: "", password: token, level: 5 }));
    expect(await socket.ended()).toBe(bytes(0x20, 2, 0, 1));
    expect(listener.logLines.join("")).toContain("MQTT 5 client refused");
  });

  it("must come first", async () => {
    socket.send(publishPacket("$resource/a", "1", 1));
    expect(await socket.ended()).toBe("");
    expect(listener.access.written).toEqual([]);
  });
});

describe("a publish", () => {
  it("is acknowledged once it is stored, not before", async () => {
    await login();
    const open = listener.access.holdWrites();
    socket.send(publishPacket("$resource/otau_in", '{"version":"1"}', 1, 7));
    socket.send(packet(0xc0));
    await socket.until(bytes(0xd0, 0));
    expect(socket.received()).toBe(bytes(0xd0, 0));
    open();
    expect(await socket.until(puback(7))).toBe(bytes(0xd0, 0) + puback(7));
    expect(listener.access.written).toEqual([
      {
        identity: "gw-1",
        entry: { values: { otau_in: '{"version":"1"}' } },
        origin: { ip: "127.0.0.1", protocol: "mqtt", connectionId: expect.any(String) },
      },
    ]);
  });

  it("that cannot be stored is not acknowledged, and the connection ends", async () => {
    await login();
    listener.access.isAway = true;
    socket.send(publishPacket("$resource/otau_in", "x", 1, 7));
    expect(await socket.ended()).toBe("");
  });

  it("follows the one before it, whatever the service quality", async () => {
    await login();
    const open = listener.access.holdWrites();
    const sent = Array.from({ length: 50 }, (_, index) =>
      publishPacket("$resource/a", String(index), index % 3 === 0 ? 0 : 1, index + 1),
    );
    socket.send(Buffer.concat(sent));
    open();
    await socket.until(puback(50));
    expect(listener.access.written.map(({ entry }) => entry.values["a"])).toEqual(
      Array.from({ length: 50 }, (_, index) => String(index)),
    );
  });

  it("of a batch is stored entry by entry", async () => {
    await login();
    const batch = '[{"timestamp":1600000000,"values":{"a":1,"b":"x"}},{"values":{"a":{"c":true}}}]';
    socket.send(publishPacket("$resource.batch", batch, 1, 1));
    await socket.until(puback(1));
    expect(listener.access.written.map(({ entry }) => entry)).toEqual([
      { timestamp: 1600000000, values: { a: 1, b: "x" } },
      { values: { a: { c: true } } },
    ]);
  });

  it.each([
    ["of service quality 2", publishPacket("$resource/a", "1", 2)],
    ["to a foreign topic", publishPacket("gw-2/otau_in", "1", 1)],
    ["to another device's resource", publishPacket("$resource/otau_in/gw-2", "1", 1)],
    ["to the broker's own topics", publishPacket("$SYS/x", "1", 1)],
    ["to an activation, with a token", publishPacket("$provision/gw-3", "", 1)],
    ["of a broken batch", publishPacket("$resource.batch", "[{}]", 1)],
    ["of a value above 1 MiB", publishPacket("$resource/a", "x".repeat(1_048_577), 1)],
  ])("%s ends the connection and changes nothing", async (_name, bytesSent) => {
    await login();
    socket.send(bytesSent);
    expect(await socket.ended()).toBe("");
    expect(listener.access.written).toEqual([]);
  });

  it("of a value of 1 MiB is taken", async () => {
    await login();
    socket.send(publishPacket("$resource/a", "x".repeat(1_048_576), 1, 3));
    expect(await socket.until(puback(3))).toBe(puback(3));
  });

  it("that announces more than a value ends the connection before it is sent", async () => {
    await login();
    socket.send(Buffer.from([0x32, 0xff, 0xff, 0xff, 0x7f]));
    expect(await socket.ended()).toBe("");
  });

  it("leaves nothing behind when it asks to be retained", async () => {
    await login();
    socket.send(publishPacket("$resource/a", "1", 1, 1, true));
    await socket.until(puback(1));
    socket.send(subscribePacket(2, "$resource/#"));
    expect(await socket.until(bytes(0x90, 3, 0, 2, 1))).toBe(puback(1) + bytes(0x90, 3, 0, 2, 1));
  });
});

describe("a subscription", () => {
  it("is granted for the device's own resources and refused with 128 for all else", async () => {
    await login();
    const filters = [
      ...["$resource/#", "$resource/+", "$resource/config_otau/+", "$resource/#"],
      ...["#", "+/#", "$SYS/#", "$share/g/$resource/#", "gw-2/otau_in", "$resource", "$Resource/#"],
      ...["$resource/a#", "$resource/#/b", "a/#/b", "", "+".repeat(300), "/".repeat(200), "own/0"],
    ];
    socket.send(subscribePacket(9, ...filters));
    const granted = filters.map((_, index) => (index < 4 ? 1 : 128));
    const answer = bytes(0x90, 2 + filters.length, 0, 9, ...granted);
    expect(await socket.until(answer)).toBe(answer);
    socket.send(unsubscribePacket(10, "$resource/#", "a#b"));
    expect(await socket.until(bytes(0xb0, 2, 0, 10))).toBe(answer + bytes(0xb0, 2, 0, 10));
  });
});

describe("an anonymous connection", () => {
  it("activates an identity and is sent its token unasked", async () => {
    listener.access.addDevice("new-1");
    socket.send(connectPacket({ user: "", password: "" }));
    await socket.until(accepted);
    socket.clear();
    socket.send(publishPacket("$provision/new-1", "", 1, 5));
    const received = await socket.until(puback(5));
    const topic = "$provision/new-1";
    expect(received.slice(0, 4 + topic.length)).toBe(bytes(0x30, 58, 0, 16) + topic);
    expect(received.slice(4 + topic.length)).toMatch(new RegExp(`^[0-9a-f]{40}${puback(5)}$`));
  });

  it("may do nothing else", async () => {
    socket.send(connectPacket({}));
    await socket.until(accepted);
    socket.clear();
    socket.send(publishPacket("$resource/otau_in", "x", 1));
    expect(await socket.ended()).toBe("");
    expect(listener.access.written).toEqual([]);
  });

  it("ends when the identity is unknown", async () => {
    socket.send(connectPacket({}));
    await socket.until(accepted);
    socket.clear();
    socket.send(publishPacket("$provision/nobody", "", 1));
    expect(await socket.ended()).toBe("");
  });
});

describe("a will", () => {
  it("has no effect", async () => {
    const will = { topic: "$resource/otau_in", payload: "gone" };
    socket.send(connectPacket({ user: "", password: token, will }));
    await socket.until(accepted);
    socket.destroy();
    const again = await openRawSocket(listener.port);
    again.send(connectPacket({ user: "", password: token }));
    await again.until(accepted);
    again.destroy();
    expect(listener.access.written).toEqual([]);
  });
});
