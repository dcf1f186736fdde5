import type { Command } from "commander";

/** Items that a list shows without `--limit`. */
export const listLimitDefault = "500";

/** The help of one command: what it does, and lines one can copy. */
export type LeafText = {
  /** Name and arguments, as in `get <identity>`. */
  readonly usage: string;
  readonly summary: string;
  readonly examples: readonly string[];
  /** Runs when the group is typed alone. */
  readonly isDefault?: boolean;
};

/** Adds a command that does something, with `--json` and its examples. */
export function addLeaf(parent: Command, text: LeafText): Command {
  return parent
    .command(text.usage, { isDefault: text.isDefault ?? false })
    .description(text.summary)
    .option("--json", "print JSON and nothing else on stdout")
    .addHelpText("after", exampleText(text.examples));
}

/** Adds a command that only holds others. */
export function addGroup(
  parent: Command,
  name: string,
  summary: string,
  examples: readonly string[],
): Command {
  return parent.command(name).description(summary).addHelpText("after", exampleText(examples));
}

function exampleText(examples: readonly string[]): string {
  return `\nExamples:\n${examples.map((example) => `  $ ${example}`).join("\n")}`;
}
