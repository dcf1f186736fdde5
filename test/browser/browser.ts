import { existsSync } from "node:fs";
import { join } from "node:path";
import axe from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { buildConsole } from "../../scripts/build-console.mjs";
import type { TestApp } from "../support/app.ts";

const executablePath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";

// Nothing but the pages under test may make the browser talk.
const quiet = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A browser, and the console built as it is now. */
export async function openBrowser(): Promise<Browser> {
  const trouble = buildConsole(join(import.meta.dirname, "..", ".."));
  if (trouble !== undefined) throw new Error(trouble);
  if (!existsSync(executablePath)) {
    throw new Error(
      `There is no browser at ${executablePath}: apt-get install chromium, or name one in CHROMIUM_PATH.`,
    );
  }
  return chromium.launch({ executablePath, args: quiet });
}

/** A page of the console that notes what it must never do. */
export type WatchedPage = {
  readonly page: Page;
  /** Console errors, thrown errors and requests to other hosts. */
  readonly faults: readonly string[];
  readonly open: (hash: string) => Promise<void>;
};

/** Opens a page for `app`; signed in unless `isSignedOut`. */
export async function openPage(
  browser: Browser,
  app: Pick<TestApp, "apiUrl" | "token">,
  { isSignedOut = false, ...options }: BrowserContextOptions & { readonly isSignedOut?: boolean } = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 820 }, ...options });
  if (!isSignedOut) {
    await context.addInitScript(`sessionStorage.setItem("otau.token", ${JSON.stringify(app.token)})`);
  }
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const faults: string[] = [];
  const apiUrl = app.apiUrl ?? "";
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`thrown: ${error.message}`));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(apiUrl) && !url.startsWith("data:")) faults.push(`request: ${url}`);
  });
  return { page, faults, open: (hash) => page.goto(`${apiUrl}/${hash}`).then(() => undefined) };
}

/** What axe finds that is serious or worse, one line each. */
export async function seriousFindings(page: Page): Promise<readonly string[]> {
  // Evaluated by the debugger: the page's policy forbids scripts that are put into it.
  await page.evaluate(axe.source);
  const found = (await page.evaluate(
    `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })`,
  )) as axe.AxeResults;
  return found.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}

/** By how many pixels the page is wider than the window. */
export const overflowPx = (page: Page): Promise<number> =>
  page.evaluate("document.documentElement.scrollWidth - innerWidth") as Promise<number>;
