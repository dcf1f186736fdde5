import { Argument, type Command } from "commander";
import { completionScript, shells } from "../completion-scripts.ts";
import type { Io } from "../io.ts";
import { addLeaf } from "../leaf.ts";

/** Adds `completion`. */
export function addCompletion(program: Command, io: Io): void {
  addLeaf(program, {
    usage: "completion",
    summary: "Print the script that makes a shell complete commands and options with the Tab key",
    examples: [
      'eval "$(otau completion bash)"     # in ~/.bashrc',
      'eval "$(otau completion zsh)"      # in ~/.zshrc',
      "otau completion fish > ~/.config/fish/completions/otau.fish",
    ],
  })
    .addArgument(new Argument("<shell>", "the shell").choices(shells))
    .action((shell: (typeof shells)[number]) => io.stdout.write(completionScript(program, shell)));
}
