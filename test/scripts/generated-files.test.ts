import { describe, expect, it } from "vitest";
import { findStale, generatedFiles } from "../../scripts/generate-docs.ts";

describe("generated files", () => {
  it("are what the code says now; npm run docs writes them anew", async () => {
    expect(generatedFiles.length).toBeGreaterThan(1);
    expect(await findStale()).toEqual([]);
  });
});
