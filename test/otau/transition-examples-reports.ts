import {
  after,
  beginElevenTimes,
  delivered,
  type Example,
  manyTimeouts,
  optionalUntimed,
  retried,
  silentAfter,
} from "./example.ts";

/** One example per row for reports on the live update, by the row's id. */
export const reportExamples: Readonly<Record<string, Example>> = {
  "older than the end of the attempt": {
    given: after("DOWNLOAD", "DOWNLOAD_ERROR"),
    when: (lab) => lab.report("INIT", { stamp: lab.now - 1 }),
    shows: { state: "retrying", decision: "late" },
  },
  "resume in testing": {
    deployments: manyTimeouts,
    given: silentAfter("TEST"),
    when: (lab) => lab.report("TEST_STEP"),
    shows: { state: "testing", decision: "applied", deadlineOf: "testMs" },
  },
  "resume with the tests done": {
    deployments: manyTimeouts,
    given: silentAfter("TEST"),
    when: (lab) => lab.report("TEST_SUCCESS"),
    shows: { state: "testing", decision: "applied", deadlineOf: "downloadMs" },
  },
  "resume in downloading": {
    given: silentAfter("DOWNLOAD"),
    when: (lab) => lab.report("DOWNLOAD"),
    shows: { state: "downloading", decision: "applied", deadlineOf: "downloadMs" },
  },
  "resume with the download done": {
    given: silentAfter("DOWNLOAD"),
    when: (lab) => lab.report("DOWNLOAD_SUCCESS"),
    shows: { state: "downloading", decision: "applied", deadlineOf: "installMs" },
  },
  "resume in installing": {
    given: silentAfter("DOWNLOAD"),
    when: (lab) => lab.report("INSTALL_STEP"),
    shows: { state: "installing", decision: "applied", deadlineOf: "installMs" },
  },
  "late while retrying": {
    given: after("DOWNLOAD", "DOWNLOAD_ERROR"),
    when: (lab) => lab.report("INSTALL"),
    shows: { state: "retrying", decision: "late" },
  },
  "late INIT": {
    given: after("DOWNLOAD"),
    when: (lab) => lab.report("INIT", { stamp: lab.now - 1 }),
    shows: { state: "downloading", decision: "late" },
  },
  "restart loop": {
    given: beginElevenTimes,
    when: (lab) => lab.report("INIT"),
    shows: { state: "failed", reason: "RESTART_LOOP", decision: "restart" },
  },
  restart: {
    given: after("DOWNLOAD"),
    when: (lab) => lab.report("INIT"),
    shows: { state: "started", decision: "restart", rank: 1, deadlineOf: "testMs" },
  },
  "installed, confirmation not waited for": {
    deployments: optionalUntimed,
    given: after("INSTALL"),
    when: (lab) => lab.report("INSTALL_SUCCESS"),
    shows: { state: "succeeded", confirmed: false, decision: "applied" },
  },
  "error retried": {
    given: after("DOWNLOAD"),
    when: (lab) => lab.report("DOWNLOAD_ERROR"),
    shows: { state: "retrying", reason: "DOWNLOAD_ERROR", decision: "applied" },
  },
  error: {
    given: after("DOWNLOAD"),
    when: (lab) => lab.report("INSTALL_ERROR"),
    shows: { state: "failed", reason: "INSTALL_ERROR", decision: "applied" },
  },
  "aborted by the device": {
    given: after("DOWNLOAD"),
    when: (lab) => lab.report("INSTALL_ABORTED"),
    shows: { state: "aborted", reason: "INSTALL_ABORTED", phase: "downloading", decision: "applied" },
  },
  "target installed, nothing else heard": {
    given: delivered,
    when: (lab) => lab.report("INSTALLED_VERSION"),
    shows: { state: "succeeded", confirmed: true, reason: "VERSION_REPORTED", decision: "applied" },
  },
  "target installed": {
    given: after("INSTALL_SUCCESS"),
    when: (lab) => lab.report("INSTALLED_VERSION"),
    shows: { state: "succeeded", confirmed: true, decision: "applied" },
  },
  "fell back, said before the install": {
    given: after("INSTALL_SUCCESS"),
    when: (lab) => lab.report("INSTALLED_VERSION", { version: "0.9", stamp: lab.now - 1 }),
    shows: { state: "confirming", decision: "unmatched" },
  },
  "fell back, retried": {
    deployments: retried,
    given: after("INSTALL_SUCCESS"),
    when: (lab) => lab.report("INSTALLED_VERSION", { version: "0.9" }),
    shows: { state: "retrying", reason: "FELL_BACK", decision: "applied" },
  },
  "fell back": {
    given: after("INSTALL_SUCCESS"),
    when: (lab) => lab.report("INSTALLED_VERSION", { version: "0.9" }),
    shows: { state: "failed", reason: "FELL_BACK", decision: "applied" },
  },
  "booted before it began": {
    given: delivered,
    when: (lab) => lab.report("INSTALLED_VERSION", { version: "0.9" }),
    shows: { state: "sent", decision: "unmatched", handedAgainSeq: 2 },
  },
  "other version installed": {
    deployments: { b: { version: "0.9" }, a: { version: "1.0" } },
    given: (lab) => {
      lab.write("b");
      lab.deliver("b");
      lab.cancel("b");
      after("DOWNLOAD")(lab);
    },
    when: (lab) => lab.report("INSTALLED_VERSION", { version: "0.9" }),
    shows: { state: "downloading", decision: "unmatched", otherVersion: "0.9" },
  },
  "target noted again": {
    installed: "1.0",
    deployments: { a: { force: true } },
    given: (lab) => {
      delivered(lab);
      lab.report("INSTALLED_VERSION");
    },
    when: (lab) => lab.report("INSTALLED_VERSION"),
    shows: { state: "sent", decision: "repeat" },
  },
  "target noted": {
    installed: "1.0",
    deployments: { a: { force: true } },
    given: delivered,
    when: (lab) => lab.report("INSTALLED_VERSION"),
    shows: { state: "sent", decision: "applied", heardTarget: true },
  },
  repeat: {
    given: after("DOWNLOAD_STEP"),
    when: (lab) => lab.report("DOWNLOAD_STEP"),
    shows: { state: "downloading", decision: "repeat" },
  },
  started: {
    given: delivered,
    when: (lab) => lab.report("INIT"),
    shows: { state: "started", decision: "applied", deadlineOf: "testMs" },
  },
  testing: {
    given: delivered,
    when: (lab) => lab.report("TEST_STEP"),
    shows: { state: "testing", decision: "applied", deadlineOf: "testMs" },
  },
  "tests done": {
    given: delivered,
    when: (lab) => lab.report("TEST_SUCCESS"),
    shows: { state: "testing", decision: "applied", deadlineOf: "downloadMs" },
  },
  downloading: {
    given: delivered,
    when: (lab) => lab.report("DOWNLOAD"),
    shows: { state: "downloading", decision: "applied", deadlineOf: "downloadMs" },
  },
  "download done": {
    given: delivered,
    when: (lab) => lab.report("DOWNLOAD_SUCCESS"),
    shows: { state: "downloading", decision: "applied", deadlineOf: "installMs" },
  },
  installing: {
    given: delivered,
    when: (lab) => lab.report("INSTALL"),
    shows: { state: "installing", decision: "applied", deadlineOf: "installMs" },
  },
  "install done": {
    given: delivered,
    when: (lab) => lab.report("INSTALL_SUCCESS"),
    shows: { state: "confirming", decision: "applied", deadlineOf: "confirmMs" },
  },
  late: {
    given: after("DOWNLOAD"),
    when: (lab) => lab.report("TEST"),
    shows: { state: "downloading", decision: "late" },
  },
};
