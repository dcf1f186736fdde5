import { afterAll, describe, expect, it } from "vitest";
import { isPublicAddress } from "../../../modules/adapters/webhooks/public-address.ts";
import { makeSignedSender, signatureOf } from "../../../modules/adapters/webhooks/send-signed.ts";
import { startReceiver } from "../../support/receiver.ts";

const secret = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
const open = makeSignedSender({ allowPrivateTargets: true, timeoutMs: 300 });
const strict = makeSignedSender({ allowPrivateTargets: false });
afterAll(() => {
  open.close();
  strict.close();
});

describe("a signed sender", () => {
  it("signs as the standard's own example", () => {
    const example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const body = '{"test": 2432232314}';
    expect(signatureOf(example, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)).toBe(
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    );
  });

  it("answers the status, and follows no redirect", async () => {
    await using receiver = await startReceiver(() => 302);
    const result = await open.send({ url: receiver.url, secret, id: "1", body: "{}" });
    expect(result).toEqual({ status: 302 });
    expect(receiver.calls).toHaveLength(1);
  });

  it("gives up on a receiver that does not answer in time, or is not there", async () => {
    await using receiver = await startReceiver(() => "never");
    expect(await open.send({ url: receiver.url, secret, id: "1", body: "{}" })).toEqual({
      error: "no answer within 300 ms",
    });
    const { error } = await open.send({ url: "http://127.0.0.1:1/", secret, id: "1", body: "{}" });
    expect(error).toContain("ECONNREFUSED");
  });

  it.each(["http://1.1.1.1/", "https://127.0.0.1:1/", "https://localhost:1/", "https://[::1]:1/"])(
    "does not call %s where private targets are not allowed",
    async (url) => {
      const { status, error } = await strict.send({ url, secret, id: "1", body: "{}" });
      expect(status).toBeUndefined();
      expect(error).toMatch(/not admitted|not of the open internet/);
    },
  );
});

describe("a public address", () => {
  it.each(["1.1.1.1", "172.32.0.1", "2606:4700::1111"])("is %s", (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
  it.each([
    ...["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"],
    ...["::1", "::", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1"],
    "example.com",
  ])("is not %s", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});
