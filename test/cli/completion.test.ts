import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { runOtau } from "./support/run-otau.ts";

/** What bash offers behind the words; the last of them is being typed. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await runOtau(["completion", "bash"]);
  const script = `${stdout}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _otau; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const printed = execFileSync("bash", ["--norc", "-c", script, "bash", "otau", ...words], {
    encoding: "utf8",
  });
  return printed.trim().split("\n");
}

it("makes bash offer commands, the commands below them, and their options", async () => {
  expect(await offered("wa")).toEqual(["watch"]);
  expect(await offered("content", "")).toEqual(expect.arrayContaining(["upload", "list", "download"]));
  expect(await offered("content", "upload", "file.bin", "--ta")).toEqual(["--tags"]);
  expect(await offered("devices", "--json", "ad")).toEqual(["add"]);
});

it("makes a script for zsh and fish, and refuses other shells", async () => {
  expect((await runOtau(["completion", "zsh"])).stdout).toContain("bashcompinit");
  const fish = await runOtau(["completion", "fish"]);
  expect(fish.stdout).toMatch(/complete -c otau -n '__otau_at " content upload"' -l tags -d '/);
  const refused = await runOtau(["completion", "tcsh"]);
  expect(refused).toMatchObject({ exitCode: 2, stdout: "" });
  expect(refused.stderr).toContain("bash, zsh, fish");
});
