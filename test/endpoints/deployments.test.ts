import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import {
  apply,
  type Deployment,
  eventually,
  givenProduct,
  infoOf,
  type Page,
  type Problem,
  readAll,
  report,
  type Update,
  updateIn,
} from "./support.ts";

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const deploymentIn = (below: string, id: string, state: string) =>
  eventually(
    async () => (await app.call<Deployment>("GET", `${below}/deployments/${id}`)).body,
    (deployment) => deployment.state === state,
  );
const steer = (below: string, id: string, verb: string, body?: unknown) =>
  app.call<Deployment & Problem>("POST", `${below}/deployments/${id}/${verb}`, body);

describe("deployments.get and deployments.list", () => {
  it("show totals that add up, newest first, by state and package", async () => {
    const below = await givenProduct(app, "list", ["d1", "d2", "d3"]);
    await app.call("PUT", `${below}/packages/package_b.json`, { otau_info: infoOf("2") });
    const first = await apply(app, below, ["d1"]);
    const second = await apply(app, below, ["d2", "d3"], {}, "package_b.json");
    const third = await apply(app, below, ["d3"], {});
    await steer(below, first.id, "cancel");
    const ids = async (query: string) =>
      (await app.call<Page<Deployment>>("GET", `${below}/deployments?${query}`)).body.items.map(
        ({ id }) => id,
      );
    expect(await ids("")).toEqual([third.id, second.id, first.id]);
    expect(await ids("packageId=package_b.json")).toEqual([second.id]);
    expect(await ids("packageId=package_b.json&packageId=package_a.json")).toEqual([
      third.id,
      second.id,
      first.id,
    ]);
    expect(await ids("state=canceled")).toEqual([first.id]);
    expect(await ids("state=canceled&packageId=package_b.json")).toEqual([]);
    const all = await readAll<Deployment>(app, `${below}/deployments`, 1);
    expect(all.map(({ id }) => id)).toEqual([third.id, second.id, first.id]);
    const both = await readAll<Deployment>(
      app,
      `${below}/deployments?packageId=package_a.json&packageId=package_b.json`,
      1,
    );
    expect(both.map(({ id }) => id)).toEqual([third.id, second.id, first.id]);
    for (const { totals } of all) {
      const { total, ...states } = totals;
      expect(Object.values(states).reduce((sum, count) => sum + count, 0)).toBe(total);
    }
    expect((await app.call("GET", `${below}/deployments?state=done`)).status).toBe(400);
    expect((await app.call("GET", `${below}/deployments/nope`)).status).toBe(404);
  });

  it("hide the deployments of another product", async () => {
    const below = await givenProduct(app, "mine", ["d1"]);
    const { id } = await apply(app, below, ["d1"]);
    await givenProduct(app, "theirs");
    expect((await app.call("GET", `/products/theirs/deployments/${id}`)).status).toBe(404);
    for (const verb of ["pause", "resume", "cancel"]) {
      expect((await steer("/products/theirs", id, verb)).status).toBe(404);
    }
  });

  it("carry an ETag, and are sent again when only totals moved", async () => {
    const below = await givenProduct(app, "etag", ["d1"]);
    const { id } = await apply(app, below, ["d1"]);
    await updateIn(app, below, "d1", "sent");
    const path = `${below}/deployments/${id}`;
    const etag = (await app.call("GET", path)).headers.get("etag") ?? "";
    expect(etag).toMatch(/^"\d+"$/);
    await report(app, below, "d1", { version: "1.0.1", status: "INIT" });
    const headers = { "if-none-match": etag };
    const again = await app.call<Deployment>("GET", path, undefined, { headers });
    expect([again.status, again.body.totals["started"]]).toEqual([200, 1]);
  });
});

describe("deployments.updates and updates.list", () => {
  it("list by identity, once over pages, by state, reason and more", async () => {
    const identities = ["u1", "u2", "u3", "u4"];
    const below = await givenProduct(app, "updates", identities);
    const { id } = await apply(app, below, identities);
    for (const identity of identities) await updateIn(app, below, identity, "sent");
    await app.call("POST", `${below}/devices/u2/cancel`);
    await report(app, below, "u3", { version: "1.0.1", status: "INSTALL_ABORTED" });
    const path = `${below}/deployments/${id}/updates`;
    const found = async (query: string, list = path) =>
      (await readAll<Update>(app, `${list}${query}`, 1)).map(({ identity }) => identity);
    expect(await found("")).toEqual(identities);
    expect(await found("?state=sent")).toEqual(["u1", "u4"]);
    expect(await found("?state=canceled&state=aborted")).toEqual(["u2", "u3"]);
    expect(await found("?reason=CANCELED")).toEqual(["u2"]);
    const across = `${below}/updates`;
    expect(await found("", across)).toEqual(identities);
    expect(await found(`?deploymentId=${id}&state=sent`, across)).toEqual(["u1", "u4"]);
    expect(await found("?packageId=package_a.json", across)).toEqual(identities);
    expect(await found("?packageId=package_b.json", across)).toEqual([]);
    expect(await found("?q=u3", across)).toEqual(["u3"]);
    expect((await app.call("GET", `${across}?reason=NONE`)).status).toBe(400);
    expect((await app.call("GET", `${below}/deployments/nope/updates`)).status).toBe(404);
  });
});

describe("deployments.pause, deployments.resume and deployments.cancel", () => {
  it("answer 200 with the deployment, also when it stands so already", async () => {
    const below = await givenProduct(app, "steer", ["d1"]);
    const { id } = await apply(app, below, ["d1"]);
    await updateIn(app, below, "d1", "sent");
    for (const [verb, state] of [
      ["resume", "running"],
      ["pause", "paused"],
      ["pause", "paused"],
      ["resume", "running"],
      ["cancel", "canceled"],
      ["cancel", "canceled"],
    ] as const) {
      const reply = await steer(below, id, verb);
      expect([verb, reply.status, reply.body.state]).toEqual([verb, 200, state]);
      expect(reply.headers.get("etag")).toBe(`"${reply.body.revision}"`);
    }
    expect(await updateIn(app, below, "d1", "canceled")).toMatchObject({ reason: "CANCELED" });
    for (const verb of ["pause", "resume"]) {
      const reply = await steer(below, id, verb);
      expect([reply.status, reply.body.code]).toEqual([409, "DEPLOYMENT_FINISHED"]);
    }
  });

  it("are refused once the deployment is finished", async () => {
    const below = await givenProduct(app, "done", ["d1"]);
    const { id } = await apply(app, below, ["d1"]);
    await updateIn(app, below, "d1", "sent");
    await report(app, below, "d1", { version: "1.0.1", status: "INSTALLED_VERSION" });
    await deploymentIn(below, id, "finished");
    for (const verb of ["pause", "resume", "cancel"]) {
      const reply = await steer(below, id, verb);
      expect([reply.status, reply.body.code]).toEqual([409, "DEPLOYMENT_FINISHED"]);
    }
  });

  it("hold back what is not written while paused", async () => {
    const below = await givenProduct(app, "held", ["d1", "d2"]);
    const startAt = new Date(Date.now() + 3_600_000).toISOString();
    const { id } = await apply(app, below, ["d1", "d2"], { startAt });
    expect((await steer(below, id, "pause")).body.totals["waiting"]).toBe(2);
    expect((await steer(below, id, "resume")).body.state).toBe("scheduled");
  });
});

describe("deployments.retry", () => {
  it("opens what ended in the named states, once, and the deployment runs again", async () => {
    const below = await givenProduct(app, "retry", ["d1", "d2"]);
    const { id } = await apply(app, below, ["d1", "d2"], { retry: { maxAttempts: 1 } });
    for (const identity of ["d1", "d2"]) await updateIn(app, below, identity, "sent");
    await report(app, below, "d1", { version: "1.0.1", status: "DOWNLOAD_ERROR", message: "no space" });
    await report(app, below, "d2", { version: "1.0.1", status: "INSTALLED_VERSION" });
    await deploymentIn(below, id, "finished");
    const retried = await steer(below, id, "retry", { states: ["failed", "timed_out"] });
    expect([retried.status, retried.body]).toEqual([200, { retried: 1, left: [] }]);
    expect(await updateIn(app, below, "d1", "sent")).toMatchObject({ attempt: 2 });
    expect((await deploymentIn(below, id, "running")).totals).toMatchObject({ sent: 1, succeeded: 1 });
    const again = await steer(below, id, "retry", { states: ["failed"] });
    expect(again.body).toEqual({ retried: 0, left: [] });
  });

  it("leaves what cannot be retried, and says why", async () => {
    const below = await givenProduct(app, "left", ["d1"]);
    const { id } = await apply(app, below, ["d1"]);
    await updateIn(app, below, "d1", "sent");
    await steer(below, id, "cancel");
    await updateIn(app, below, "d1", "canceled");
    await app.call("POST", `${below}/packages/package_a.json/withdraw`, { reason: "bad" });
    const reply = await steer(below, id, "retry", { states: ["canceled"] });
    expect(reply.body).toEqual({ retried: 0, left: [{ identity: "d1", code: "PACKAGE_WITHDRAWN" }] });
  });

  it.each([{}, { states: [] }, { states: ["succeeded"] }, { states: ["failed"], all: true }])(
    "refuses %j",
    async (body) => {
      expect((await steer("/products/default", "d1", "retry", body)).status).toBe(400);
    },
  );
});
