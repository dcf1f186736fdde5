import { existsSync, readdirSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { copySetup, pathWith, runSetup } from "./setup-copy.ts";

const systemFolders = ["/bin", "/usr/bin"];
const hasPackageTool = systemFolders.some((folder) => existsSync(join(folder, "apt-get")));

/** The system's programs but for any server. */
function pathWithoutServer(folder: string): string {
  const programs = systemFolders.flatMap((from) =>
    readdirSync(from)
      .filter((name) => !/^(redis|valkey|keydb)-/.test(name))
      .map((name) => [name, join(from, name)] as const),
  );
  return pathWith(folder, Object.fromEntries(programs));
}

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
    onTestFinished(() => void server.close());
  });

describe.skipIf(!hasPackageTool)("the set-up on a machine with a package tool and no server", () => {
  it("fetches a server without touching the system, and says so in one line", async () => {
    const folder = copySetup();
    const env = { ...process.env, PATH: pathWithoutServer(folder), REDIS_URL: "", OTAU_STORE: "" };
    const { code, lines } = await runSetup(folder, env);
    expect(lines).toMatch(
      /^otau setup: fetched (redis|valkey)-server [\d.]+ into \.otau\/redis \(.*OTAU_NO_FETCH=1.*\)\n$/,
    );
    expect(code).toBe(0);
    expect(readdirSync(join(folder, ".otau"))).toEqual(["redis"]);
    // The second run finds it.
    expect(await runSetup(folder, env)).toEqual({
      code: 0,
      lines: "",
    });
  });

  it("goes on with the trial store where the network refuses", async () => {
    const folder = copySetup();
    const proxy = "http://127.0.0.1:1";
    const { code, lines } = await runSetup(folder, {
      PATH: pathWithoutServer(folder),
      http_proxy: proxy,
      https_proxy: proxy,
    });
    expect(lines).toContain("none could be fetched (");
    expect(code).toBe(0);
    expect(readdirSync(join(folder, ".otau"))).toEqual([]);
  });

  it("gives up within 20 seconds where the network swallows everything", { timeout: 20_000 }, async () => {
    const folder = copySetup();
    const port = await listen(createServer((socket) => socket.on("error", () => undefined)));
    const proxy = `http://127.0.0.1:${port}`;
    const { code, lines } = await runSetup(folder, {
      PATH: pathWithoutServer(folder),
      http_proxy: proxy,
      https_proxy: proxy,
    });
    expect(lines).toContain("none could be fetched (");
    expect(code).toBe(0);
  });
});
