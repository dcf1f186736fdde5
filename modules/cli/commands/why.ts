import type { Command } from "commander";
import type { Io } from "../io.ts";
import { addLeaf } from "../leaf.ts";
import { openSession, type Session } from "../session.ts";
import { cleanText } from "../tables.ts";

type Answer = {
  readonly code: string;
  readonly text: string;
  readonly since?: string | null;
  readonly until?: string | null;
  readonly deploymentId?: string | null;
};

/** Adds `why`. */
export function addWhy(program: Command, io: Io): void {
  addLeaf(program, {
    usage: "why <identity>",
    summary: "Say why a device is where it is: what it waits for, what went wrong, or that all is well",
    examples: ["otau why gw-1"],
  }).action((identity: string, _options: object, command: Command) =>
    tellWhy(openSession(io, command), identity),
  );
}

async function tellWhy({ api, out }: Session, identity: string): Promise<void> {
  const answer = await api.get<Answer>(`${api.productPath("devices", identity)}/why`);
  await out.answer(answer, async () => {
    await out.line(`${out.colour(cleanText(answer.code), "bold")}  ${cleanText(answer.text)}`);
    if (answer.since) await out.line(`since       ${cleanText(answer.since)}`);
    if (answer.until) await out.line(`until       ${cleanText(answer.until)}`);
    if (answer.deploymentId) await out.line(`deployment  ${cleanText(answer.deploymentId)}`);
  });
}
