import { signal } from "@preact/signals";

/** Now, once a second: what counts down reads it. */
export const now = signal(Date.now());

setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);
