import { after, delivered, type Example, gone, optional, optionalUntimed, two, written } from "./example.ts";
import { hour, type Lab, limits, minute } from "./lab.ts";

/** Its first failure lets the device rest for an hour. */
function spared(lab: Lab): void {
  lab.limits = { ...limits, rest: { failures: 1, withinMs: hour, forMs: hour } };
}

/** One example per row for time, acts and finals, by the row's id. */
export const actExamples: Readonly<Record<string, Example>> = {
  "only the version heard": {
    installed: "1.0",
    deployments: { a: { force: true } },
    given: (lab) => {
      delivered(lab);
      lab.report("INSTALLED_VERSION");
    },
    when: (lab) => lab.timeOut(),
    shows: { state: "succeeded", confirmed: false, reason: "VERSION_ONLY" },
  },
  "only the version heard, by the total deadline": {
    installed: "1.0",
    deployments: { a: { force: true, timeouts: { acknowledgeMs: null } } },
    given: (lab) => {
      delivered(lab);
      lab.report("INSTALLED_VERSION");
      lab.now = lab.update().totalDeadlineAt ?? 0;
    },
    when: (lab) => lab.tick(),
    shows: { state: "succeeded", confirmed: false, reason: "VERSION_ONLY" },
  },
  "confirmation not needed": {
    deployments: optional,
    given: after("INSTALL_SUCCESS"),
    when: (lab) => lab.timeOut(),
    shows: { state: "succeeded", confirmed: false, reason: gone },
  },
  "time-out retried": {
    given: after("DOWNLOAD"),
    when: (lab) => lab.timeOut(),
    shows: { state: "retrying", reason: "DOWNLOAD_TIMEOUT" },
  },
  "time-out": {
    given: after("INIT"),
    when: (lab) => lab.timeOut(),
    shows: { state: "timed_out", reason: "TEST_TIMEOUT" },
  },
  "total time over while held": {
    deployments: { a: { retry: { delayMs: hour, maxDelayMs: hour }, timeouts: { totalMs: minute } } },
    given: (lab) => {
      after("DOWNLOAD", "DOWNLOAD_ERROR")(lab);
      lab.set("a", { state: "paused" });
      lab.wait(minute);
    },
    when: (lab) => lab.tick(),
    shows: { state: "canceled", reason: "EXPIRED" },
  },
  "total time over": {
    deployments: { a: { timeouts: { totalMs: minute } } },
    given: (lab) => {
      after("DOWNLOAD")(lab);
      lab.wait(minute);
    },
    when: (lab) => lab.tick(),
    shows: { state: "timed_out", reason: "TOTAL_TIMEOUT" },
  },
  "retry of a withdrawn package": {
    given: (lab) => {
      after("DOWNLOAD_ERROR")(lab);
      lab.set("a", { withdrawn: true });
      lab.wait(minute);
    },
    when: (lab) => lab.tick(),
    shows: { state: "canceled", reason: "WITHDRAWN" },
  },
  "retry due": {
    given: (lab) => {
      after("DOWNLOAD_ERROR")(lab);
      lab.wait(minute);
    },
    when: (lab) => lab.tick(),
    shows: { state: "retrying", ready: true },
  },
  expired: {
    given: (lab) => {
      lab.enrol();
      lab.set("a", { expiresAt: lab.now });
    },
    when: (lab) => lab.tick(),
    shows: { state: "canceled", reason: "EXPIRED" },
  },
  "expired before delivery": {
    given: (lab) => {
      written(lab);
      lab.set("a", { expiresAt: lab.now });
    },
    when: (lab) => lab.tick(),
    shows: { state: "canceled", reason: "EXPIRED" },
  },
  "slot not used": {
    given: (lab) => {
      written(lab);
      lab.wait(minute);
    },
    when: (lab) => lab.tick(),
    shows: { state: "sent", slot: gone },
  },
  "released after withdrawal": {
    deployments: { a: { withdrawn: true } },
    given: (lab) => void lab.enrol(),
    when: (lab) => lab.release(),
    shows: { state: "canceled", reason: "WITHDRAWN" },
  },
  "released after expiry": {
    deployments: { a: { expiresAt: 0 } },
    given: (lab) => void lab.enrol(),
    when: (lab) => lab.release(),
    shows: { state: "canceled", reason: "EXPIRED" },
  },
  overtaken: {
    deployments: two(),
    given: (lab) => {
      lab.write("b");
      lab.enrol("a");
    },
    when: (lab) => lab.release("a"),
    shows: { state: "superseded", reason: "SUPERSEDED", supersededBy: "b" },
  },
  "already installed": {
    installed: "1.0",
    given: (lab) => void lab.enrol(),
    when: (lab) => lab.release(),
    shows: { state: "skipped", reason: "ALREADY_INSTALLED" },
  },
  downgrade: {
    installed: "2.0.0",
    deployments: { a: { version: "1.9.0", downgrade: { newer: [], older: [] } } },
    given: (lab) => void lab.enrol(),
    when: (lab) => lab.release(),
    shows: { state: "skipped", reason: "DOWNGRADE" },
  },
  resting: {
    deployments: { b: {}, a: {} },
    given: (lab) => {
      spared(lab);
      lab.write("b");
      lab.deliver("b");
      lab.report("INSTALL_ERROR", { version: "1.0" });
      lab.enrol();
    },
    when: (lab) => lab.release(),
    shows: { state: "waiting", ready: gone },
  },
  "retry while resting": {
    given: (lab) => {
      spared(lab);
      after("DOWNLOAD_ERROR")(lab);
      lab.wait(minute);
      lab.tick();
    },
    when: (lab) => lab.release(),
    shows: { state: "retrying", ready: gone },
  },
  "already updating": {
    deployments: { b: { packageId: "package_x" }, a: { packageId: "package_x" } },
    given: (lab) => {
      lab.write("b");
      lab.deliver("b");
      lab.enrol();
    },
    when: (lab) => lab.release(),
    shows: { state: "skipped", reason: "ALREADY_UPDATING" },
  },
  "queued behind the live one": {
    deployments: { b: {}, a: { onActive: "queue" } },
    given: (lab) => {
      lab.write("b");
      lab.enrol();
    },
    when: (lab) => lab.release(),
    shows: { state: "waiting", ready: gone },
  },
  "rejected by the live one": {
    deployments: { b: {}, a: { onActive: "reject" } },
    given: (lab) => {
      lab.write("b");
      lab.enrol();
    },
    when: (lab) => lab.release(),
    shows: { state: "skipped", reason: "UPDATE_IN_PROGRESS" },
  },
  "queued behind an older one": {
    deployments: { b: {}, a: { onActive: "queue" } },
    given: (lab) => {
      lab.enrol("b");
      lab.enrol();
    },
    when: (lab) => lab.release(),
    shows: { state: "waiting", ready: gone },
  },
  written: {
    given: (lab) => void lab.enrol(),
    when: (lab) => lab.release(),
    shows: { state: "sent", attempt: 1, deadlineOf: "acknowledgeMs" },
  },
  "retry released after withdrawal": {
    given: (lab) => {
      after("DOWNLOAD_ERROR")(lab);
      lab.wait(minute);
      lab.tick();
      lab.set("a", { withdrawn: true });
    },
    when: (lab) => lab.release(),
    shows: { state: "canceled", reason: "WITHDRAWN" },
  },
  "retry released after expiry": {
    given: (lab) => {
      after("DOWNLOAD_ERROR")(lab);
      lab.wait(minute);
      lab.set("a", { expiresAt: lab.now });
    },
    when: (lab) => lab.release(),
    shows: { state: "canceled", reason: "EXPIRED" },
  },
  "written again": {
    given: (lab) => {
      after("DOWNLOAD_ERROR")(lab);
      lab.wait(minute);
      lab.tick();
    },
    when: (lab) => lab.release(),
    shows: { state: "sent", attempt: 2, deadlineOf: "acknowledgeMs" },
  },
  replaced: {
    deployments: two(),
    given: (lab) => {
      delivered(lab);
      lab.enrol("b");
    },
    when: (lab) => lab.release("b"),
    shows: { state: "superseded", reason: "SUPERSEDED", supersededBy: "b", deviceMayFinish: true },
  },
  delivered: {
    given: written,
    when: (lab) => lab.deliver(),
    shows: { state: "sent", everDelivered: true },
  },
  "unknown to the platform": {
    given: written,
    when: (lab) => lab.do({ type: "cancel", deploymentId: "a", reason: "DEVICE_UNKNOWN" }),
    shows: { state: "failed", reason: "DEVICE_UNKNOWN" },
  },
  canceled: {
    given: delivered,
    when: (lab) => lab.cancel(),
    shows: { state: "canceled", reason: "CANCELED", deviceMayFinish: true },
  },
  "device deleted": {
    given: (lab) => void lab.enrol(),
    when: (lab) => lab.do({ type: "deviceDeleted" }),
    shows: { state: "canceled", reason: "DEVICE_DELETED" },
  },
  "retry of an overtaken one refused": {
    deployments: two(),
    given: (lab) => {
      after("INSTALL_ERROR")(lab);
      lab.write("b");
    },
    when: (lab) => lab.retry("a"),
    shows: { state: "failed", refused: "NOTHING_TO_RETRY" },
  },
  "retry of a withdrawn package refused": {
    given: (lab) => {
      after("INSTALL_ERROR")(lab);
      lab.set("a", { withdrawn: true });
    },
    when: (lab) => lab.retry("a"),
    shows: { state: "failed", refused: "PACKAGE_WITHDRAWN" },
  },
  reopened: {
    given: after("INSTALL_ERROR"),
    when: (lab) => lab.retry("a"),
    shows: { state: "waiting", ready: true, attemptBase: 1, maxAttempts: 4 },
  },
  "succeeded after all": {
    given: after("INSTALL_ERROR"),
    when: (lab) => lab.report("INSTALLED_VERSION"),
    shows: { state: "succeeded", confirmed: true, late: true, decision: "applied" },
  },
  "confirmed after all": {
    deployments: optionalUntimed,
    given: after("INSTALL_SUCCESS"),
    when: (lab) => lab.report("INSTALLED_VERSION"),
    shows: { state: "succeeded", confirmed: true, decision: "applied" },
  },
  "installed after all": {
    deployments: optional,
    given: (lab) => {
      after("INSTALL")(lab);
      lab.timeOut();
    },
    when: (lab) => lab.report("INSTALL_SUCCESS"),
    shows: { state: "succeeded", confirmed: false, late: true, decision: "applied" },
  },
  "install failed after all": {
    deployments: optionalUntimed,
    given: after("INSTALL_SUCCESS"),
    when: (lab) => lab.report("INSTALL_ERROR"),
    shows: { state: "failed", reason: "INSTALL_ERROR", decision: "applied" },
  },
  "fell back after all": {
    installed: "0.9",
    deployments: optionalUntimed,
    given: after("INSTALL_SUCCESS"),
    when: (lab) => lab.report("INSTALLED_VERSION", { version: "0.9" }),
    shows: { state: "failed", reason: "FELL_BACK", decision: "applied" },
  },
  "installed anyway": {
    given: (lab) => {
      delivered(lab);
      lab.cancel();
    },
    when: (lab) => lab.report("INSTALL_SUCCESS"),
    shows: { state: "canceled", installedAnyway: true, decision: "late" },
  },
  "after the end": {
    given: (lab) => {
      delivered(lab);
      lab.cancel();
    },
    when: (lab) => lab.report("DOWNLOAD"),
    shows: { state: "canceled", decision: "late" },
  },
};
