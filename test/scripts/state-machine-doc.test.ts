import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { transitions } from "../../modules/otau/transitions.ts";
import { renderStateMachinePage } from "../../scripts/state-machine-doc.ts";

describe("docs/state-machine.md", () => {
  it("is what the table says now (npm run docs writes it)", () => {
    const page = readFileSync(join(import.meta.dirname, "../../docs/state-machine.md"), "utf8");
    expect(page).toBe(renderStateMachinePage());
  });

  it("holds every row with its reason", () => {
    const lines = renderStateMachinePage().split("\n");
    for (const { id, because } of transitions) {
      const row = lines.filter((line) => line.startsWith(`| ${id} |`));
      expect(row, id).toHaveLength(1);
      expect(row[0]).toContain(because);
    }
  });
});
