import type { Outcome, Update } from "../../modules/otau/model.ts";
import type { Decision } from "../../modules/otau/vocabulary.ts";
import type { DeploymentWish, Lab } from "./lab.ts";

/** What shows that a row was taken: given, when, shows. */
export type Example = {
  readonly deployments?: Readonly<Record<string, DeploymentWish>>;
  readonly installed?: string;
  readonly given?: (lab: Lab) => void;
  readonly when: (lab: Lab) => Outcome;
  readonly shows: Partial<Update> & { readonly decision?: Decision; readonly refused?: string };
};

export const retried = { a: { retry: { on: ["DOWNLOAD_ERROR", "DOWNLOAD_TIMEOUT", "FELL_BACK"] } } } as const;
export const optional = { a: { confirm: "optional" } } as const;
export const optionalUntimed = { a: { confirm: "optional", timeouts: { confirmMs: null } } } as const;

export const written = (lab: Lab) => void lab.write();
export const delivered = (lab: Lab) => {
  lab.write();
  lab.deliver();
};
export const after =
  (...statuses: Parameters<Lab["report"]>[0][]) =>
  (lab: Lab) => {
    lab.write();
    lab.deliver();
    for (const status of statuses) lab.report(status);
  };
/** Written, then silent in the download until it is given up for now. */
export const silentAfter =
  (...statuses: Parameters<Lab["report"]>[0][]) =>
  (lab: Lab) => {
    after(...statuses)(lab);
    lab.timeOut();
  };
export const manyTimeouts = {
  a: { retry: { on: ["TEST_TIMEOUT", "DOWNLOAD_TIMEOUT", "INSTALL_TIMEOUT", "ACKNOWLEDGE_TIMEOUT"] } },
} as const;

export function beginElevenTimes(lab: Lab): void {
  after("TEST")(lab);
  for (let round = 0; round < 10; round++) {
    lab.report("INIT");
    lab.report("TEST");
  }
}

/** `b` is live and under way; `a` was reopened or waits. */
export const two = (b: DeploymentWish = {}) => ({ a: {}, b });

/** A field that is expected to be absent. */
export const gone = undefined as never;
