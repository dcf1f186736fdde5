import type { Transition } from "./transition.ts";
import { errorStatuses, progressStatuses } from "./vocabulary.ts";

const retrying = ["retrying"] as const;
const begun = ["testing", "downloading", "installing", "confirming"] as const;
const afterInit = progressStatuses.slice(1);
const mayResume = ["ended by a time-out", "rank not below the one reached"] as const;

/** What a device in `retrying` says before anything else is looked at. */
export const whileRetrying: readonly Transition[] = [
  {
    id: "older than the end of the attempt",
    from: retrying,
    on: [...progressStatuses, ...errorStatuses, "INSTALL_ABORTED"],
    when: ["stamp older than the last report"],
    to: "same",
    decision: "late",
    because: "What was said before the attempt ended tells nothing of what came after it.",
  },
  {
    id: "resume in testing",
    from: retrying,
    on: ["TEST", "TEST_STEP"],
    when: mayResume,
    to: "testing",
    decision: "applied",
    deadline: "testMs",
    because: "A device that was silent too long, and goes on, needs no second write.",
  },
  {
    id: "resume with the tests done",
    from: retrying,
    on: ["TEST_SUCCESS"],
    when: mayResume,
    to: "testing",
    decision: "applied",
    deadline: "downloadMs",
    because: "A device that was silent too long, and goes on, needs no second write.",
  },
  {
    id: "resume in downloading",
    from: retrying,
    on: ["DOWNLOAD", "DOWNLOAD_STEP"],
    when: mayResume,
    to: "downloading",
    decision: "applied",
    deadline: "downloadMs",
    because: "A device that was silent too long, and goes on, needs no second write.",
  },
  {
    id: "resume with the download done",
    from: retrying,
    on: ["DOWNLOAD_SUCCESS"],
    when: mayResume,
    to: "downloading",
    decision: "applied",
    deadline: "installMs",
    because: "A device that was silent too long, and goes on, needs no second write.",
  },
  {
    id: "resume in installing",
    from: retrying,
    on: ["INSTALL", "INSTALL_STEP"],
    when: mayResume,
    to: "installing",
    decision: "applied",
    deadline: "installMs",
    because: "A device that was silent too long, and goes on, needs no second write.",
  },
  {
    id: "late while retrying",
    from: retrying,
    on: [...afterInit.filter((status) => status !== "INSTALL_SUCCESS"), ...errorStatuses],
    to: "same",
    decision: "late",
    because: "The attempt has ended; only a fresh start or a finished install takes it up again.",
  },
];

/** An INIT after the attempt had got further. */
export const beginningAgain: readonly Transition[] = [
  {
    id: "late INIT",
    from: begun,
    on: ["INIT"],
    when: ["stamp older than the last report"],
    to: "same",
    decision: "late",
    deadline: "current",
    because: "An INIT that was said before the last report is an old one that came late, not a new start.",
  },
  {
    id: "restart loop",
    from: [...begun, "retrying"],
    on: ["INIT"],
    when: ["restarts used up"],
    to: "failed",
    decision: "restart",
    reason: "RESTART_LOOP",
    because: "A device that begins again for ever would never run into a deadline.",
  },
  {
    id: "restart",
    from: [...begun, "retrying"],
    on: ["INIT"],
    to: "started",
    decision: "restart",
    deadline: "testMs",
    effects: ["restart"],
    because: "The device began again by itself; the same attempt goes on from the start.",
  },
];
