import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApp } from "../support/app.ts";
import { openBrowser, openPage } from "./browser.ts";
import { applyPackage, packageId, registerDevices, registerPackage, startDevices } from "./fixtures.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser?.close());

it("registers a package, applies it and shows its success, live", async () => {
  await using app = await startApp();
  const stopDevices = startDevices(app, { count: 3 });
  const { page, faults, open } = await openPage(browser, app);

  await open("#/default/register");
  await page.getByLabel("Vendor").fill("acme");
  await page.getByLabel("Product", { exact: true }).last().fill("iotgw1");
  await page.getByLabel("Name").fill("Gateway 2");
  await page.getByLabel("Version").fill("2.0.0");
  await page.getByLabel("Type").selectOption("JSON");
  await page.getByLabel(/^Payload/).fill('{"level": 1.50}');
  await page.getByText('"payload": {"level": 1.50}').waitFor();
  await page.getByRole("button", { name: "Register" }).click();
  await page.getByRole("heading", { name: "Gateway 2", level: 1 }).waitFor();
  await page.getByRole("link", { name: "Apply", exact: true }).click();
  await page.getByText("Gateway 2 (2.0.0) is written to 3 devices, now.").waitFor();
  await page.getByRole("button", { name: "Apply to 3 devices" }).click();
  await page.getByText("3 of 3 have ended").waitFor();
  await page.getByRole("heading", { level: 1, name: "finished" }).waitFor();
  await page.getByRole("link", { name: "gw-0001" }).first().click();
  await page.getByText("INSTALL_SUCCESS").waitFor();

  expect(faults).toEqual([]);
  await stopDevices();
  await page.context().close();
});

it("says why a device fails while it happens, and retries it", async () => {
  await using app = await startApp();
  const stopDevices = startDevices(app, { profile: "aborts" });
  await registerPackage(app);
  const { page, faults, open } = await openPage(browser, app);

  await open("#/default/devices/gw-0001");
  await page.getByRole("heading", { name: "Timeline" }).waitFor();
  await applyPackage(app);
  await page.getByRole("region", { name: "Why" }).getByText("ABORTED", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Retry" }).click();
  await page.getByRole("dialog").getByText("is written to this device again").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Retry" }).click();
  await page.getByRole("dialog").waitFor({ state: "hidden" });

  expect(faults).toEqual([]);
  await stopDevices();
  await page.context().close();
});

it("pauses, resumes and cancels a deployment, and says before what each does", async () => {
  await using app = await startApp();
  await registerDevices(app, 4);
  await registerPackage(app);
  const deploymentId = await applyPackage(app, { rollout: { waves: [50, 50] } });
  const { page, faults, open } = await openPage(browser, app);
  const act = async (name: string, effect: string) => {
    await page.getByRole("button", { name, exact: true }).click();
    await page.getByRole("dialog").getByText(effect).waitFor();
    await page.getByRole("dialog").getByRole("button", { name, exact: true }).click();
    await page.getByRole("dialog").waitFor({ state: "hidden" });
  };

  await open(`#/default/deployments/${deploymentId}`);
  await page.getByText("1 of 2: 2 devices (50%)").waitFor();
  await act("Pause", "Nothing more is written: 2 devices stay waiting");
  await page.getByRole("heading", { level: 1, name: "paused" }).waitFor();
  await act("Resume", "2 devices that wait are written again");
  await page.getByRole("heading", { level: 1, name: "running" }).waitFor();
  await act("Open wave 2", "Wave 2 of 2 begins now");
  await page.getByText("2 of 2: 2 devices (50%)").waitFor();
  await act("Cancel", "4 devices that have not ended are called off");
  await page.getByText("4 of 4 have ended").waitFor();

  expect(faults).toEqual([]);
  await page.context().close();
});

it("withdraws a package with a reason, and restores it", async () => {
  await using app = await startApp();
  await registerPackage(app);
  const { page, faults, open } = await openPage(browser, app);
  const dialog = page.getByRole("dialog");

  await open(`#/default/packages/${packageId}`);
  await page.getByRole("button", { name: "Withdraw" }).click();
  await dialog.getByLabel("Why").fill("drains the battery");
  await dialog.getByRole("button", { name: "Withdraw" }).click();
  await page.getByRole("definition").getByText("withdrawn").waitFor();
  await page.getByRole("button", { name: "Restore" }).click();
  await dialog.getByRole("button", { name: "Restore" }).click();
  await page.getByRole("definition").getByText("available").waitFor();

  expect(faults).toEqual([]);
  await page.context().close();
});

it("takes a dropped package to the letter, and says what is wrong with a broken one", async () => {
  await using app = await startApp();
  const { page, faults, open } = await openPage(browser, app);
  const text =
    '{"otau_info":{"config_otau":{"version":"3.0","name":"A","type":"JSON","payload":{"n":1.0e2}}}}';
  const file = (name: string, content: string) => ({
    name,
    mimeType: "application/json",
    buffer: Buffer.from(content),
  });

  await open("#/default/register");
  await page.getByLabel(/Drop a file/).setInputFiles(file("package_a.json", text.replace('"JSON"', '"ZIP"')));
  await page.getByText("/config_otau/type").waitFor();
  await page.getByLabel(/Drop a file/).setInputFiles(file("package_a.json", text));
  await page
    .getByText('{"version":"3.0","name":"A","type":"JSON","payload":{"n":1.0e2}}', { exact: true })
    .waitFor();
  await page.getByRole("button", { name: "Register" }).click();
  await page.getByRole("heading", { name: "A", level: 1 }).waitFor();
  await page.getByText('"payload":{"n":1.0e2}').waitFor();

  expect(faults).toEqual([]);
  await page.context().close();
});
