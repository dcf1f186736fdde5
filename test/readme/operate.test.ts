import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeMetrics } from "../../modules/metrics.ts";

const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "operate.md"), "utf8");

describe("docs/operate.md", () => {
  it("names every metric of ours, and none that is not there", async () => {
    const metrics = await makeMetrics().registry.getMetricsAsJSON();
    const known = metrics.map(({ name }) => name).filter((name) => name.startsWith("otau_"));
    const named = [...page.matchAll(/^\| `(otau_\w+)/gm)].map(([, name]) => name);
    expect(named.toSorted()).toEqual(known.toSorted());
  });
});
