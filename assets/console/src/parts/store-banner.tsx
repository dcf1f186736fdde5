import type { Readiness } from "../api/types.ts";
import { useResource } from "../state/resource.ts";

async function readReadiness(signal: AbortSignal): Promise<Readiness> {
  // A server that is not ready answers 503 with the same fields, so the status is no error here.
  const response = await fetch("/readyz", { signal });
  return (await response.json()) as Readiness;
}

/** Says when what is stored may be lost, or when the server does not get its work done. */
export function StoreBanner() {
  const { value, error } = useResource("readyz", readReadiness, { pollMs: 15_000 });
  if (error.value !== undefined) {
    return (
      <p class="banner banner-bad" role="alert">
        The server cannot be reached. The page goes on by itself when it is back.
      </p>
    );
  }
  const readiness = value.value;
  if (readiness?.store === undefined) return null;
  const failed = readiness.checks.filter(({ isOk }) => !isOk);
  return (
    <>
      {failed.length > 0 && (
        <p class="banner banner-bad" role="alert">
          The server is not ready: {failed.map(({ name, detail }) => `${name} (${detail})`).join(", ")}.
        </p>
      )}
      {readiness.store.rung === "trial" && (
        <p class="banner banner-warn" role="note">
          For trial only, the last seconds may be lost: this server runs on its bundled store. Set{" "}
          <code>REDIS_URL</code>, or install <code>redis-server</code> and start it again.
        </p>
      )}
    </>
  );
}
