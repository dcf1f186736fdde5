import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { givenProduct, infoOf, type Problem } from "../endpoints/support.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { makeDeviceClient } from "../support/device-client.ts";
import { givenUpdating, pictureOf, refusalOf } from "./hostile-support.ts";

let app: TestApp;
let below: string;

beforeAll(async () => {
  app = await startApp();
  below = await givenProduct(app, "hostile", ["gw-1"]);
});
afterAll(() => app.close());

type Package = { readonly valid: boolean; readonly problems: readonly object[]; readonly revision: number };

const json = { headers: { "content-type": "application/json" } };
const put = (id: string, body: unknown) =>
  app.call<Package & Problem>("PUT", `${below}/packages/${id}`, body, typeof body === "string" ? json : {});
const putConfig = (config: object) => put("package_x", { otau_info: { config_otau: config } });
const config = infoOf("1.0.1").config_otau;

/** Uploads an item with this tag, as the command line does. */
const upload = (id: string, tags: object, bytes = "", type = "application/octet-stream") =>
  app.call<Package & Problem>(
    "PUT",
    `${below}/content/${id}?tags=${encodeURIComponent(JSON.stringify(tags))}`,
    bytes,
    { headers: { "content-type": type } },
  );

describe("otau_info that is not one", () => {
  const without = (key: string) =>
    Object.fromEntries(Object.entries(config).filter(([name]) => name !== key));
  const refused: readonly (readonly [string, object, string])[] = [
    ...["version", "name", "type", "payload"].map(
      (key) => [`without ${key}`, without(key), `/${key}`] as const,
    ),
    ["with a version that is a number", { ...config, version: 1 }, "/version"],
    ["with an empty version", { ...config, version: "" }, "/version"],
    ["with a version of 129 characters", { ...config, version: "1".repeat(129) }, "/version"],
    ["with a name of 257 characters", { ...config, name: "n".repeat(257) }, "/name"],
    ["with a description of 4097 characters", { ...config, description: "d".repeat(4097) }, "/description"],
    ["with a description of null", { ...config, description: null }, "/description"],
    ["of an unknown type", { ...config, type: "ZIP" }, "/type"],
    ["of a type in lower case", { ...config, type: "json" }, "/type"],
    ["FILE with a list", { ...config, type: "FILE", payload: ["https://a.example/b"] }, "/payload"],
    ["FILE over http", { ...config, type: "FILE", payload: "http://a.example/b" }, "/payload"],
    ["FILE without a host", { ...config, type: "FILE", payload: "https://" }, "/payload"],
    ["FILE with a script", { ...config, type: "FILE", payload: "javascript:alert(1)" }, "/payload"],
    ["FILE of no content item", { ...config, type: "FILE", payload: "otau+content:../x" }, "/payload"],
    ["JSON with a text", { ...config, payload: "{}" }, "/payload"],
    ["JSON with a list", { ...config, payload: [] }, "/payload"],
    ["URL_LIST without links", { ...config, type: "URL_LIST", payload: [] }, "/payload"],
    [
      "URL_LIST with one link as text",
      { ...config, type: "URL_LIST", payload: "https://a.example" },
      "/payload",
    ],
    [
      "URL_LIST with a bad link",
      { ...config, type: "URL_LIST", payload: ["https://a.example", 5] },
      "/payload/1",
    ],
    [
      "URL_LIST with 1001 links",
      { ...config, type: "URL_LIST", payload: Array<string>(1001).fill("https://a.example") },
      "/payload",
    ],
    ["of half a surrogate pair", { ...config, name: "\ud800" }, "/name"],
    ["beyond 65,536 bytes", { ...config, filler: "x".repeat(65_536) }, ""],
  ];

  it.each(refused)("is refused %s, naming the place", async (_what, wrong, path) => {
    const before = await pictureOf(app, below, "gw-1");
    const reply = await putConfig(wrong);
    expect([reply.status, reply.body.code]).toEqual([400, "INVALID_PACKAGE"]);
    expect(reply.body.errors?.map((error) => error.path)).toContain(`/otau_info/config_otau${path}`);
    expect(await pictureOf(app, below, "gw-1")).toEqual(before);
  });

  it("is refused with keys that stand there twice, however they are escaped", async () => {
    const twice = (extra: string) =>
      `{"otau_info":{"config_otau":{"version":"1","name":"n","type":"JSON","payload":{"a":1}${extra}}}}`;
    for (const extra of [',"version":"2"', ',"n\\u0061me":"m"', ',"x":{"y":1,"y":2}']) {
      expect([extra, (await put("package_x", twice(extra))).body.code]).toEqual([extra, "INVALID_PACKAGE"]);
    }
    expect((await put("package_x", twice(""))).status).toBe(201);
    expect((await app.call("DELETE", `${below}/packages/package_x`)).status).toBe(204);
  });

  it("takes nothing from a prototype that was sent along", async () => {
    const inherited = `{"otau_info":{"config_otau":{"__proto__":${JSON.stringify(config)}}}}`;
    expect((await put("package_x", inherited)).body.code).toBe("INVALID_PACKAGE");
  });

  it("is told as a problem of its item where it was uploaded as a tag, and is not applied", async () => {
    const tags = ["", "%zz", "null", "[]", "{", encodeURIComponent(encodeURIComponent("{}"))];
    for (const [index, otau_info] of tags.entries()) {
      const id = `package_bad_${index}`;
      const item = await upload(id, { otau_info });
      expect([otau_info, item.status, item.body.valid]).toEqual([otau_info, 201, false]);
      const applied = await app.call<Problem>("POST", `${below}/packages/${id}/apply`, { devices: ["gw-1"] });
      expect([applied.status, applied.body.code]).toEqual([409, "PACKAGE_INVALID"]);
    }
  });
});

describe("otau_info of any script and shape", () => {
  const texts: readonly (readonly [string, string])[] = [
    ["Arabic", "تحديث البوابة"],
    ["Chinese and Japanese", "固件更新 ファームウェア"],
    ["emoji", "🚀👩🏽‍🚀🏳️‍🌈"],
    ["combining marks", "e\u0301\u0323 नमस्ते"],
    ["marks of direction", "\u202eabc\u202c \u2066x\u2069"],
    ["controls", "a\\u0000b\\u001f\\n"],
  ];

  it.each(texts)("reaches the device to the letter: %s", async (what, text) => {
    const id = `package_${what.replaceAll(" ", "-")}`;
    const configText = `{ "payload":{"t":"${text}"},"version":"v-${text}",  "name":"${text}","type":"JSON" }`;
    for (const [index, tag] of [configText, encodeURIComponent(configText)].entries()) {
      const info = index === 0 ? `{"config_otau":${tag}}` : `%7B%22config_otau%22%3A${tag}%7D`;
      const item = await upload(`${id}-${index}`, { otau_info: info });
      expect(item.body).toMatchObject({ valid: true, problems: [] });
      const token = await givenUpdating(app, below, `${id}-${index}`, `${id}-${index}`);
      expect(await makeDeviceClient(`${app.deviceUrl}`, token).read("config_otau")).toBe(configText);
    }
  });

  it("keeps digits, order and odd names as they were registered", async () => {
    const odd = `{"b":1.0,"10":1,"2":12345678901234567890,"__proto__":{"type":"FILE"},"constructor":null,"e":1E+2,"version":"1","name":"n","type":"JSON","payload":{"b":1.0,"10":1,"2":12345678901234567890}}`;
    expect((await put("package_odd", `{"otau_info":{"config_otau":${odd}}}`)).status).toBe(201);
    const token = await givenUpdating(app, below, "gw-odd", "package_odd");
    expect(await makeDeviceClient(`${app.deviceUrl}`, token).read("config_otau")).toBe(odd);
  });
});

describe("a package that updates refer to", () => {
  const text = JSON.stringify(infoOf("7"));

  it("is left as it is by its own text, through whichever door and however encoded", async () => {
    expect((await upload("package_doors", { otau_info: encodeURIComponent(text) })).status).toBe(201);
    await givenUpdating(app, below, "gw-doors", "package_doors");
    const before = await pictureOf(app, below, "gw-doors");
    const doors = [
      await put("package_doors", `{"otau_info":${text}}`),
      await upload("package_doors", { otau_info: text }),
      await upload("package_doors", { otau_info: text }, "", "application/json"),
      await upload("package_doors", { otau_info: encodeURIComponent(text) }),
    ];
    expect(doors.map(({ status, body }) => [status, body.revision])).toEqual(Array(4).fill([200, 1]));
    expect(await pictureOf(app, below, "gw-doors")).toEqual(before);
  });

  it("is neither replaced nor deleted through any door", async () => {
    await put("package_held", `{"otau_info":${text}}`);
    await givenUpdating(app, below, "gw-held", "package_held");
    const before = await pictureOf(app, below, "gw-held");
    const doors = [
      await put("package_held", { otau_info: infoOf("8") }),
      await put("package_held", JSON.stringify({ otau_info: infoOf("7") }, null, 1)),
      await upload("package_held", { otau_info: text }, "bytes"),
      await upload("package_held", { otau_info: text, other: "tag" }),
      await upload("package_held", {}),
      await app.call<Problem>("DELETE", `${below}/packages/package_held`),
      await app.call<Problem>("DELETE", `${below}/content/package_held`),
    ];
    expect(doors.map(({ status, body }) => [status, body.code])).toEqual(
      Array(7).fill([409, "PACKAGE_IN_USE"]),
    );
    expect(await pictureOf(app, below, "gw-held")).toEqual(before);
  });
});

describe("an item's address", () => {
  const long = `package_${"a".repeat(193)}`;
  const ids = [
    "..",
    "%2e%2e",
    "package_%2F",
    "package_a%2F..%2Fb",
    "package_%00",
    "package_%23",
    "package_%C3",
  ];
  const more = [
    "package_*",
    "package_+",
    "package_:",
    "package_%7B%7D",
    "package_%252F",
    long,
    `package_${"a".repeat(10_000)}`,
  ];

  it.each([...ids, ...more].map((id) => [id.slice(0, 40), id] as const))(
    "is refused: %s",
    async (_shown, id) => {
      const body = JSON.stringify({ otau_info: infoOf("1") });
      expect(await refusalOf(app, "PUT", `${below}/packages/${id}`, { body })).toEqual([
        400,
        "INVALID_INPUT",
      ]);
    },
  );

  it.each(["a%2F..%2Fb", "%2Fa", "a%2F%2Fb", "a%2F", ".a", "a%5Cb", "%252e%252e", "__proto__", "a%20b"])(
    "is refused in the content area: %s",
    async (id) => {
      expect(await refusalOf(app, "PUT", `${below}/content/${id}`, { body: "x" })).toEqual([
        400,
        "INVALID_INPUT",
      ]);
    },
  );
});
