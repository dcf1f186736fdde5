import { expect, it } from "vitest";
import { startApp } from "../support/app.ts";

it("serves the pages of the app API without a token, from here alone", async () => {
  await using app = await startApp();

  const page = await app.call<string>("GET", "//docs", undefined, { token: null });

  expect(page.status).toBe(200);
  expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(page.headers.get("content-security-policy")).toContain("script-src 'self'");
  const links = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link = ""]) => link);
  for (const link of links.filter((one) => !one.startsWith("data:"))) {
    const file = await app.call("GET", `//${link}`, undefined, { token: null });
    expect([link, file.status]).toEqual([link, 200]);
  }
  expect(page.body).not.toMatch(/<script(?! src)|https?:/);
});

it("answers 404 for any other file below them", async () => {
  await using app = await startApp();
  for (const file of ["package.json", "..%2Fpackage.json", "constructor"]) {
    expect((await app.call("GET", `//docs/${file}`)).status).toBe(404);
  }
});
