import { mkdtempSync, rmSync } from "node:fs";
import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import { findServer } from "../modules/adapters/redis-server/find-server.mjs";
import { openOwnRung } from "../modules/adapters/redis-server/own-rung.ts";
import { compose } from "../modules/compose.ts";
import { loadConfig } from "../modules/config.ts";
import { silentLogger } from "../modules/logger.ts";

/**
 * GET packages, a page of 50 of 1,000, beside a bare Express program that answers the same bytes; both in this
 * process, in turn. Goal: 0.6 of it.
 */
const packages = 1000;
const seconds = Number(process.argv[2] ?? 4);
const inFlight = 32;
const token = "bench-admin-token-of-32-characters";

const dataDir = mkdtempSync(join(tmpdir(), "otau-bench-"));
const fetchedDir = join(import.meta.dirname, "..", ".otau", "redis");
const program = findServer({ path: process.env["PATH"], fetchedDir });
if (program === undefined) throw new Error("no redis server: run node scripts/setup.mjs");
const store = await openOwnRung({ dataDir, durability: "everysec", program }, silentLogger);
const app = await compose({
  config: loadConfig({
    ...{ OTAU_DATA_DIR: dataDir, PORT: "0", DEVICE_HTTP_PORT: "0", MQTT_PORT: "0" },
    ...{ OTAU_ADMIN_TOKEN: token, NODE_ENV: "production" },
  }),
  store,
  adminToken: token,
  log: silentLogger,
  root: join(import.meta.dirname, ".."),
});
const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
const listUrl = `${app.apiUrl}/api/v1/products/default/packages`;

for (let at = 0; at < packages; at++) {
  const config_otau = {
    version: `1.0.${at}`,
    name: `Gateway firmware 1.0.${at}`,
    type: "FILE",
    payload: `https://updates.example.com/gateway/1.0.${at}/firmware.bin`,
    description: "Fixes the modem's reconnect after a change of cell",
  };
  const otau_info = { author: "jane", vendor: "acme", product: "iotgw1", config_otau };
  const reply = await fetch(`${listUrl}/package_acme_${at}.json`, {
    method: "PUT",
    headers,
    body: JSON.stringify({ otau_info }),
  });
  if (reply.status !== 201) throw new Error(`PUT was answered ${reply.status}: ${await reply.text()}`);
  await reply.arrayBuffer();
}

const page = await (await fetch(listUrl, { headers })).text();
const body = JSON.parse(page) as unknown;
const echo = express();
echo.disable("x-powered-by");
echo.get("/packages", (_request, response) => void response.json(body));
const echoServer = createServer(echo).listen(0, "127.0.0.1");
await new Promise((resolve) => echoServer.once("listening", resolve));
const echoUrl = `http://127.0.0.1:${(echoServer.address() as AddressInfo).port}/packages`;

const agent = new Agent({ keepAlive: true, maxSockets: inFlight });
const get = (url: string) =>
  new Promise<void>((resolve, reject) => {
    request(url, { agent, headers: { authorization: headers.authorization } }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`));
      response.resume().on("end", resolve);
    })
      .on("error", reject)
      .end();
  });

/** Answers a second. */
async function measure(url: string): Promise<number> {
  const begin = performance.now();
  const end = begin + seconds * 1000;
  let answers = 0;
  const lane = async () => {
    while (performance.now() < end) {
      await get(url);
      answers++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return (answers * 1000) / (performance.now() - begin);
}

console.log(`page of ${page.length} bytes`);
await measure(listUrl);
await measure(echoUrl);
for (let round = 0; round < 3; round++) {
  const [floor, ours] = [await measure(echoUrl), await measure(listUrl)];
  console.log(
    `bare Express ${floor.toFixed(0)}/s   GET packages ${ours.toFixed(0)}/s   ${(ours / floor).toFixed(2)} of it`,
  );
}
agent.destroy();
echoServer.close();
await app.close();
await store.close();
rmSync(dataDir, { recursive: true, force: true });
