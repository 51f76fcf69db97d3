// Light or dark: as the system has it, until a person chooses.
// Invariant: the choice is an attribute of the document, which the style sheet and the charts both follow.
import { observable } from "./observable.ts";

const KEPT_AS = "fettle-theme";
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

/** What is seen now. */
export const theme = observable<"light" | "dark">("light");

/** Shows the theme, and follows the system's where nobody chose. */
export function applyTheme(): void {
  const chosen = localStorage.getItem(KEPT_AS);
  theme.set(chosen === "light" || chosen === "dark" ? chosen : systemIsDark.matches ? "dark" : "light");
  document.documentElement.dataset["theme"] = theme.value;
  systemIsDark.addEventListener("change", applyTheme, { once: true });
}

/** Chooses the other one. */
export function turnTheme(): void {
  localStorage.setItem(KEPT_AS, theme.value === "dark" ? "light" : "dark");
  applyTheme();
}

/** Whether a person wants things to move little. */
export function wantsStillness(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
