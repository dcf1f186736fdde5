import { isDark, theme } from "../state/theme.ts";

/** Turns the colours over, by hand. */
export function ThemeToggle() {
  const dark = isDark();
  return (
    <button
      type="button"
      class="tool theme-toggle"
      aria-pressed={dark}
      aria-label="Dark colours"
      title={dark ? "Light colours" : "Dark colours"}
      onClick={() => {
        theme.value = dark ? "light" : "dark";
      }}
    >
      <span aria-hidden="true">{dark ? "☾" : "☀"}</span>
    </button>
  );
}
