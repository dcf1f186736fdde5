import { CliError } from "./cli-error.ts";

/** An `application/problem+json` document as far as it is looked at here. */
type Problem = Readonly<Record<string, unknown>>;

const identitiesShownMax = 10;

const hintsByCode: Readonly<Record<string, string>> = {
  UNAUTHORIZED:
    "Set OTAU_TOKEN to a valid token; the server's first one is in admin-token in its data directory.",
  FORBIDDEN: "Use a token whose role allows it: otau token create NAME --role operator",
  UNKNOWN_DEVICES: "Register them with: otau devices add IDENTITY …, or leave them out with --skip-unknown",
  EMPTY_TARGET: "See which devices match with: otau devices list --tag name=value",
  INVALID_PACKAGE: "Correct otau_info and send it again.",
  PACKAGE_INVALID: "See its problems with: otau packages get PACKAGE, then upload it corrected.",
  PACKAGE_WITHDRAWN: "Take it back with: otau packages restore PACKAGE",
  PACKAGE_IN_USE: "See by whom with: otau deployments --package PACKAGE, then wait or cancel.",
  UPDATE_IN_PROGRESS:
    "Use --on-active supersede to replace the running updates, or --on-active queue to wait.",
  DEPLOYMENT_FINISHED: "Reopen what failed with: otau deployments retry DEPLOYMENT",
  ALREADY_FINAL: "See how it ended with: otau history IDENTITY",
  NOTHING_TO_RETRY: "See how its updates ended with: otau history IDENTITY",
  IDEMPOTENCY_KEY_REUSED: "Use another --idempotency-key for another request.",
};

const hintsByRoute: readonly (readonly [RegExp, string])[] = [
  [/\/packages\//, "See what there is with: otau packages"],
  [/\/devices\//, "See what there is with: otau devices list"],
  [/\/deployments\//, "See what there is with: otau deployments"],
  [/\/content\//, "See what there is with: otau content list"],
  [/\/tokens\//, "See what there is with: otau token list"],
];

/**
 * Makes the failure to show from a refused request: `CODE: detail`, then one line for each wrong field,
 * then what to type next.
 */
export async function failureOf(response: Response, path: string, serverUrl: string): Promise<CliError> {
  const problem = await readProblem(response);
  if (problem === undefined) {
    return new CliError(
      `${serverUrl} answered ${response.status} to ${path}, and not as an otau server does`,
      {
        hint: "Check that OTAU_URL names the app API of an otau server.",
      },
    );
  }
  const hint = hintFor(problem, path, response.headers.get("retry-after"));
  return new CliError(
    `${problem["code"]}: ${problem["detail"] ?? problem["title"] ?? `HTTP ${response.status}`}`,
    {
      problem,
      notes: [...fieldNotes(problem), ...identityNotes(problem)],
      ...(hint === undefined ? {} : { hint }),
    },
  );
}

async function readProblem(response: Response): Promise<Problem | undefined> {
  try {
    const body: unknown = await response.json();
    if (typeof body !== "object" || body === null || !("code" in body)) return undefined;
    return { ...body };
  } catch {
    return undefined;
  }
}

function fieldNotes(problem: Problem): readonly string[] {
  const faults = Array.isArray(problem["errors"]) ? problem["errors"] : [];
  return faults.map((fault: { path?: unknown; message?: unknown }) => {
    const path = typeof fault?.path === "string" && fault.path !== "" ? `${fault.path}: ` : "";
    return `${path}${fault?.message ?? "not valid"}`;
  });
}

function identityNotes(problem: Problem): readonly string[] {
  const identities = Array.isArray(problem["identities"]) ? problem["identities"] : [];
  if (identities.length === 0) return [];
  const count = typeof problem["count"] === "number" ? problem["count"] : identities.length;
  const shown = identities.slice(0, identitiesShownMax);
  const more = count > shown.length ? ` and ${count - shown.length} more` : "";
  return [`${shown.join(", ")}${more}`];
}

function hintFor(problem: Problem, path: string, retryAfter: string | null): string | undefined {
  const code = String(problem["code"]);
  if (code === "RATE_LIMITED" || code === "STORE_UNAVAILABLE") {
    return `Try again ${retryAfter === null ? "in a moment" : `in ${retryAfter} s`}.`;
  }
  if (code === "NOT_FOUND") return hintsByRoute.find(([route]) => route.test(path))?.[1];
  return hintsByCode[code];
}
