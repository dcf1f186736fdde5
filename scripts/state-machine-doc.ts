import type { Transition, Trigger } from "../modules/otau/transition.ts";
import { actTransitions } from "../modules/otau/transitions-acts.ts";
import { deadlineTransitions } from "../modules/otau/transitions-deadlines.ts";
import { finalTransitions } from "../modules/otau/transitions-finals.ts";
import { reportTransitions } from "../modules/otau/transitions-reports.ts";
import {
  finalStates,
  liveStates,
  phases,
  type UpdateState,
  updateStates,
} from "../modules/otau/vocabulary.ts";

type Chapter = { readonly title: string; readonly intro: string; readonly rows: readonly Transition[] };

const chapters: readonly Chapter[] = [
  {
    title: "Reports on the live update",
    intro:
      "What a device says of the update under way. Judged from top to bottom. `TARGET_INSTALLED` is an INSTALLED_VERSION that names the update's version, `OTHER_INSTALLED` one that names another.",
    rows: reportTransitions,
  },
  {
    title: "Time",
    intro:
      "What is due, by the store's clock. Of two deadlines at one instant the total one comes first. What fell due in an outage comes a grace after recovery.",
    rows: deadlineTransitions,
  },
  {
    title: "Releases and acts",
    intro: "What the releaser, operators and the system do.",
    rows: actTransitions,
  },
  {
    title: "Reports on what has ended",
    intro:
      "Corrections touch only the newest written update of the device, and only while none is live; anything else said of an ended update is history.",
    rows: finalTransitions,
  },
];

/** Groups of states that are named as one where a row holds for all of them. */
const groups: readonly (readonly [string, readonly UpdateState[]])[] = [
  ["any open state", updateStates.filter((state) => !(finalStates as readonly string[]).includes(state))],
  ["any live state", liveStates],
  ["any phase", phases],
];

function statesText(states: readonly UpdateState[]): string {
  const group = groups.find(
    ([, members]) => members.length === states.length && members.every((state) => states.includes(state)),
  );
  return group ? group[0] : states.map((state) => `\`${state}\``).join(", ");
}

function reasonText({ reason }: Transition): string {
  if (reason === undefined) return "";
  return reason === "given" ? "its own" : `\`${reason}\``;
}

function deadlineText({ deadline }: Transition): string {
  if (deadline === undefined) return "";
  return deadline === "current" ? "the running one anew" : `\`${deadline}\``;
}

function effectText(row: Transition): string {
  const parts = [
    row.refused ? `refused: \`${row.refused}\`` : undefined,
    row.confirmed === undefined ? undefined : `confirmed: ${row.confirmed}`,
    row.correction ? "listed as a correction" : undefined,
    ...(row.effects ?? []),
  ];
  return parts.filter((part) => part !== undefined).join("; ");
}

function rowText(row: Transition): string {
  const cells = [
    row.id,
    statesText(row.from),
    row.on.map((on) => `\`${on}\``).join(" "),
    (row.when ?? []).join("; "),
    row.to === "same" ? "stays" : `\`${row.to}\``,
    row.decision ?? "",
    reasonText(row),
    deadlineText(row),
    effectText(row),
    row.because,
  ];
  return `| ${cells.join(" | ")} |`;
}

const header = ["row", "from", "on", "if", "to", "decision", "reason", "deadline", "also", "because"];

function tableText(rows: readonly Transition[]): string {
  return [`| ${header.join(" | ")} |`, `|${" --- |".repeat(header.length)}`, ...rows.map(rowText)].join("\n");
}

/** One arrow per pair of states, with everything that leads along it. */
function diagramText(rows: readonly Transition[]): string {
  const arrows = new Map<string, Set<Trigger>>();
  for (const row of rows) {
    if (row.to === "same") continue;
    for (const from of row.from) {
      if (from === row.to) continue;
      const arrow = `${from} --> ${row.to}`;
      arrows.set(arrow, new Set([...(arrows.get(arrow) ?? []), ...row.on]));
    }
  }
  const lines = [...arrows].map(([arrow, triggers]) => `  ${arrow}: ${[...triggers].join(", ")}`);
  return ["```mermaid", "stateDiagram-v2", ...lines, "```"].join("\n");
}

function chapterText({ title, intro, rows }: Chapter): string {
  return `## ${title}\n\n${intro}\n\n${diagramText(rows)}\n\n${tableText(rows)}\n`;
}

/** The page of the state machine, made from the very rows that decide. */
export function renderStateMachinePage(): string {
  const intro = [
    "# The life of an update",
    "",
    "Made from `modules/otau/transitions.ts` by `npm run docs`; edit the rows, not this page.",
    "",
    "Of the rows for a state and an event, the first whose conditions all hold is taken. A condition looks at the update as it was before the event. Where no row fits, nothing happens.",
    "",
    `States: ${updateStates.map((state) => `\`${state}\``).join(" ")}.`,
    "",
  ].join("\n");
  return [intro, ...chapters.map(chapterText)].join("\n");
}
