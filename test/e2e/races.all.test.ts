import { it } from "vitest";
import { openRaceTrack, raceApplies } from "../support/race-track.ts";

it("three applies at once, two hundred times, never leave two live updates", async () => {
  const track = await openRaceTrack();
  try {
    await raceApplies(track, 200);
  } finally {
    await track.close();
  }
});
