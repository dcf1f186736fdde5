import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApp } from "../support/app.ts";
import { openBrowser, openPage } from "./browser.ts";
import { startCuttableLine } from "./cuttable-line.ts";
import { applyPackage, packageId, registerDevices, registerPackage } from "./fixtures.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser?.close());

it("is worked by keyboard alone, from signing in to calling an update off", async () => {
  await using app = await startApp();
  await registerDevices(app, 2);
  await registerPackage(app);
  await applyPackage(app);
  const { page, faults, open } = await openPage(browser, app, { isSignedOut: true });
  const press = (key: string) => page.keyboard.press(key);
  const focused = () => page.evaluate("document.activeElement?.textContent ?? ''") as Promise<string>;
  const tabTo = async (text: string) => {
    for (let step = 0; step < 60; step++) {
      await press("Tab");
      if ((await focused()).trim() === text) return;
    }
    throw new Error(`Tab never came to ${text}`);
  };

  await open("");
  await page.getByLabel("Token").focus();
  await page.keyboard.type(app.token);
  await press("Enter");
  await page.getByRole("link", { name: "gw-0001" }).waitFor();
  await tabTo("Skip to the page");
  await press("Enter");
  await tabTo("gw-0001");
  await press("Enter");
  await page.getByRole("button", { name: "Cancel" }).waitFor();
  await tabTo("Cancel");
  await press("Enter");
  await page.getByRole("dialog").waitFor();
  await press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  expect(await focused()).toBe("Cancel");
  await press("Enter");
  await tabTo("Cancel");
  await press("Enter");
  await page.getByText("CANCELED", { exact: true }).first().waitFor();

  expect(faults).toEqual([]);
  await page.context().close();
});

it("refuses a wrong token in words, and forgets a token that ended", async () => {
  await using app = await startApp();
  const { page, open } = await openPage(browser, app, { isSignedOut: true });

  await open("");
  await page.getByLabel("Token").fill("x".repeat(40));
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("UNAUTHORIZED").waitFor();
  const { body } = await app.call<{ readonly id: string; readonly token: string }>("POST", "/tokens", {
    name: "visitor",
    role: "viewer",
    products: ["*"],
  });
  await page.getByLabel("Token").fill(body.token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "No devices yet" }).waitFor();
  await app.call("DELETE", `/tokens/${body.id}`);
  await page.getByText("The token was refused. Paste a valid one.").waitFor();

  await page.context().close();
});

it("narrows the fleet by state, tag and identity, and keeps it in the address", async () => {
  await using app = await startApp();
  await registerDevices(app, 300);
  const { page, faults, open } = await openPage(browser, app);

  await open("#/default/fleet");
  await page.getByRole("link", { name: "gw-0001" }).waitFor();
  await page.getByLabel("Tag").fill("site=oslo");
  await page.getByRole("link", { name: "gw-0001" }).waitFor({ state: "hidden" });
  await page.getByLabel("Identity begins with").fill("gw-02");
  await page.getByRole("link", { name: "gw-0200" }).waitFor();
  await page.reload();
  await page.getByRole("link", { name: "gw-0200" }).waitFor();
  expect(await page.getByRole("link", { name: "gw-0002" }).count()).toBe(0);
  await page.getByRole("button", { name: "Clear filters" }).click();
  const list = page.getByRole("region", { name: "Devices" });
  await list.focus();
  for (let press = 0; press < 30; press++) await page.keyboard.press("End");
  await expect
    .poll(async () => {
      await page.keyboard.press("End");
      return page.getByRole("link", { name: "gw-0300" }).count();
    })
    .toBe(1);
  // However long the list, only what is in view is there.
  expect(await list.getByRole("row").count()).toBeLessThan(80);

  expect(faults).toEqual([]);
  await page.context().close();
});

it("goes on by itself when the connection comes back, without missing what happened", async () => {
  await using app = await startApp();
  await using line = await startCuttableLine(app.apiUrl ?? "");
  const { page, open } = await openPage(browser, { ...app, apiUrl: line.url });

  await open("#/default/journal");
  await page.getByText("live", { exact: true }).waitFor();
  line.cut();
  await page.getByText("reconnecting", { exact: true }).waitFor();
  await registerPackage(app);
  line.mend();
  await page.getByRole("link", { name: packageId }).waitFor();
  await page.getByText("live", { exact: true }).waitFor();

  await page.context().close();
});

it("says that the store is a trial one, and that the server is not ready", async () => {
  await using app = await startApp();
  const { page, open } = await openPage(browser, app);
  await page.route("**/readyz", (route) =>
    route.fulfill({
      status: 503,
      json: {
        status: 503,
        store: { rung: "trial", durability: "snapshots", note: "trial" },
        checks: [{ name: "sweep", isOk: false, detail: "12 s behind" }],
      },
    }),
  );

  await open("#/default/fleet");
  await page.getByText("For trial only, the last seconds may be lost").waitFor();
  await page.getByText("The server is not ready: sweep (12 s behind).").waitFor();

  await page.context().close();
});

it("keeps the colours chosen by hand", async () => {
  await using app = await startApp();
  const { page, open } = await openPage(browser, app, { colorScheme: "light" });
  const theme = () => page.evaluate("document.documentElement.dataset.theme");

  await open("#/default/fleet");
  await page.getByRole("button", { name: "Dark colours" }).click();
  expect(await theme()).toBe("dark");
  await page.reload();
  await page.getByRole("heading", { name: "No devices yet" }).waitFor();
  expect(await theme()).toBe("dark");

  await page.context().close();
});
