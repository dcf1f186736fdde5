import type { ApiError } from "../api/client.ts";

const advice: Readonly<Record<string, string>> = {
  UNREACHABLE: "Is it running? Start it with npm start; the page goes on by itself.",
  FORBIDDEN: "Sign in with a token of another role; an admin can make one.",
  PACKAGE_IN_USE: "Wait until its updates have ended, or cancel them first.",
  PACKAGE_WITHDRAWN: "Restore the package first, or choose another.",
  REVISION_MISMATCH: "Choose another id, or tick the box that says it may be replaced.",
  EMPTY_TARGET: "Loosen the conditions, or register devices first.",
  STORE_UNAVAILABLE: "The server tries again by itself; wait a moment.",
  RATE_LIMITED: "Wait a moment, then try again.",
};

/** What went wrong and what to do, in words. */
export function ErrorNote({ error }: { readonly error: ApiError | undefined }) {
  if (error === undefined) return null;
  return (
    <div class="note note-bad" role="alert">
      <p>
        <strong>{error.message}</strong> {advice[error.code]}
      </p>
      {error.faults.length > 0 && (
        <ul>
          {error.faults.map(({ path, message }) => (
            <li key={path + message}>
              {path !== "" && <code>{path}</code>} {message}
            </li>
          ))}
        </ul>
      )}
      {error.identities.length > 0 && <p>{error.identities.slice(0, 20).join(", ")}</p>}
      <p class="muted">{error.code}</p>
    </div>
  );
}
