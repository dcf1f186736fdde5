import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

/** A certificate and its key as PEM text, signed by itself: a client trusts it by naming it as its authority. */
export type Certificate = { readonly cert: string; readonly key: string };

/** Makes one for host names, `localhost` unless told. */
export function makeCertificate(names: readonly string[] = ["localhost"]): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signedBy = sequence(oid([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]));
  const name = sequence(
    tagged(0x31, sequence(oid([0x55, 0x04, 0x03]), tagged(0x0c, Buffer.from(names[0] ?? "")))),
  );
  const altNames = sequence(...names.map((each) => tagged(0x82, Buffer.from(each))));
  const facts = sequence(
    tagged(0xa0, tagged(0x02, Buffer.from([2]))),
    tagged(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    signedBy,
    name,
    sequence(tagged(0x17, Buffer.from("200101000000Z")), tagged(0x17, Buffer.from("491231235959Z"))),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    tagged(0xa3, sequence(sequence(oid([0x55, 0x1d, 0x11]), tagged(0x04, altNames)))),
  );
  const signature = sign("sha256", facts, privateKey);
  const whole = sequence(facts, signedBy, tagged(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = whole.toString("base64").replace(/.{64}/g, "$&\n");
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

/** One value of DER: its tag, its length, itself. */
function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...parts: readonly Buffer[]): Buffer => tagged(0x30, Buffer.concat(parts));
const oid = (bytes: readonly number[]): Buffer => tagged(0x06, Buffer.from(bytes));
