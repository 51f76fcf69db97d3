// The keys of the whole page: they move the focus to what is there, and never do what cannot be undone.
// Invariant: while somebody types, only Escape means anything.
import { observable } from "./observable.ts";
import { go, listOf, route, SECTIONS } from "./route.ts";

/** Whether the list of keys is shown. */
export const showsKeys = observable(false);

/** What the keys do, in the order in which they are told. */
export const KEYS: readonly { readonly keys: readonly string[]; readonly deed: string }[] = [
  { keys: ["1", "…", "6"], deed: "go to a section" },
  { keys: ["/"], deed: "search" },
  { keys: ["j", "k"], deed: "next row, previous row" },
  { keys: ["Enter"], deed: "open what has the focus" },
  { keys: ["←", "→"], deed: "task: a moment back, a moment on" },
  { keys: ["Home", "End"], deed: "task: its beginning, its end or now" },
  { keys: ["Space"], deed: "task: play from here, or stop" },
  { keys: ["+", "−", "0"], deed: "chart: closer, further, as a whole" },
  { keys: ["Esc"], deed: "close, or back to the list" },
  { keys: ["?"], deed: "show these keys" },
];

/** Listens for the keys of the whole page. */
export function listenForKeys(): () => void {
  const onKey = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (press(event.key, isTyping(event.target))) event.preventDefault();
  };
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}

/** Whether keys belong to the text that somebody writes. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return target.type !== "range" && target.type !== "checkbox";
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

function press(key: string, typing: boolean): boolean {
  if (key === "Escape") return escape(typing);
  if (typing || (showsKeys.value && key !== "?")) return false;
  if (key === "/") return focusOn("[data-search]");
  if (key === "?") {
    showsKeys.set(!showsKeys.value);
    return true;
  }
  if (key === "j" || key === "k") return step(key === "j" ? 1 : -1);
  const section = SECTIONS[Number(key) - 1];
  if (section === undefined) return false;
  go(section);
  return true;
}

function escape(typing: boolean): boolean {
  if (showsKeys.value) {
    showsKeys.set(false);
    return true;
  }
  if (typing) {
    (document.activeElement as HTMLElement | null)?.blur();
    return true;
  }
  const { section, id } = route.value;
  if (id === null) return false;
  location.hash = listOf(section);
  return true;
}

function focusOn(selector: string): boolean {
  const found = document.querySelector<HTMLElement>(selector);
  found?.focus();
  return found !== null;
}

/** Moves the focus by rows. */
function step(by: number): boolean {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
  if (rows.length === 0) return false;
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next =
    rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
  return true;
}
