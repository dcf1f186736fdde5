import { describe, expect, it } from "vitest";
import { makeLab, minute, start } from "./lab.ts";

function underWay() {
  const lab = makeLab();
  lab.write();
  lab.report("DOWNLOAD_STEP");
  return lab;
}

describe("a report's history line", () => {
  it("holds what was said and what was made of it, numbered", () => {
    const lab = makeLab({ a: {} }, { historySeq: 41, eventSeq: 7 });
    lab.write();
    lab.actor = { kind: "device", id: "gw-1" };
    const outcome = lab.do({
      type: "report",
      report: { ok: true, raw: "raw text", version: "1.0", status: "INIT", message: "m…", cut: true },
      stampedAt: lab.now - 10,
      stampSupplied: true,
      clockWrong: true,
    });
    expect(outcome.lines).toEqual([
      {
        seq: 43,
        at: start,
        stampedAt: start - 10,
        kind: "report",
        raw: "raw text",
        status: "INIT",
        version: "1.0",
        message: "m…",
        cut: true,
        clockWrong: true,
        decision: "applied",
        deploymentId: "a",
        attempt: 1,
        from: "sent",
        to: "started",
        actor: lab.actor,
      },
    ]);
    expect(outcome.device.historySeq).toBe(43);
    expect(outcome.events).toEqual([
      {
        at: start,
        type: "report.decided",
        seq: 9,
        deploymentId: "a",
        packageId: "package_a",
        attempt: 1,
        version: "1.0",
        status: "INIT",
        message: "m…",
        decision: "applied",
        actor: lab.actor,
        revision: outcome.device.revision,
      },
      {
        at: start,
        type: "update.changed",
        seq: 10,
        deploymentId: "a",
        packageId: "package_a",
        version: "1.0",
        attempt: 1,
        from: "sent",
        to: "started",
        actor: lab.actor,
        revision: outcome.device.revision,
      },
    ]);
    expect(outcome.device.eventSeq).toBe(10);
  });

  it("names no update where none is concerned", () => {
    const lab = makeLab();
    const outcome = lab.report("INIT");
    expect(outcome.lines[0]).not.toHaveProperty("deploymentId");
    expect(outcome.lines[0]).not.toHaveProperty("note");
    expect(outcome.events[0]).not.toHaveProperty("packageId");
  });
});

describe("repeats", () => {
  it("are a line of their own with a count, into which the next of the same text are folded", () => {
    const lab = underWay();
    const first = lab.report("DOWNLOAD_STEP");
    expect(first.lines).toMatchObject([{ decision: "repeat", count: 1, lastAt: lab.now }]);
    expect(first.folds).toEqual([]);
    lab.wait(minute);
    const second = lab.report("DOWNLOAD_STEP");
    expect(second.lines).toEqual([]);
    expect(second.folds).toEqual([{ seq: first.lines[0]?.seq, lastAt: lab.now }]);
    expect(second.events.map(({ type }) => type)).toEqual(["report.decided"]);
    expect(second.device).not.toBe(first.device);
  });

  it("are folded though other lines came between", () => {
    const lab = underWay();
    lab.report("DOWNLOAD_STEP");
    lab.report("TEST", { version: "9" });
    expect(lab.report("DOWNLOAD_STEP").folds).toHaveLength(1);
  });

  it("of another text have a line of their own", () => {
    const lab = underWay();
    lab.report("DOWNLOAD_STEP");
    lab.report("DOWNLOAD_STEP", { message: "2" });
    const other = lab.report("DOWNLOAD_STEP", { message: "2" });
    expect(other.lines).toMatchObject([{ decision: "repeat", message: "2" }]);
    expect(lab.report("DOWNLOAD_STEP", { message: "2" }).folds).toEqual([
      { seq: other.lines[0]?.seq, lastAt: lab.now, message: "2" },
    ]);
    lab.report("DOWNLOAD");
    lab.report("INSTALL_STEP", { message: "2" });
    expect(lab.report("INSTALL_STEP", { message: "2" }).lines).toHaveLength(1);
  });

  it("of the next attempt have a line of their own", () => {
    const lab = makeLab({ a: { retry: { delayMs: 0 } } });
    lab.write();
    lab.report("INIT");
    lab.report("INIT");
    lab.report("DOWNLOAD_ERROR");
    lab.release();
    lab.report("INIT");
    expect(lab.report("INIT").lines).toMatchObject([{ decision: "repeat", attempt: 2, count: 1 }]);
  });
});

describe("step reports above the device's rate limit", () => {
  const step = (lab: ReturnType<typeof underWay>, message: string) =>
    lab.report("DOWNLOAD_STEP", { message });

  it("are folded: count, first, last, last message; and still renew the deadline", () => {
    const lab = underWay();
    for (let n = 2; n <= 5; n++) expect(step(lab, `${n}`).lines).not.toMatchObject([{ count: 1 }]);
    lab.wait(10);
    const sixth = step(lab, "6");
    expect(sixth.lines).toMatchObject([{ decision: "applied", count: 1, lastAt: lab.now, message: "6" }]);
    lab.wait(10);
    const seventh = step(lab, "7");
    expect(seventh).toMatchObject({
      decision: "applied",
      lines: [],
      folds: [{ seq: sixth.lines[0]?.seq, lastAt: lab.now, message: "7" }],
    });
    expect(lab.update()).toMatchObject({
      message: "7",
      deadlineAt: lab.now + 7_200_000,
      lastReportAt: lab.now,
    });
    expect(seventh.events).toMatchObject([{ type: "report.decided", message: "7" }]);
  });

  it("are counted by the second", () => {
    const lab = underWay();
    for (let n = 2; n <= 6; n++) step(lab, `${n}`);
    lab.wait(1000);
    expect(step(lab, "next").lines).toMatchObject([{ message: "next" }]);
    expect(lab.device.stepRate).toEqual({ second: start / 1000 + 1, count: 1 });
    expect(lab.outcomes.at(-1)?.lines[0]).not.toHaveProperty("count");
  });

  it("are folded into the newest line alone, else into a line of their own", () => {
    const lab = underWay();
    for (let n = 2; n <= 6; n++) step(lab, `${n}`);
    lab.report("TEST", { version: "9" });
    expect(step(lab, "8").lines).toMatchObject([{ count: 1, message: "8" }]);
    expect(lab.report("INSTALL_STEP", { message: "x" }).lines).toMatchObject([{ to: "installing" }]);
    expect(lab.report("INSTALL_STEP", { message: "y" }).lines).toMatchObject([{ count: 1 }]);
    expect(lab.report("INSTALL_STEP", { message: "z" }).folds).toHaveLength(1);
    expect(lab.report("INSTALL_STEP", { version: "9", message: "z" }).lines).toMatchObject([{ count: 1 }]);
  });

  it("are not taken for repeats later", () => {
    const lab = underWay();
    for (let n = 2; n <= 6; n++) step(lab, `${n}`);
    lab.wait(2000);
    const repeat = step(lab, "6");
    expect(repeat).toMatchObject({
      decision: "repeat",
      folds: [],
      lines: [{ decision: "repeat", count: 1 }],
    });
  });

  it("that change the state have a line of their own", () => {
    const lab = underWay();
    for (let n = 2; n <= 7; n++) step(lab, `${n}`);
    lab.report("INIT");
    expect(step(lab, "again").lines).toMatchObject([{ from: "started", to: "downloading" }]);
  });

  it("of an unknown version are folded too", () => {
    const lab = makeLab();
    for (let n = 1; n <= 6; n++) lab.report("TEST_STEP", { message: `${n}` });
    expect(lab.report("TEST_STEP", { message: "7" })).toMatchObject({ decision: "unmatched", lines: [] });
  });

  it("are the only ones that are folded: other statuses are not even counted", () => {
    const lab = underWay();
    for (let n = 0; n < 20; n++)
      expect(lab.report("DOWNLOAD", { version: "9", message: `${n}` }).lines).toHaveLength(1);
    expect(lab.device.stepRate).toEqual({ second: start / 1000, count: 1 });
  });
});
