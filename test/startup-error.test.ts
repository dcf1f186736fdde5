import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { formatStartupError, listenError, StartupError } from "../modules/startup-error.ts";

const listenOn = (port: number): Promise<{ readonly port: number; readonly close: () => void }> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") return reject(new Error("no port"));
      resolve({ port: address.port, close: () => server.close() });
    });
  });

describe("formatStartupError", () => {
  it("tells of a taken port in one line that names the setting", async () => {
    const first = await listenOn(0);
    const error = await listenOn(first.port).catch((thrown: unknown) => thrown);
    first.close();
    const line = formatStartupError(listenError(error, "MQTT_PORT", first.port));
    expect(line).toBe(
      `otau: 127.0.0.1:${first.port} is taken by another process: stop it, or set MQTT_PORT to another port (0 = any free one)`,
    );
  });

  it("tells what a reader can mend without a stack, and the rest with one", () => {
    expect(formatStartupError(new StartupError("a is b: do c"))).toBe("otau: a is b: do c");
    expect(formatStartupError(new TypeError("x"))).toContain("startup-error.test.ts");
  });

  it("names the folder that cannot be written", () => {
    const error = Object.assign(new Error("EACCES"), { code: "EACCES", path: "data" });
    expect(formatStartupError(error)).toContain("data cannot be written (EACCES)");
  });
});
