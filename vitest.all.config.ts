import { defineConfig } from "vitest/config";

/** What needs a network, a browser or minutes: run by `npm run test:all`, one file at a time. */
export default defineConfig({
  test: {
    include: ["test/**/*.all.test.ts"],
    passWithNoTests: true,
    globalSetup: ["test/support/global-setup.ts"],
    maxWorkers: 1,
    maxConcurrency: 4,
    testTimeout: 600_000,
    hookTimeout: 120_000,
  },
});
