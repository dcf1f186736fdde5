import { describe, expect, it } from "vitest";
import { needsPast } from "../../modules/otau/decide.ts";
import type { DeviceEvent } from "../../modules/otau/model.ts";
import type { Status } from "../../modules/otau/vocabulary.ts";
import { type Lab, makeLab } from "./lab.ts";

function needs(lab: Lab, event: DeviceEvent): boolean {
  return needsPast({ ...lab.device, pastLoaded: false }, event, lab.deployments);
}

function said(lab: Lab, status: Status, version = "1.0", stamp?: number): boolean {
  return needs(lab, {
    type: "report",
    report: { ok: true, raw: "", version, status },
    stampedAt: stamp ?? lab.now,
    stampSupplied: stamp !== undefined,
  });
}

describe("a decision needs the device's past", () => {
  it("never when it is loaded, or when nothing was ever written", () => {
    const lab = makeLab();
    expect(said(lab, "INSTALLED_VERSION", "9")).toBe(false);
    lab.enrol();
    expect(said(lab, "INSTALLED_VERSION", "9")).toBe(false);
    lab.release();
    const loaded = { ...lab.device, pastLoaded: true };
    const event = { type: "retry", deploymentId: "x", states: [] } as const;
    expect(needsPast(loaded, event, lab.deployments)).toBe(false);
  });

  it("for a version that no loaded written update has", () => {
    const lab = makeLab();
    lab.write();
    expect(said(lab, "DOWNLOAD", "9")).toBe(true);
    expect(said(lab, "INSTALLED_VERSION", "9")).toBe(true);
    expect(said(lab, "INSTALLED_VERSION")).toBe(false);
    expect(said(lab, "DOWNLOAD")).toBe(false);
  });

  it("for a version whose newest update was reopened", () => {
    const lab = makeLab();
    lab.write();
    lab.report("INSTALL_ERROR");
    expect(said(lab, "DOWNLOAD")).toBe(false);
    lab.retry();
    expect(said(lab, "DOWNLOAD")).toBe(true);
  });

  it("for a success that may be taken back", () => {
    const lab = makeLab({ a: { confirm: "optional", timeouts: { confirmMs: null } } });
    lab.write();
    lab.report("INSTALL_SUCCESS");
    expect(said(lab, "INSTALL_ERROR")).toBe(true);
    expect(said(lab, "DOWNLOAD_ERROR")).toBe(false);
    lab.report("INSTALLED_VERSION");
    expect(said(lab, "INSTALL_ERROR")).toBe(false);
  });

  it("for a supplied stamp before the write, unless a value of the update was delivered before it", () => {
    const lab = makeLab({ a: { retry: { delayMs: 0 } } });
    lab.write();
    expect(said(lab, "DOWNLOAD", "1.0", lab.now - 1)).toBe(true);
    expect(said(lab, "DOWNLOAD", "1.0", lab.now)).toBe(false);
    lab.report("DOWNLOAD_ERROR");
    lab.release();
    expect(said(lab, "DOWNLOAD", "1.0", lab.now - 1)).toBe(false);
  });

  it("for a retry or cancel of an update that is not there", () => {
    const lab = makeLab();
    lab.enrol();
    for (const [deploymentId, wanted] of [
      ["a", false],
      ["x", true],
    ] as const) {
      expect(needs(lab, { type: "retry", deploymentId, states: [] })).toBe(wanted);
      expect(needs(lab, { type: "cancel", deploymentId, reason: "CANCELED" })).toBe(wanted);
    }
  });

  it("for nothing else", () => {
    const lab = makeLab();
    lab.write();
    expect(needs(lab, { type: "tick" })).toBe(false);
    expect(needs(lab, { type: "release", deploymentId: "x" })).toBe(false);
    const unread = {
      type: "report",
      report: { ok: false, raw: "", why: "" },
      stampedAt: 0,
      stampSupplied: false,
    } as const;
    expect(needs(lab, unread)).toBe(false);
  });
});
