import { setTimeout as delay } from "node:timers/promises";
import type { TestReply } from "./app.ts";
import { packageOf, type Step, type StepOf } from "./scenario.ts";
import type { HttpScene } from "./scenario-http.ts";
import type { StepResult, View } from "./scenario-runner.ts";

type HttpActs = { readonly [Kind in Step["do"]]: (step: StepOf<Kind>) => Promise<StepResult> };
type Problem = { readonly code?: string };

const timesOfOptions = ["expiresAt", "startAt"];
const releasedWithinMs = 5000;
const lookEveryMs = 10;

/** What each kind of step is over HTTP: operators by the app API, devices by the device API, or `/events` with a stamp. */
export function makeHttpActs(scene: HttpScene): HttpActs {
  const { app, scenario, productId, startedAt, scale, devices, deployments, texts, instants } = scene;
  const base = `/products/${productId}`;
  const packages = new Set<string>();
  /** Counts of the lines of reports by their seq, as last seen of each device: only a report changes them. */
  const reportLines = new Map<string, ReadonlyMap<unknown, unknown>>();
  const idOf = (name: string) => deployments.get(name) ?? name;

  async function act(path: string, body: unknown = {}): Promise<StepResult> {
    return toResult(await app.call("POST", `${base}${path}`, body));
  }

  async function putPackage(step: { version: string; package?: string | undefined }): Promise<string> {
    const packageId = packageOf(step);
    const text = { version: step.version, name: packageId, type: "JSON", payload: { a: 1 } };
    if (!packages.has(packageId)) {
      const body = { otau_info: { config_otau: text } };
      const reply = await app.call("PUT", `${base}/packages/${packageId}`, body);
      if (reply.status >= 300) throw new Error(`the package was refused: ${JSON.stringify(reply.body)}`);
      packages.add(packageId);
    }
    return JSON.stringify(text);
  }

  /** The apply's options: the scenario's policy beneath its own, its times on this world's clock. */
  function optionsOf(step: StepOf<"apply">): View {
    const { policy } = scenario;
    const own = step.options as {
      readonly timeouts?: Record<string, number | null>;
      readonly retry?: Record<string, unknown>;
    };
    const timeouts = Object.entries({ ...policy.timeouts, ...own.timeouts });
    const retry = Object.entries({ ...policy.retry, ...own.retry });
    const options: Record<string, unknown> = {
      ...step.options,
      confirm: step.options["confirm"] ?? policy.confirm,
      timeouts: Object.fromEntries(timeouts.map(([key, ms]) => [key, ms === null ? null : ms * scale])),
      retry: Object.fromEntries(
        retry.map(([key, value]) => [key, /Ms$/.test(key) ? Number(value) * scale : value]),
      ),
    };
    for (const key of timesOfOptions) {
      if (typeof options[key] !== "number") continue;
      const time = startedAt + options[key] * scale;
      options[key] = new Date(time).toISOString();
      instants.add(time);
    }
    return options;
  }

  async function apply(step: StepOf<"apply">): Promise<StepResult> {
    texts.set(step.deployment, await putPackage(step));
    const body = {
      ...(step.devices === "all" ? { target: { all: true } } : { devices: step.devices }),
      options: optionsOf(step),
    };
    const path = `${base}/packages/${packageOf(step)}/apply`;
    const reply = await app.call<{ deployment: { id: string } }>("POST", path, body);
    if (reply.status === 202) {
      deployments.set(step.deployment, reply.body.deployment.id);
      if (!mayWait(step)) await untilReleased(reply.body.deployment.id);
    } else texts.delete(step.deployment);
    return toResult(reply);
  }

  /** Workers write it a moment after the 202; the next step of the scenario may be the device's answer to that. */
  async function untilReleased(deploymentId: string): Promise<void> {
    const until = performance.now() + releasedWithinMs;
    while (performance.now() < until) {
      const { state, totals } = await scene.get<{ state: string; totals: Record<string, number> }>(
        `/deployments/${deploymentId}`,
      );
      if (state === "scheduled" || totals["waiting"] === 0) return;
      await delay(lookEveryMs);
    }
  }

  function reportTextOf(step: StepOf<"report">): string {
    if (typeof step.raw === "string") return step.raw;
    const version = step.version ?? versionOf(step.deployment);
    return JSON.stringify({ version, status: step.status, message: step.message });
  }

  function versionOf(name: string): string | undefined {
    const text = texts.get(name);
    return text === undefined ? undefined : (JSON.parse(text) as { version: string }).version;
  }

  async function report(step: StepOf<"report">): Promise<StepResult> {
    const value = reportTextOf(step);
    if (step.stamp === undefined && step.stampSeconds === undefined) return write(step.device, value);
    const timestamp = step.stamp === undefined ? step.stampSeconds : (startedAt + step.stamp * scale) * 1000;
    const values = { otau_in: value };
    const event = { type: "data_in", identity: step.device, timestamp, payload: [{ timestamp, values }] };
    const reply = await app.call<{ results: { reports: { decision: string }[] }[] }>(
      "POST",
      `${base}/events`,
      event,
    );
    const decision = reply.body.results?.[0]?.reports[0]?.decision;
    const lines = (await historyOf(step.device)).filter(({ kind }) => kind === "report");
    reportLines.set(step.device, new Map(lines.map(({ seq, count }) => [seq, count])));
    return decision === undefined ? toResult(reply) : { decision };
  }

  /** The decision is read off the history: a new line, or the one whose count rose. */
  async function write(identity: string, value: string): Promise<StepResult> {
    const before = reportLines.get(identity) ?? new Map();
    const status = await devices.get(identity)?.write({ otau_in: value });
    if (status !== 204) throw new Error(`the write was answered ${status}`);
    const lines = (await historyOf(identity)).filter(({ kind }) => kind === "report");
    reportLines.set(identity, new Map(lines.map(({ seq, count }) => [seq, count])));
    const line = lines.findLast(({ seq, count }) => !before.has(seq) || before.get(seq) !== count);
    return { decision: String(line?.["decision"]) };
  }

  async function historyOf(identity: string): Promise<readonly View[]> {
    return (await scene.get<{ items: View[] }>(`/devices/${identity}/history?limit=500`)).items;
  }

  async function setConfig(step: StepOf<"setConfig">): Promise<StepResult> {
    const text = step.text ?? (await putPackage(step));
    const path = `${base}/devices/${step.device}/state`;
    const reply = await app.call("PATCH", path, { config_otau: text });
    texts.set(step.deployment, text);
    const updates = await scene.get<{ items: View[] }>(`/devices/${step.device}/updates?limit=500`);
    const known = new Set(deployments.values());
    const made = updates.items.find(({ deploymentId }) => !known.has(String(deploymentId)));
    if (made) deployments.set(step.deployment, String(made["deploymentId"]));
    return toResult(reply);
  }

  async function retryDeployment(step: StepOf<"retryDeployment">): Promise<StepResult> {
    const path = `${base}/deployments/${idOf(step.deployment)}/retry`;
    const reply = await app.call<{ retried: number; left: [] }>("POST", path, { states: step.states });
    return reply.status === 200 ? { retried: reply.body.retried, left: reply.body.left } : toResult(reply);
  }

  const onDevice = (step: StepOf<"cancel" | "retry">) =>
    updateIdOf(step).then((updateId) => act(`/devices/${step.device}/${step.do}`, updateId));

  async function updateIdOf({ device, update }: StepOf<"cancel" | "retry">): Promise<View> {
    if (update === undefined) return {};
    const { items } = await scene.get<{ items: View[] }>(`/devices/${device}/updates?limit=500`);
    return { updateId: items.find(({ deploymentId }) => deploymentId === idOf(update))?.["id"] };
  }

  return {
    apply,
    report,
    setConfig,
    retryDeployment,
    deliver: async ({ device }) => {
      await devices.get(device)?.read("config_otau");
      return {};
    },
    wait: async () => ({}),
    cancel: onDevice,
    retry: onDevice,
    pause: ({ deployment }) => act(`/deployments/${idOf(deployment)}/pause`),
    resume: ({ deployment }) => act(`/deployments/${idOf(deployment)}/resume`),
    cancelDeployment: ({ deployment }) => act(`/deployments/${idOf(deployment)}/cancel`),
    withdraw: (step) => act(`/packages/${packageOf(step)}/withdraw`, { reason: "bad", stop: step.stop }),
    restore: (step) => act(`/packages/${packageOf(step)}/restore`),
    addDevice: async ({ device, installedVersion }) => {
      await scene.addDevice(device, installedVersion);
      return {};
    },
    deleteDevice: async ({ device }) => {
      reportLines.delete(device);
      return toResult(await app.call("DELETE", `${base}/devices/${device}`));
    },
    enrol: notOverHttp,
    outageBegins: notOverHttp,
    outageEnds: notOverHttp,
  };
}

/** An apply that lets devices wait for their turn. */
function mayWait({ options }: StepOf<"apply">): boolean {
  return options["onActive"] === "queue" || options["rollout"] !== undefined;
}

function toResult({ status, body }: TestReply): StepResult {
  if (status < 300) return {};
  return { refused: (body as Problem | undefined)?.code ?? String(status) };
}

function notOverHttp(): Promise<never> {
  throw new Error("this step is of the domain alone: the scenario must say http no");
}
