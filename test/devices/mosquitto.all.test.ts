import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import { addDevice, configFor, product, reportsOf, reportText, setConfig } from "./support.ts";

const clientTimeoutMs = 20_000;

// Debian's package `mosquitto-clients`: clients in C that know nothing of us.
const hasClients = spawnSync("mosquitto_pub", ["--help"]).error === undefined;
if (!hasClients) throw new Error("mosquitto_pub is missing: apt-get install mosquitto-clients");

let app: TestApp;
const running: ChildProcess[] = [];

beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());
afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
});

type Ended = { readonly code: number | null; readonly output: string };

/** Starts one of the clients; `output` grows, with the topics. */
function start(program: string, args: readonly string[]) {
  const { port } = new URL(app.mqttUrl ?? "");
  // Into a pipe they would write nothing before their end.
  const byLine = ["-oL", program, "-h", "127.0.0.1", "-p", port, ...args];
  const child = spawn("stdbuf", byLine, { timeout: clientTimeoutMs });
  running.push(child);
  const seen = { output: "" };
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (seen.output += chunk.toString()));
  const ended: Promise<Ended> = once(child, "close").then(([code]) => ({
    code: code as number | null,
    output: seen.output,
  }));
  return { child, seen, ended };
}

const login = (token: string): string[] => ["-u", "", "-P", token];

const publish = (token: string, ...args: readonly string[]): Promise<Ended> =>
  start("mosquitto_pub", [...login(token), ...args]).ended;

describe("mosquitto_pub", () => {
  it.each([0, 1])("reports with QoS %i, and what it reports is stored when it ends", async (qos) => {
    const identity = `pub-${qos}`;
    const token = await addDevice(app, identity);
    const sent = await publish(
      token,
      ...["-q", String(qos), "-t", "$resource/otau_in", "-m", reportText("INIT", "by mosquitto")],
    );
    expect(sent).toEqual({ code: 0, output: "" });
    const check = async () =>
      expect(await reportsOf(app, identity)).toMatchObject([{ message: "by mosquitto" }]);
    // QoS 0 has no answer to wait for.
    if (qos === 0) await vi.waitFor(check, { timeout: 5000 });
    else await check();
  });

  it("reports line by line in order", async () => {
    const token = await addDevice(app, "pub-lines");
    await setConfig(app, "pub-lines");
    const { child, ended } = start("mosquitto_pub", [
      ...login(token),
      "-q",
      "1",
      "-t",
      "$resource/otau_in",
      "-l",
    ]);
    const messages = Array.from({ length: 100 }, (_, at) => `line ${at}`);
    child.stdin?.end(messages.map((message) => `${reportText("DOWNLOAD", message)}\n`).join(""));
    expect(await ended).toEqual({ code: 0, output: "" });
    expect((await reportsOf(app, "pub-lines")).map(({ message }) => message)).toEqual(messages);
  });

  it("is refused with code 4 for a wrong token, a revoked one and none beside a name", async () => {
    const token = await addDevice(app, "pub-revoked");
    await app.call("POST", `${product}/devices/pub-revoked/token`, { revoke: true });
    const report = ["-q", "1", "-t", "$resource/otau_in", "-m", reportText("INIT")];
    for (const args of [login("0".repeat(40)), login("short"), login(token), ["-u", "pub-revoked"]]) {
      const refused = await start("mosquitto_pub", [...args, ...report]).ended;
      expect(refused.code, args.join(" ")).toBe(4);
      expect(refused.output).toContain("bad user name or password");
    }
    expect(await reportsOf(app, "pub-revoked")).toEqual([]);
  });

  it("of MQTT 5 is refused, of 3.1.1 taken", async () => {
    const token = await addDevice(app, "pub-5");
    const report = ["-q", "1", "-t", "$resource/otau_in", "-m", reportText("INIT")];
    expect((await publish(token, "-V", "mqttv5", ...report)).code).not.toBe(0);
    expect(await reportsOf(app, "pub-5")).toEqual([]);
    expect((await publish(token, "-V", "mqttv311", ...report)).code).toBe(0);
  });

  it("with QoS 2 is ended without an answer, and nothing is stored", async () => {
    const token = await addDevice(app, "pub-2");
    const { child, ended } = start("mosquitto_pub", [
      ...login(token),
      ...["-d", "-q", "2", "-t", "$resource/otau_in", "-m", reportText("INIT")],
    ]);
    // This client connects again and again by itself.
    setTimeout(() => child.kill("SIGTERM"), 2500);
    const { output } = await ended;
    expect(output).toContain("sending PUBLISH");
    expect(output).not.toMatch(/PUBREC|PUBCOMP/);
    expect(await reportsOf(app, "pub-2")).toEqual([]);
  });

  it("takes 1,048,576 bytes and is ended at one more", async () => {
    const token = await addDevice(app, "pub-large");
    const send = async (bytes: number) => {
      const { child, ended } = start("mosquitto_pub", [
        ...login(token),
        "-q",
        "1",
        "-t",
        "$resource/note",
        "-s",
      ]);
      child.stdin?.on("error", () => undefined);
      child.stdin?.end("x".repeat(bytes));
      setTimeout(() => child.kill("SIGTERM"), 5000).unref();
      return await ended;
    };
    expect(await send(1_048_576)).toEqual({ code: 0, output: "" });
    expect((await send(1_048_577)).code).not.toBe(0);
    const state = await app.call<{ note: { set: string } }>("GET", `${product}/devices/pub-large/state`);
    expect(state.body.note.set).toHaveLength(1_048_576);
  });

  it("leaves neither a will nor a retained value behind", async () => {
    const token = await addDevice(app, "pub-will");
    const will = [
      "--will-topic",
      "$resource/otau_in",
      "--will-payload",
      reportText("INIT", "will"),
      "--will-retain",
    ];
    const dying = start("mosquitto_sub", [...login(token), ...will, "-t", "$resource/#", "-d"]);
    await vi.waitFor(() => expect(dying.seen.output).toContain("SUBACK"), { timeout: 5000 });
    dying.child.kill("SIGKILL");
    await dying.ended;
    const kept = ["-q", "1", "-r", "-t", "$resource/otau_in", "-m", reportText("INIT", "kept")];
    expect((await publish(token, ...kept)).code).toBe(0);
    await setConfig(app, "pub-will");
    const next = start("mosquitto_sub", [...login(token), "-t", "$resource/#", "-v", "-C", "1"]);
    expect((await next.ended).output).toContain(configFor("pub-will"));
    expect((await reportsOf(app, "pub-will")).map(({ message }) => message)).toEqual(["kept"]);
  });
});

describe("mosquitto_sub", () => {
  it.each([
    ["which is not granted", "nothing/of/ours"],
    ["which is granted", "$resource/#"],
  ])("is sent values on their topic whatever it subscribes to, %s", async (how, filter) => {
    const identity = how.includes("not") ? "sub-1" : "sub-2";
    const token = await addDevice(app, identity);
    await setConfig(app, identity, "queued");
    // It leaves by itself when no filter of its own is granted, unless it is told how many messages to wait for.
    const { seen, ended } = start("mosquitto_sub", [
      ...login(token),
      ...["-q", "1", "-v", "-t", filter, "-t", "$resource/config_otau/+", "-C", "2"],
    ]);
    await vi.waitFor(() => expect(seen.output).toContain("queued"), { timeout: 10_000 });
    await setConfig(app, identity, "live");
    const { code, output } = await ended;
    expect(code).toBe(0);
    const lines = output.split("\n").filter((line) => line.startsWith("$resource/"));
    expect(lines.map((line) => line.replace(/^\$resource\/config_otau\/\d{16} /, ""))).toEqual([
      configFor(identity, "queued"),
      configFor(identity, "live"),
    ]);
  });

  it("asking for QoS 2 is granted 1, and for all of others 128", async () => {
    const token = await addDevice(app, "sub-qos");
    const { seen } = start("mosquitto_sub", [
      ...login(token),
      ...["-d", "-q", "2", "-t", "$resource/#", "-t", "#", "-t", "$SYS/#"],
    ]);
    await vi.waitFor(() => expect(seen.output).toMatch(/Subscribed \(mid: 1\): 1, 128, 128/), {
      timeout: 10_000,
    });
  });

  it("without a token activates an identity: the token comes on $provision, unasked", async () => {
    await app.call("PUT", `${product}/devices/sub-new`, {});
    const asking = start("mosquitto_rr", [
      ...["-q", "1", "-t", "$provision/sub-new", "-e", "$provision/sub-new", "-n", "-V", "mqttv311"],
    ]);
    const { code, output } = await asking.ended;
    expect({ code, output: output.trim() }).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^[0-9a-f]{40}$/),
    });
    const sent = await publish(output.trim(), "-q", "1", "-t", "$resource/otau_in", "-m", reportText("INIT"));
    expect(sent.code).toBe(0);
    expect(await reportsOf(app, "sub-new")).toHaveLength(1);
  });
});

describe("an older connection", () => {
  it("is ended by a newer one of the same device", async () => {
    const token = await addDevice(app, "taken-over");
    const older = start("mosquitto_sub", [...login(token), "-d", "-t", "$resource/#"]);
    await vi.waitFor(() => expect(older.seen.output).toContain("SUBACK"), { timeout: 5000 });
    expect((await publish(token, "-q", "1", "-t", "$resource/otau_in", "-m", reportText("INIT"))).code).toBe(
      0,
    );
    // It comes back by itself, and by that shows that it was ended.
    const connects = () => older.seen.output.match(/received CONNACK/g)?.length ?? 0;
    await vi.waitFor(() => expect(connects()).toBeGreaterThan(1), { timeout: 10_000 });
  });
});
