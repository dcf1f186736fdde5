import { describe, expect, it } from "vitest";
import { eventually, givenProduct, readAll, report } from "../endpoints/support.ts";
import { startApp, type TestApp } from "../support/app.ts";

type Seen = { readonly state: string; readonly totals: Readonly<Record<string, number>> };

const names = Array.from({ length: 2000 }, (_, at) => `d${at}`);
const totalsOf = async (app: TestApp, below: string, id: string) =>
  (await app.call<Seen>("GET", `${below}/deployments/${id}`)).body.totals;

describe("two workers that end in turn", () => {
  it("bring a rollout to each device exactly once", async () => {
    await using first = await startApp();
    const below = await givenProduct(first, "workers", names);
    const options = { rollout: { waves: [50, 50], ratePerMinute: 60_000 } };
    const path = `${below}/packages/package_a.json/apply`;
    const second = await startApp({ on: first });
    const { deployment } = (
      await second.call<{ deployment: { id: string } }>("POST", path, { target: { all: true }, options })
    ).body;
    await eventually(
      () => totalsOf(first, below, deployment.id),
      ({ sent = 0 }) => sent > 100,
    );
    await second.close();
    const third = await startApp({ on: first });
    await third.call("POST", `${below}/deployments/${deployment.id}/advance`);
    const done = await eventually(
      () => totalsOf(third, below, deployment.id),
      ({ sent }) => sent === 2000,
    );
    expect(done).toMatchObject({ sent: 2000, total: 2000 });
    const updates = await readAll<{ attempt: number }>(
      third,
      `${below}/deployments/${deployment.id}/updates`,
      500,
    );
    expect(updates.map(({ attempt }) => attempt)).toEqual(names.map(() => 1));
    await report(third, below, "d0", { version: "1.0.1", status: "INSTALLED_VERSION" });
    expect(await totalsOf(third, below, deployment.id)).toMatchObject({ succeeded: 1, sent: 1999 });
    await third.close();
  });
});
