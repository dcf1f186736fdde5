import { describe, expect, it } from "vitest";
import { normalise, playSteps, readSteps, startServer } from "./walk-through.ts";

describe("the walk-through of README.md on the trial store", () => {
  it("prints what stands below its commands", async () => {
    const steps = readSteps();
    const server = await startServer("trial");
    try {
      const outputs = await playSteps(steps, server);
      expect(outputs.map(normalise)).toEqual(steps.map(({ printed }) => normalise(printed)));
    } finally {
      await server.stop();
    }
  });
});
