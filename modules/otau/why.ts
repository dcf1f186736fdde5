import type { Ms } from "./model.ts";
import { packageOf } from "./package-of.ts";
import { isFinalState, isLiveState } from "./vocabulary.ts";
import { endedRules } from "./why-ended.ts";
import type { WhyAnswer, WhyCode, WhyFacts, WhyReply, WhyRule, WhySubject } from "./why-facts.ts";
import { liveRules } from "./why-live.ts";
import { waitingRules } from "./why-waiting.ts";
import { type Entry, entriesOf } from "./written.ts";

/** An update that is over already, though the commit that says so has yet to come. */
function isCalledOff({ update, deployment }: Entry, now: Ms): boolean {
  if (isFinalState(update.state)) return false;
  if (deployment.state === "canceled") return true;
  const undelivered = update.state === "sent" && update.deliveredAt === undefined;
  const mayExpire = update.state === "waiting" || update.state === "retrying" || undelivered;
  return mayExpire && deployment.expiresAt !== undefined && deployment.expiresAt <= now;
}

/** The update that tells how things ended: the newest, unless that was left out for another one's sake. */
function lastEntry(entries: readonly Entry[]): Entry | undefined {
  const counts = ({ update: { state, reason } }: Entry) =>
    !(state === "skipped" && (reason === "ALREADY_UPDATING" || reason === "UPDATE_IN_PROGRESS"));
  return entries.findLast(counts) ?? entries.at(-1);
}

function answerOf(rules: readonly WhyRule[], subjects: readonly WhySubject[]): WhyAnswer | undefined {
  for (const { code, explain } of rules) {
    for (const subject of subjects) {
      const reply = explain(subject);
      if (reply !== undefined) return toAnswer(code, subject, reply);
    }
  }
  return undefined;
}

function toAnswer(code: WhyCode, { update, deployment, facts }: WhySubject, reply: WhyReply): WhyAnswer {
  const { installedVersion } = facts.device;
  const { text, since, until, details } = reply;
  const packageId = packageOf(deployment);
  return {
    code,
    text,
    since: Math.min(since, facts.now),
    ...(until === undefined ? {} : { until }),
    deploymentId: deployment.id,
    details: {
      version: deployment.version,
      ...(packageId === undefined ? {} : { packageId }),
      ...(installedVersion === undefined ? {} : { installedVersion }),
      state: update.state,
      attempt: update.attempt,
      maxAttempts: update.maxAttempts,
      ...details,
    },
  };
}

function noDeployment({ device }: WhyFacts): WhyAnswer {
  const { installedVersion, identity, createdAt } = device;
  const runs = installedVersion === undefined ? "has not said what it runs" : `runs ${installedVersion}`;
  return {
    code: "NO_DEPLOYMENT",
    text: `${identity} ${runs}, and no package was ever applied to it.`,
    since: createdAt,
    details: installedVersion === undefined ? {} : { installedVersion },
  };
}

/** Why the device is where it is. Among several waiting updates the oldest for which a reason holds is named. */
export function explainWhy(facts: WhyFacts): WhyAnswer {
  const all = entriesOf(facts.device, facts.deployments);
  const subjectOf = (entry: Entry): WhySubject => ({
    ...entry,
    rollout: facts.rollouts.get(entry.deployment.id) ?? {},
    facts,
  });
  const open = all.filter((entry) => !isCalledOff(entry, facts.now)).map(subjectOf);
  const waits = open.filter(({ update: { state } }) => state === "waiting" || state === "retrying");
  const live = open.filter(({ update }) => isLiveState(update.state));
  const last = lastEntry(all);
  return (
    answerOf(waitingRules, waits) ??
    answerOf(liveRules, live) ??
    answerOf(endedRules, last === undefined ? [] : [subjectOf(last)]) ??
    noDeployment(facts)
  );
}
