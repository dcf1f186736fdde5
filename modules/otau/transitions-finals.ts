import type { Transition } from "./transition.ts";
import { errorStatuses, progressStatuses } from "./vocabulary.ts";

const corrections: readonly Transition[] = [
  {
    id: "succeeded after all",
    from: ["timed_out", "failed", "aborted"],
    on: ["TARGET_INSTALLED"],
    when: ["target not there before"],
    to: "succeeded",
    confirmed: true,
    decision: "applied",
    correction: true,
    because: "The device runs the target, whatever we had given up.",
  },
  {
    id: "confirmed after all",
    from: ["succeeded"],
    on: ["TARGET_INSTALLED"],
    when: ["unconfirmed, and target not there before"],
    to: "same",
    confirmed: true,
    decision: "applied",
    correction: true,
    because: "The device names the version that was only believed to be there.",
  },
  {
    id: "installed after all",
    from: ["timed_out"],
    on: ["INSTALL_SUCCESS"],
    when: ["confirm is optional"],
    to: "succeeded",
    confirmed: false,
    decision: "applied",
    correction: true,
    because: "With optional confirmation a finished install is a success, also a late one.",
  },
  {
    id: "install failed after all",
    from: ["succeeded"],
    on: ["INSTALL_ERROR"],
    when: ["unconfirmed"],
    to: "failed",
    decision: "applied",
    reason: "INSTALL_ERROR",
    correction: true,
    because: "The device takes back what was never confirmed.",
  },
  {
    id: "fell back after all",
    from: ["succeeded"],
    on: ["OTHER_INSTALLED"],
    when: ["unconfirmed, and back to the version before"],
    to: "failed",
    decision: "applied",
    reason: "FELL_BACK",
    correction: true,
    because: "The device runs what it ran before; the success that was only believed did not last.",
  },
];

const late: readonly Transition[] = [
  {
    id: "installed anyway",
    from: ["canceled", "superseded"],
    on: ["INSTALLED_ANYWAY"],
    to: "same",
    effects: ["mark installed anyway"],
    because: "It was called off, and the device did it nevertheless: worth knowing, no success of ours.",
  },
  {
    id: "after the end",
    from: ["succeeded", "failed", "timed_out", "aborted", "canceled", "superseded"],
    on: [...progressStatuses, ...errorStatuses, "INSTALL_ABORTED", "TARGET_INSTALLED"],
    to: "same",
    decision: "late",
    because: "The update has ended; history keeps what is still said.",
  },
];

/** What a report does to an update that has ended. */
export const finalTransitions: readonly Transition[] = [...corrections, ...late];
