import { signal } from "@preact/signals";

const narrowQuery = matchMedia("(max-width: 700px)");

/** Whether the page is as narrow as a telephone; the style sheet breaks at the same width. */
export const isNarrow = signal(narrowQuery.matches);

narrowQuery.addEventListener("change", ({ matches }) => {
  isNarrow.value = matches;
});
