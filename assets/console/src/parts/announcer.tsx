import { signal } from "@preact/signals";

const said = signal("");

/** Says something to those who do not see the page. */
export function announce(text: string): void {
  // The same text twice must be a change, or it is not read out.
  said.value = said.value === text ? `${text}\u00a0` : text;
}

/** The live region that {@link announce} speaks through. */
export function Announcer() {
  return (
    <div class="visually-hidden" role="status" aria-live="polite">
      {said}
    </div>
  );
}
