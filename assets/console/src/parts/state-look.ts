/** How a state is shown. The tone is a colour of the style sheet, never the only hint. */
export type StateLook = { readonly tone: Tone; readonly sign: string; readonly name: string };
type Tone = "ok" | "bad" | "warn" | "busy" | "idle";

const looks: Readonly<Record<string, StateLook>> = {
  none: { tone: "idle", sign: "·", name: "no update" },
  waiting: { tone: "idle", sign: "◷", name: "waiting" },
  sent: { tone: "busy", sign: "↗", name: "sent" },
  started: { tone: "busy", sign: "▸", name: "started" },
  testing: { tone: "busy", sign: "▸", name: "testing" },
  downloading: { tone: "busy", sign: "↓", name: "downloading" },
  installing: { tone: "busy", sign: "⚙", name: "installing" },
  confirming: { tone: "busy", sign: "…", name: "confirming" },
  retrying: { tone: "warn", sign: "↻", name: "retrying" },
  succeeded: { tone: "ok", sign: "✓", name: "succeeded" },
  failed: { tone: "bad", sign: "✕", name: "failed" },
  timed_out: { tone: "bad", sign: "⏱", name: "timed out" },
  aborted: { tone: "bad", sign: "⊘", name: "aborted" },
  canceled: { tone: "idle", sign: "⊘", name: "canceled" },
  superseded: { tone: "idle", sign: "⇥", name: "superseded" },
  skipped: { tone: "idle", sign: "⤼", name: "skipped" },
  scheduled: { tone: "idle", sign: "◷", name: "scheduled" },
  running: { tone: "busy", sign: "▸", name: "running" },
  paused: { tone: "warn", sign: "‖", name: "paused" },
  halted: { tone: "bad", sign: "■", name: "halted" },
  finished: { tone: "ok", sign: "✓", name: "finished" },
  available: { tone: "ok", sign: "✓", name: "available" },
  pending: { tone: "warn", sign: "◷", name: "pending" },
  withdrawn: { tone: "bad", sign: "⊘", name: "withdrawn" },
  invalid: { tone: "bad", sign: "✕", name: "invalid" },
};

/** How a state of an update, a deployment or a package is shown. */
export const stateLook = (state: string): StateLook =>
  looks[state] ?? { tone: "idle", sign: "·", name: state.replaceAll("_", " ") };

/** The states of an update, in the order they are lived through. */
export const stateOrder = [
  "waiting",
  "sent",
  "started",
  "testing",
  "downloading",
  "installing",
  "confirming",
  "retrying",
  "succeeded",
  "failed",
  "timed_out",
  "aborted",
  "canceled",
  "superseded",
  "skipped",
  "none",
] as const;
