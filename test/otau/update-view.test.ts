import { describe, expect, it } from "vitest";
import type { HistoryLine, Update } from "../../modules/otau/model.ts";
import { emptyTotals, totalsSchema } from "../../modules/otau/totals.ts";
import { parseUpdateId, updateIdOf } from "../../modules/otau/update-id.ts";
import {
  historyLineSchema,
  toHistoryView,
  toUpdateView,
  updateViewSchema,
} from "../../modules/otau/update-view.ts";
import { updateStates } from "../../modules/otau/vocabulary.ts";
import { makeLab, start } from "./lab.ts";

const time = "2026-01-05T12:00:00.000Z";
const deployment = { packageId: "package_a", version: "1.0" };

describe("an update as the app API shows it", () => {
  it("has times in ISO 8601 with milliseconds, and what is not so is absent", () => {
    const lab = makeLab();
    lab.enrol();
    const view = toUpdateView(lab.device, lab.update(), deployment);
    expect(view).toEqual({
      id: "a-u1",
      deploymentId: "a",
      productId: "default",
      identity: "gw-1",
      packageId: "package_a",
      version: "1.0",
      state: "waiting",
      attempt: 0,
      maxAttempts: 3,
      createdAt: time,
      revision: 1,
    });
    expect(updateViewSchema.parse(view)).toEqual(view);
  });

  it("names no package where the value was set on the device directly", () => {
    const lab = makeLab({ a: { source: "device2", packageId: "" } });
    lab.write();
    const view = toUpdateView(lab.device, lab.update(), { packageId: "", version: "1.0" });
    expect(view).not.toHaveProperty("packageId");
    expect(updateViewSchema.parse(view)).toEqual(view);
    lab.report("INIT");
    for (const { events } of lab.outcomes) {
      for (const event of events) expect(event).not.toHaveProperty("packageId");
    }
  });

  it("shows everything of the contract's shape, and nothing of the inside", () => {
    const lab = makeLab();
    lab.write();
    const full: Update = {
      ...lab.update(),
      phase: "installing",
      status: "INSTALL",
      message: "m",
      reason: "EXPIRED",
      confirmed: false,
      late: true,
      deviceMayFinish: true,
      installedAnyway: true,
      supersededBy: "b",
      corrections: [{ at: start, from: "failed", to: "succeeded", cause: "INSTALLED_VERSION" }],
      deliveredAt: start,
      startedAt: start,
      lastReportAt: start,
      deadlineAt: start,
      retryAt: start,
      totalDeadlineAt: start,
      endedAt: start,
      otherVersion: "9",
    };
    const view = toUpdateView(lab.device, full, deployment);
    expect(view).toEqual({
      id: "a-u1",
      deploymentId: "a",
      productId: "default",
      identity: "gw-1",
      packageId: "package_a",
      version: "1.0",
      state: "sent",
      phase: "installing",
      status: "INSTALL",
      message: "m",
      attempt: 1,
      maxAttempts: 3,
      reason: "EXPIRED",
      confirmed: false,
      late: true,
      deviceMayFinish: true,
      installedAnyway: true,
      supersededBy: "b-u1",
      corrections: [{ at: time, from: "failed", to: "succeeded", cause: "INSTALLED_VERSION" }],
      createdAt: time,
      sentAt: time,
      deliveredAt: time,
      startedAt: time,
      lastReportAt: time,
      deadlineAt: time,
      retryAt: time,
      totalDeadlineAt: time,
      endedAt: time,
      revision: 2,
    });
    expect(updateViewSchema.parse(view)).toEqual(view);
  });

  it("in retrying says when, and has no deadlineAt", () => {
    const lab = makeLab();
    lab.write();
    lab.report("DOWNLOAD_ERROR");
    const view = toUpdateView(lab.device, lab.update(), deployment);
    expect(view).toMatchObject({
      state: "retrying",
      reason: "DOWNLOAD_ERROR",
      retryAt: "2026-01-05T12:01:00.000Z",
    });
    expect(view).not.toHaveProperty("deadlineAt");
    expect(view).toHaveProperty("totalDeadlineAt");
  });
});

describe("a history line as the app API shows it", () => {
  it("names the update, and has its times in ISO 8601", () => {
    const line: HistoryLine = {
      seq: 3,
      at: start,
      stampedAt: start,
      kind: "report",
      raw: "{}",
      status: "TEST_STEP",
      version: "1",
      message: "m",
      decision: "repeat",
      count: 2,
      lastAt: start,
      deploymentId: "a",
      attempt: 1,
      from: "sent",
      to: "testing",
      reason: "EXPIRED",
      actor: { kind: "device", id: "gw-1" },
      note: "n",
      cut: true,
      clockWrong: true,
    };
    const { deploymentId: _, ...rest } = line;
    const view = toHistoryView(line, { uid: "u1" });
    expect(view).toEqual({ ...rest, updateId: "a-u1", at: time, stampedAt: time, lastAt: time });
    expect(historyLineSchema.parse(view)).toEqual(view);
  });

  it("leaves out what is not so", () => {
    const line: HistoryLine = { seq: 1, at: start, kind: "system", actor: { kind: "system", id: "x" } };
    const view = toHistoryView(line, { uid: "u1" });
    expect(view).toEqual({ seq: 1, at: time, kind: "system", actor: { kind: "system", id: "x" } });
    expect(historyLineSchema.parse(view)).toEqual(view);
  });
});

describe("update ids", () => {
  it("are the deployment and the device, and are read back", () => {
    expect(updateIdOf("d1", "u2")).toBe("d1-u2");
    expect(parseUpdateId("d1-u2")).toEqual({ deploymentId: "d1", uid: "u2" });
    for (const text of ["", "d1", "d1-", "-u2", "d1-u2-x"]) expect(parseUpdateId(text), text).toBeUndefined();
  });
});

describe("totals", () => {
  it("begin with nought for each state and the sum", () => {
    expect(Object.keys(emptyTotals())).toEqual(["total", ...updateStates]);
    expect(new Set(Object.values(emptyTotals()))).toEqual(new Set([0]));
    expect(totalsSchema.parse(emptyTotals())).toEqual(emptyTotals());
    expect(totalsSchema.safeParse({ ...emptyTotals(), other: 1 }).success).toBe(false);
    expect(totalsSchema.safeParse({ total: 0 }).success).toBe(false);
    expect(totalsSchema.safeParse({ ...emptyTotals(), sent: -1 }).success).toBe(false);
  });
});
