import { useSignal } from "@preact/signals";
import { ApiError } from "../api/client.ts";
import { Command } from "../parts/command.tsx";
import { ErrorNote } from "../parts/error-note.tsx";
import { ThemeToggle } from "../parts/theme-toggle.tsx";
import { toApiError } from "../state/resource.ts";
import { signOutNote, startSession } from "../state/session.ts";

/** Asks for a token and proves it before it is kept. */
export function SignInPage() {
  const error = useSignal<ApiError | undefined>(undefined);
  const signIn = async (event: SubmitEvent) => {
    event.preventDefault();
    const field = new FormData(event.currentTarget as HTMLFormElement).get("token");
    const value = String(field ?? "").trim();
    try {
      await prove(value);
      startSession(value);
    } catch (caught) {
      error.value = toApiError(caught);
    }
  };
  return (
    <main class="sign-in">
      <div class="row row-spread">
        <h1>
          <span aria-hidden="true" class="brand-mark" /> otau
        </h1>
        <ThemeToggle />
      </div>
      <p>Brings software packages to fleets of devices, and always knows the truth about each one.</p>
      {signOutNote.value !== "" && (
        <p class="note note-warn" role="alert">
          {signOutNote}
        </p>
      )}
      <form onSubmit={signIn} class="stack">
        <label for="token">Token</label>
        <input id="token" name="token" type="password" required autocomplete="current-password" />
        <button type="submit" class="primary">
          Sign in
        </button>
        <ErrorNote error={error.value} />
      </form>
      <section class="stack hint">
        <h2>Where is it?</h2>
        <p>
          The server made an admin token at its first start and keeps it in its data directory (
          <code>OTAU_DATA_DIR</code>, else <code>data</code>), or you gave it one as{" "}
          <code>OTAU_ADMIN_TOKEN</code>. Where the server was started, type:
        </p>
        <Command text="cat data/admin-token" />
        <p class="muted">It is kept for this tab alone, and forgotten when the tab is closed.</p>
      </section>
    </main>
  );
}

// The session's own calls use its token; this one is not in a session yet.
async function prove(value: string): Promise<void> {
  if (!/^[\x21-\x7e]+$/.test(value)) {
    throw new ApiError(401, { code: "UNAUTHORIZED", detail: "A token is one word without spaces." });
  }
  const response = await fetch("/api/v1/products?limit=1", {
    headers: { authorization: `Bearer ${value}` },
  }).catch(() => undefined);
  if (response === undefined) {
    throw new ApiError(0, { code: "UNREACHABLE", detail: "The server cannot be reached." });
  }
  if (!response.ok) throw new ApiError(response.status, await response.json());
}
