import { commandLineSettings, type Setting, settings } from "../modules/settings.ts";

const all: readonly Setting<unknown>[] = Object.values(settings);

/** A pipe would end the table cell. */
const cell = (text: string): string => text.replaceAll("|", "\\|");

const row = (name: string, defaultText: string, description: string): string =>
  `| \`${name}\` | ${cell(defaultText)} | ${cell(description)} |`;

/** The page of settings, `docs/settings.md`. */
export function renderSettingsPage(): string {
  return [
    "# Settings",
    "",
    "Generated from `modules/settings.ts` by `npm run docs`.",
    "",
    "Settings are environment variables; an `.env` file in the working directory adds what is not set. An empty value",
    "counts as not set. At the start every setting is checked, and all that is wrong is named at once; a name that",
    "starts with `OTAU_` and is not listed here is refused. A secret one can lie in a file: `<NAME>_FILE` names it.",
    "",
    "| setting | default | what it does |",
    "|---|---|---|",
    ...all.map(({ name, defaultText, description, isSecret }) =>
      row(name, defaultText, isSecret ? `${description} Secret: \`${name}_FILE\` works too.` : description),
    ),
    "",
    "`NODE_ENV=production` refuses the trial store. The command line reads:",
    "",
    "| setting | default | what it does |",
    "|---|---|---|",
    ...commandLineSettings.map(({ name, defaultText, description }) => row(name, defaultText, description)),
    "",
  ].join("\n");
}

const plain = (text: string): string => text.replaceAll("`", "");

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + word.length + 1 > width) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** The template of an environment, `.env.example`: every setting, commented out. */
export function renderEnvExample(): string {
  const blocks = all.map(({ name, defaultText, description }) =>
    [
      ...wrap(`${plain(description)} Default: ${plain(defaultText)}.`, 108).map((line) => `# ${line}`),
      `#${name}=`,
    ].join("\n"),
  );
  return [
    "# Copy to .env and set what you need. Generated from modules/settings.ts by npm run docs.",
    ...blocks,
    "",
  ]
    .join("\n\n")
    .replace(/\n\n$/, "\n");
}
