import { describe, expect, it } from "vitest";
import { dueAt } from "../../modules/otau/due.ts";
import { defaultTimeouts } from "../../modules/otau/policy.ts";
import { hour, limits, makeLab, minute } from "./lab.ts";

function makeConnectorLab(wish: Parameters<typeof makeLab>[0] = { a: {} }) {
  const lab = makeLab(wish);
  lab.viaConnector = true;
  return lab;
}

describe("a value that an outside platform's connector takes", () => {
  it("has no clock before its call was accepted, however long that takes", () => {
    const lab = makeConnectorLab();
    lab.write();
    expect(lab.state()).toBe("sent");
    expect(lab.update().deadlineAt).toBeUndefined();
    expect(lab.update().totalDeadlineAt).toBeUndefined();
    lab.wait(minute);
    // Only the slot is given back.
    lab.tick();
    expect(dueAt(lab.device, lab.deployments, limits)).toBeUndefined();
    lab.wait(1000 * 24 * hour);
    lab.tick();
    expect(lab.state()).toBe("sent");
  });

  it("has its clocks from the acceptance on", () => {
    const lab = makeConnectorLab();
    lab.write();
    lab.wait(5 * hour);
    lab.deliver();
    const { deadlineAt, deadlineOf, totalDeadlineAt, deliveredAt } = lab.update();
    expect(deliveredAt).toBe(lab.now);
    expect([deadlineOf, deadlineAt]).toEqual([
      "acknowledgeMs",
      lab.now + (defaultTimeouts.acknowledgeMs ?? 0),
    ]);
    expect(totalDeadlineAt).toBe(lab.now + (defaultTimeouts.totalMs ?? 0));
    lab.wait(hour);
    lab.deliver();
    expect(lab.update()).toMatchObject({ deadlineAt, totalDeadlineAt });
    lab.timeOut();
    expect(lab.update()).toMatchObject({ state: "timed_out", reason: "ACKNOWLEDGE_TIMEOUT" });
  });

  it("keeps no deadline of a time-out that is switched off", () => {
    const lab = makeConnectorLab({ a: { timeouts: { acknowledgeMs: null, totalMs: null } } });
    lab.write();
    lab.deliver();
    expect(lab.update().deadlineAt).toBeUndefined();
    expect(lab.update().totalDeadlineAt).toBeUndefined();
  });

  it("counts a report before the acceptance as delivery, and the total time from then on", () => {
    const lab = makeConnectorLab();
    lab.write();
    lab.wait(hour);
    lab.report("DOWNLOAD");
    expect(lab.update()).toMatchObject({
      state: "downloading",
      deadlineOf: "downloadMs",
      deliveredAt: lab.now,
      totalDeadlineAt: lab.now + (defaultTimeouts.totalMs ?? 0),
    });
    const before = lab.update();
    lab.deliver();
    expect(lab.update()).toMatchObject({ deadlineAt: before.deadlineAt, deliveredAt: before.deliveredAt });
  });

  it("runs the total time over all attempts and lets the next attempt's own clock wait again", () => {
    const lab = makeConnectorLab();
    lab.write();
    lab.deliver();
    const { totalDeadlineAt } = lab.update();
    lab.report("DOWNLOAD_ERROR");
    lab.now = lab.update().retryAt ?? 0;
    lab.tick();
    lab.release();
    expect(lab.update()).toMatchObject({ state: "sent", attempt: 2, totalDeadlineAt });
    expect(lab.update().deadlineAt).toBeUndefined();
    lab.wait(minute);
    lab.deliver();
    expect(lab.update()).toMatchObject({
      totalDeadlineAt,
      deadlineAt: lab.now + (defaultTimeouts.acknowledgeMs ?? 0),
    });
  });

  it("fails for good when the platform does not know the device", () => {
    const lab = makeConnectorLab();
    lab.write();
    lab.do({ type: "cancel", deploymentId: "a", reason: "DEVICE_UNKNOWN", onlyIn: ["sent"] });
    expect(lab.update()).toMatchObject({ state: "failed", reason: "DEVICE_UNKNOWN" });
    expect(lab.update().retryAt).toBeUndefined();
  });

  it("has its clocks from the write where our own listeners hand it over", () => {
    const lab = makeLab();
    lab.write();
    const before = lab.update();
    expect(before.deadlineAt).toBe(lab.now + (defaultTimeouts.acknowledgeMs ?? 0));
    lab.wait(hour);
    lab.deliver();
    expect(lab.update()).toMatchObject({
      deadlineAt: before.deadlineAt,
      totalDeadlineAt: before.totalDeadlineAt,
    });
  });
});
