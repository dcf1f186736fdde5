import { expect, it } from "vitest";
import { playStory } from "../../modules/demo/story.ts";
import { makeIo } from "../cli/support/run-otau.ts";
import { startApp } from "../support/app.ts";

it("brings forty devices, of which some fall back, to where the gate stops the rollout, and tells why", async () => {
  await using app = await startApp();
  const stop = new AbortController();
  const { io, stdout } = makeIo({ signal: stop.signal });
  const { apiUrl = "", deviceUrl = "", token } = app;
  const story = await playStory({ io, apiUrl, deviceUrl, token, stepDelayMs: 20, patienceMs: 2000 });
  stop.abort();
  await story.devicesEnd;
  expect(story.rollout).toMatchObject({
    state: "halted",
    reason: "GATE",
    totals: { total: 40, waiting: 20 },
  });
  for (const said of ["$ npx otau packages", "finished  6/6  succeeded 6", "falls-back-0001", "FELL_BACK"]) {
    expect(stdout.text()).toContain(said);
  }
  expect(stdout.text()).toContain("HALTED  The update to 1.1.0 is held back");
});
