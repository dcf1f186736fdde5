import type { Command } from "commander";

/** What may follow a command: `path` is empty for the program itself, else as in ` content upload`. */
type Place = {
  readonly path: string;
  readonly words: readonly { readonly text: string; readonly about: string }[];
};

/** The shells that a script is made for. */
export const shells = ["bash", "zsh", "fish"] as const;

/** The script that teaches a shell the commands and options of the program. */
export function completionScript(program: Command, shell: (typeof shells)[number]): string {
  const places = placesOf(program, "");
  return shell === "fish" ? fishScript(program, places) : bashScript(program, places, shell);
}

function placesOf(command: Command, path: string): readonly Place[] {
  const { visibleCommands, visibleOptions } = visibleOf(command);
  const options = visibleOptions.flatMap(({ long, description }) =>
    long ? [{ text: long, about: description }] : [],
  );
  const names = visibleCommands.map((one) => ({ text: one.name(), about: one.description() }));
  const below = visibleCommands
    .filter((one) => one.name() !== "help")
    .flatMap((one) => placesOf(one, `${path} ${one.name()}`));
  return [{ path, words: [...names, ...options] }, ...below];
}

function visibleOf(command: Command) {
  const help = command.createHelp();
  return { visibleCommands: help.visibleCommands(command), visibleOptions: help.visibleOptions(command) };
}

function bashScript(program: Command, places: readonly Place[], shell: "bash" | "zsh"): string {
  const name = program.name();
  const known = places.filter(({ path }) => path !== "").map(({ path }) => `"${path}"`);
  const cases = places.map(
    ({ path, words }) => `    "${path}") words="${words.map(({ text }) => text).join(" ")}" ;;`,
  );
  // zsh brings the functions of bash along, once it is told to.
  const start =
    shell === "bash"
      ? []
      : [
          "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }",
          "autoload -Uz bashcompinit && bashcompinit",
        ];
  return [
    ...start,
    `_${name}() {`,
    `  local path="" words="" word cur="\${COMP_WORDS[COMP_CWORD]}"`,
    `  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do`,
    `    case "$path $word" in ${known.join("|")}) path="$path $word" ;; esac`,
    "  done",
    '  case "$path" in',
    ...cases,
    "  esac",
    '  COMPREPLY=($(compgen -W "$words" -- "$cur"))',
    "}",
    // Where no word fits, files do.
    `complete -o default -F _${name} ${name}`,
    "",
  ].join("\n");
}

function fishScript(program: Command, places: readonly Place[]): string {
  const name = program.name();
  const known = places.filter(({ path }) => path !== "").map(({ path }) => `"${path}"`);
  const lines = places.flatMap(({ path, words }) =>
    words.map(({ text, about }) => {
      const word = text.startsWith("--") ? `-l ${text.slice(2)}` : `-a ${text}`;
      return `complete -c ${name} -n '__${name}_at "${path}"' ${word} -d '${about.replace(/[\\']/g, "\\$&")}'`;
    }),
  );
  return [
    `function __${name}_at`,
    "  set -l path ''",
    "  for word in (commandline -opc)[2..-1]",
    `    contains -- "$path $word" ${known.join(" ")}; and set path "$path $word"`,
    "  end",
    '  test "$path" = "$argv[1]"',
    "end",
    ...lines,
    "",
  ].join("\n");
}
