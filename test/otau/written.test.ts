import { describe, expect, it } from "vitest";
import { timeoutOfRank } from "../../modules/otau/deadlines.ts";
import { progressStatuses, rankOf } from "../../modules/otau/vocabulary.ts";
import { entriesOf, isWritten } from "../../modules/otau/written.ts";
import { hour, makeLab, minute } from "./lab.ts";

describe("written", () => {
  it("is what is live, has succeeded, or was seen; a write that nobody saw leaves no trace", () => {
    const lab = makeLab();
    lab.enrol();
    expect(isWritten(lab.update())).toBe(false);
    lab.release();
    expect(isWritten(lab.update())).toBe(true);
    lab.cancel();
    expect(isWritten(lab.update())).toBe(false);
  });

  it("is a success of which only the version was heard: an older deployment does not undo it", () => {
    const lab = makeLab({ a: {}, b: {} });
    lab.write("b");
    lab.report("INSTALLED_VERSION", { version: "2.0" });
    expect(lab.update("b")).not.toHaveProperty("everDelivered");
    lab.write("a");
    expect(lab.update("a")).toMatchObject({ state: "superseded", supersededBy: "b" });
  });

  it("is ordered by the deployments' age, however the device holds its updates", () => {
    const lab = makeLab({ a: {}, b: {}, c: {} });
    for (const id of ["b", "c", "a"]) lab.enrol(id);
    const order = entriesOf(lab.device, lab.deployments).map(({ deployment }) => deployment.id);
    expect(order).toEqual(["a", "b", "c"]);
  });
});

describe("the time-out that runs", () => {
  it("is named by the rank reached", () => {
    expect(timeoutOfRank(0)).toBe("acknowledgeMs");
    expect(progressStatuses.map((status) => [status, timeoutOfRank(rankOf(status))])).toEqual([
      ["INIT", "testMs"],
      ["TEST", "testMs"],
      ["TEST_STEP", "testMs"],
      ["TEST_SUCCESS", "downloadMs"],
      ["DOWNLOAD", "downloadMs"],
      ["DOWNLOAD_STEP", "downloadMs"],
      ["DOWNLOAD_SUCCESS", "installMs"],
      ["INSTALL", "installMs"],
      ["INSTALL_STEP", "installMs"],
      ["INSTALL_SUCCESS", "confirmMs"],
    ]);
  });

  it("in confirming is renewed by what comes late", () => {
    const lab = makeLab();
    lab.write();
    lab.report("INSTALL_SUCCESS");
    lab.wait(minute);
    expect(lab.report("INSTALL_STEP").decision).toBe("late");
    expect(lab.update()).toMatchObject({ deadlineOf: "confirmMs", deadlineAt: lab.now + hour });
  });
});
