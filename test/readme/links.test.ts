import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const inFolder = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name));
/** Names files that its reader is to make. */
const tutorial = "docs/scripting.md";
const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...inFolder("docs")];

/** Links, and paths of sources in back-quotes, so far as they name one file or folder. */
function pathsIn(page: string): readonly string[] {
  const text = readFileSync(join(root, page), "utf8");
  const linked = [...text.matchAll(/\]\((?![a-z]+:|#)([^)#]+)/g)].map(([, path = ""]) =>
    join(dirname(page), path),
  );
  const quoted = [...text.matchAll(/`((?:modules|endpoints|services|test|scripts|docs|bench)\/[\w./-]*)`/g)];
  return page === tutorial ? linked : [...linked, ...quoted.map(([, path = ""]) => path)];
}

describe("the pages of the project", () => {
  it.each(pages)("%s names only files that are there", (page) => {
    expect(pathsIn(page).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});
