import { defineConfig } from "vitest/config";

/** Tests of the pure domain, run once for each mutant: no server is started. */
export default defineConfig({
  test: { include: ["test/otau/**/*.test.ts"], exclude: ["test/**/*.all.test.ts"] },
});
