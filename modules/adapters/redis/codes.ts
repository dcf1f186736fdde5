import type { Reason, Status, TimeoutName, UpdateState } from "../../otau/vocabulary.ts";

/** A closed set of words and the one character each is stored as. Stored data holds the characters: never reuse one. */
export type Codes<Word extends string> = {
  readonly codeOf: (word: Word | undefined) => string;
  /** Undefined for `-`; throws for a character that stands for nothing, as the store then is not ours. */
  readonly wordOf: (code: string) => Word | undefined;
};

const none = "-";

function makeCodes<Word extends string>(what: string, table: Readonly<Record<Word, string>>): Codes<Word> {
  const words = new Map<string, Word>(
    Object.entries(table).map(([word, code]) => [code as string, word as Word]),
  );
  return {
    codeOf: (word) => (word === undefined ? none : table[word]),
    wordOf: (code) => {
      if (code === none) return undefined;
      const word = words.get(code);
      if (word === undefined)
        throw new Error(`stored ${what} "${code}" is unknown: a newer program wrote it`);
      return word;
    },
  };
}

/** States; the character is also the field of the deployment's counter. */
export const stateCodes: Codes<UpdateState> = makeCodes("state", {
  waiting: "0",
  sent: "1",
  started: "2",
  testing: "3",
  downloading: "4",
  installing: "5",
  confirming: "6",
  retrying: "7",
  succeeded: "8",
  failed: "9",
  timed_out: "a",
  aborted: "b",
  canceled: "c",
  superseded: "d",
  skipped: "e",
});

export const statusCodes: Codes<Status> = makeCodes("status", {
  INIT: "0",
  TEST: "1",
  TEST_STEP: "2",
  TEST_SUCCESS: "3",
  DOWNLOAD: "4",
  DOWNLOAD_STEP: "5",
  DOWNLOAD_SUCCESS: "6",
  INSTALL: "7",
  INSTALL_STEP: "8",
  INSTALL_SUCCESS: "9",
  TEST_ERROR: "a",
  DOWNLOAD_ERROR: "b",
  INSTALL_ERROR: "c",
  INSTALL_ABORTED: "d",
  INSTALLED_VERSION: "e",
});

export const reasonCodes: Codes<Reason> = makeCodes("reason", {
  ACKNOWLEDGE_TIMEOUT: "0",
  TEST_TIMEOUT: "1",
  DOWNLOAD_TIMEOUT: "2",
  INSTALL_TIMEOUT: "3",
  CONFIRM_TIMEOUT: "4",
  TOTAL_TIMEOUT: "5",
  TEST_ERROR: "6",
  DOWNLOAD_ERROR: "7",
  INSTALL_ERROR: "8",
  INSTALL_ABORTED: "9",
  FELL_BACK: "a",
  RESTART_LOOP: "b",
  DEVICE_UNKNOWN: "c",
  VERSION_REPORTED: "d",
  VERSION_ONLY: "e",
  WITHDRAWN: "f",
  EXPIRED: "g",
  CANCELED: "h",
  DEVICE_DELETED: "i",
  GATE: "j",
  SUPERSEDED: "k",
  ALREADY_INSTALLED: "l",
  ALREADY_UPDATING: "m",
  UPDATE_IN_PROGRESS: "n",
  DOWNGRADE: "o",
});

export const timeoutCodes: Codes<Exclude<TimeoutName, "totalMs">> = makeCodes("time-out", {
  acknowledgeMs: "0",
  testMs: "1",
  downloadMs: "2",
  installMs: "3",
  confirmMs: "4",
});

export const attemptEndCodes: Codes<"error" | "timeout"> = makeCodes("end of an attempt", {
  error: "e",
  timeout: "t",
});
