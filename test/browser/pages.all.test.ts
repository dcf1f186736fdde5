import type { Browser, BrowserContextOptions } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import { openBrowser, openPage, overflowPx, seriousFindings } from "./browser.ts";
import { applyPackage, packageId, registerDevices, registerPackage } from "./fixtures.ts";

let app: TestApp;
let browser: Browser;
let deploymentId = "";

beforeAll(async () => {
  app = await startApp();
  browser = await openBrowser();
  await registerDevices(app, 60);
  await registerPackage(app);
  await app.call(
    "PUT",
    "/products/default/content/package_broken.json?tags=%7B%22otau_info%22%3A%22%7B%7D%22%7D",
  );
  deploymentId = await applyPackage(app, { rollout: { ratePerMinute: 60 } });
});

afterAll(async () => {
  await browser?.close();
  await app?.close();
});

const pages = [
  { name: "fleet", hash: () => "#/default/fleet", heading: "Fleet", shows: "gw-0001" },
  { name: "device", hash: () => "#/default/devices/gw-0001", heading: "gw-0001", shows: "Timeline" },
  { name: "packages", hash: () => "#/default/packages", heading: "Packages", shows: "Gateway 1.0.1" },
  {
    name: "package",
    hash: () => `#/default/packages/${packageId}`,
    heading: "Gateway 1.0.1",
    shows: "config_otau",
  },
  {
    name: "register",
    hash: () => "#/default/register",
    heading: "Register a package",
    shows: "What devices get",
  },
  {
    name: "apply",
    hash: () => `#/default/apply/${packageId}`,
    heading: "Apply a package",
    shows: "is written to",
  },
  {
    name: "deployments",
    hash: () => "#/default/deployments",
    heading: "Deployments",
    shows: "Gateway 1.0.1",
  },
  {
    name: "deployment",
    hash: () => `#/default/deployments/${deploymentId}`,
    heading: "Gateway 1.0.1",
    shows: "gw-0001",
  },
  { name: "journal", hash: () => "#/default/journal", heading: "Journal", shows: "deployment.changed" },
];

const looks: readonly (BrowserContextOptions & { readonly look: string })[] = [
  { look: "light", colorScheme: "light" },
  { look: "dark", colorScheme: "dark" },
  { look: "390 px wide", colorScheme: "light", viewport: { width: 390, height: 844 } },
];

describe.each(looks)("in $look", ({ look: _, ...options }) => {
  it.each(pages)("shows the page $name without a fault, for everybody", async ({ hash, heading, shows }) => {
    const { page, faults, open } = await openPage(browser, app, options);

    await open(hash());
    await page.getByRole("heading", { level: 1, name: heading }).waitFor();
    await page.getByText(shows).first().waitFor();

    expect(await seriousFindings(page)).toEqual([]);
    expect(await overflowPx(page)).toBeLessThanOrEqual(0);
    expect(faults).toEqual([]);
    await page.context().close();
  });

  it("shows the sign-in page without a fault", async () => {
    const { page, faults, open } = await openPage(browser, app, { ...options, isSignedOut: true });

    await open("");
    await page.getByText("cat data/admin-token").waitFor();

    expect(await seriousFindings(page)).toEqual([]);
    expect(await overflowPx(page)).toBeLessThanOrEqual(0);
    expect(faults).toEqual([]);
    await page.context().close();
  });
});

it("shows the app API at /docs, from here alone", async () => {
  const { page, faults } = await openPage(browser, app);

  await page.goto(`${app.apiUrl}/docs`);
  await page.getByText("/api/v1/products/{productId}/devices", { exact: true }).first().waitFor();

  expect(faults).toEqual([]);
  await page.context().close();
});
