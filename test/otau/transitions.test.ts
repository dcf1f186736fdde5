import { describe, expect, it } from "vitest";
import { makeDecide } from "../../modules/otau/decide.ts";
import type { Device, Outcome } from "../../modules/otau/model.ts";
import { transitions } from "../../modules/otau/transitions.ts";
import type { Example } from "./example.ts";
import { makeLab } from "./lab.ts";
import { actExamples } from "./transition-examples-acts.ts";
import { reportExamples } from "./transition-examples-reports.ts";

const examples: Readonly<Record<string, Example>> = { ...reportExamples, ...actExamples };

function goneFrom(shows: Example["shows"]): string[] {
  return Object.keys(shows).filter((name) => shows[name as keyof typeof shows] === undefined);
}

function playExample(example: Example, decideLast?: ReturnType<typeof makeDecide>) {
  const device: Partial<Device> =
    example.installed === undefined ? {} : { installedVersion: example.installed };
  const lab = makeLab(example.deployments, device);
  example.given?.(lab);
  if (decideLast) lab.decide = decideLast;
  const outcome: Outcome = example.when(lab);
  return { lab, outcome };
}

describe("the table", () => {
  it("names each row once, and has an example for each", () => {
    const ids = transitions.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(Object.keys(examples).toSorted()).toEqual(ids.toSorted());
  });

  it.each(Object.entries(examples))("row %s does what its example says", (_id, example) => {
    const { lab, outcome } = playExample(example);
    const { decision, refused, ...update } = example.shows;
    expect({ ...update, ...lab.update("a") }).toMatchObject(update);
    for (const name of goneFrom(update)) expect(lab.update("a")).not.toHaveProperty(name);
    expect(outcome.decision).toBe(decision);
    expect(outcome.refused).toBe(refused);
  });

  it.each(Object.entries(examples))("without the row %s its example comes out otherwise", (id, example) => {
    const whole = playExample(example).outcome;
    const without = makeDecide(transitions.filter((row) => row.id !== id));
    expect(playExample(example, without).outcome).not.toEqual(whole);
  });

  it("says why, for each row", () => {
    for (const row of transitions) expect(row.because.length, row.id).toBeGreaterThan(15);
  });
});
