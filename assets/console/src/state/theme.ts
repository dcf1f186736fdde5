import { effect, signal } from "@preact/signals";

/** Which colours: those of the system, or one chosen by hand. */
export type Theme = "auto" | "light" | "dark";

const storageKey = "otau.theme";
const isTheme = (value: string | null): value is Theme =>
  value === "auto" || value === "light" || value === "dark";

const stored = localStorage.getItem(storageKey);
export const theme = signal<Theme>(isTheme(stored) ? stored : "auto");

const darkQuery = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(darkQuery.matches);
darkQuery.addEventListener("change", ({ matches }) => {
  systemIsDark.value = matches;
});

/** Whether dark colours show now. */
export const isDark = (): boolean => (theme.value === "auto" ? systemIsDark.value : theme.value === "dark");

/** Puts the choice on the page; the style sheet reads it there. */
export function applyTheme(): void {
  effect(() => {
    document.documentElement.dataset["theme"] = isDark() ? "dark" : "light";
    localStorage.setItem(storageKey, theme.value);
  });
}
