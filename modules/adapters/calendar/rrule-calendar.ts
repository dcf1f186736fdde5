import { DateTime, IANAZone } from "luxon";
import rrule from "rrule";
import type { Calendar } from "../../otau/rollout-windows.ts";

const { RRule } = rrule;
type Options = ReturnType<typeof RRule.parseString>;
type Rule = InstanceType<typeof RRule>;

const dayMs = 86_400_000;
/** A rule that does not open within it (29 February at the change of a century) counts as one that never does. */
const horizonMs = 9 * 366 * dayMs;
/** Where rules with an interval are counted from: Monday, 1 January 2024. */
const anchorMs = Date.UTC(2024, 0, 1);
const cacheMax = 1000;

type Bounds = readonly [least: number, most: number];
/** Parts a rule may have, and the numbers that may stand there; zero only where it is the least. */
const parts: Readonly<Record<string, Bounds | "word">> = {
  FREQ: "word",
  UNTIL: "word",
  WKST: "word",
  BYDAY: "word",
  INTERVAL: [1, 366],
  BYMONTH: [1, 12],
  BYMONTHDAY: [-31, 31],
  BYYEARDAY: [-366, 366],
  BYWEEKNO: [-53, 53],
  BYSETPOS: [-366, 366],
  BYHOUR: [0, 23],
  BYMINUTE: [0, 59],
  BYSECOND: [0, 59],
};
const frequencies = ["YEARLY", "MONTHLY", "WEEKLY", "DAILY"];

/**
 * Recurrence rules in local time. The rule is worked out on the clock on the wall, and each reading is then turned
 * into an instant: one that a change of the clock skips is taken after the leap, one that comes twice the first time.
 */
export function makeRruleCalendar(): Calendar {
  const rules = new Map<string, Options>();

  function optionsOf(text: string): Options {
    const known = rules.get(text);
    if (known !== undefined) return known;
    if (rules.size >= cacheMax) rules.clear();
    const options = explicit(RRule.parseString(text));
    rules.set(text, options);
    return options;
  }

  /** Counted from near by where it makes no difference: a rule is worked out from its start on. */
  function ruleFrom(text: string, fromWall: number): Rule {
    const options = optionsOf(text);
    const near = Math.floor(fromWall / dayMs) * dayMs - 2 * dayMs;
    const start = (options.interval ?? 1) > 1 ? anchorMs : near;
    const end = Math.min(options.until?.getTime() ?? Number.POSITIVE_INFINITY, fromWall + horizonMs);
    return new RRule({ ...options, dtstart: new Date(start), until: new Date(end) });
  }

  return {
    faultOfRule,
    hasZone: (timeZone) => IANAZone.isValidZone(timeZone),
    openings: (text, timeZone, from, to) => {
      const fromWall = wallOf(from, timeZone) - dayMs;
      const found = ruleFrom(text, fromWall).between(
        new Date(fromWall),
        new Date(wallOf(to, timeZone) + dayMs),
        true,
      );
      const instants = found.map((wall) => instantOf(wall, timeZone));
      return [...new Set(instants)].filter((at) => at > from && at <= to).toSorted((a, b) => a - b);
    },
    nextOpening: (text, timeZone, from) => {
      const fromWall = wallOf(from, timeZone) - dayMs;
      const rule = ruleFrom(text, fromWall);
      let wall = rule.after(new Date(fromWall), true);
      while (wall !== null) {
        const at = instantOf(wall, timeZone);
        if (at > from) return at;
        wall = rule.after(wall, false);
      }
      return undefined;
    },
  };
}

/** What the clock on the wall shows then, as if it stood in UTC. */
function wallOf(instant: number, timeZone: string): number {
  return instant + DateTime.fromMillis(instant, { zone: timeZone }).offset * 60_000;
}

function instantOf(wall: Date, timeZone: string): number {
  const shown = DateTime.fromJSDate(wall, { zone: "utc" }).setZone(timeZone, { keepLocalTime: true });
  // Of two instants that look the same, luxon may name either.
  const earlier = shown.getPossibleOffsets().map((each) => each.toMillis());
  return Math.min(shown.toMillis(), ...earlier);
}

/** What a rule leaves open would follow from its start; so it is said. */
function explicit(options: Options): Options {
  const { freq, byweekday, bymonthday, bymonth, byyearday, byweekno } = options;
  const namesDay = [byweekday, bymonthday, byyearday, byweekno].some((part) => part != null);
  return {
    ...options,
    byhour: options.byhour ?? [0],
    byminute: options.byminute ?? [0],
    bysecond: options.bysecond ?? [0],
    ...(freq === RRule.WEEKLY && !namesDay ? { byweekday: [RRule.MO] } : {}),
    ...(freq === RRule.MONTHLY && !namesDay ? { bymonthday: [1] } : {}),
    ...(freq === RRule.YEARLY && !namesDay ? { bymonth: bymonth ?? [1], bymonthday: [1] } : {}),
  };
}

function faultOfRule(text: string): string | undefined {
  const named = text.split(";").map((part) => part.split("="));
  for (const [name = "", value] of named) {
    const bounds = Object.hasOwn(parts, name) ? parts[name] : undefined;
    if (bounds === undefined || value === undefined) {
      return `has "${name}", which is none of ${Object.keys(parts).join(", ")} with a value`;
    }
    const fault = bounds === "word" ? undefined : faultOfNumbers(value, bounds);
    if (fault !== undefined) return `has ${name}=${value}, but ${fault}`;
  }
  const frequency = named.find(([name]) => name === "FREQ")?.[1];
  if (!frequencies.includes(frequency ?? "")) return `must have FREQ, one of ${frequencies.join(", ")}`;
  try {
    const rule = new RRule(explicit(RRule.parseString(text)));
    return Number.isNaN(rule.options.until?.getTime()) ? "has an UNTIL that is no time" : undefined;
  } catch (error) {
    return `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function faultOfNumbers(value: string, [least, most]: Bounds): string | undefined {
  for (const text of value.split(",")) {
    const number = Number(text);
    const isFit = /^-?\d{1,3}$/.test(text) && number >= least && number <= most;
    if (!isFit || (number === 0 && least < 0)) return `${text} must be from ${least} to ${most}`;
  }
  return undefined;
}
