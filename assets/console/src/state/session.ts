import { signal } from "@preact/signals";

const storageKey = "otau.token";

/** The app API token; empty while signed out. Kept for this tab alone. */
export const token = signal(sessionStorage.getItem(storageKey) ?? "");

/** Why the session ended, to be told on the sign-in page. */
export const signOutNote = signal("");

/** Keeps a token that was proven good. */
export function startSession(value: string): void {
  sessionStorage.setItem(storageKey, value);
  signOutNote.value = "";
  token.value = value;
}

/** Forgets the token. */
export function endSession(note = ""): void {
  sessionStorage.removeItem(storageKey);
  signOutNote.value = note;
  token.value = "";
}
