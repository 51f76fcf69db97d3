// Where in the page one is, kept behind the `#` of its address, so that back, forward and links work.
// Invariant: `#/<section>/<id>`; what is in no section is the mesh.
import { observable } from "./observable.ts";

/** The parts of the page, in the order of its rail. */
export const SECTIONS = ["mesh", "tasks", "actors", "workflows", "approvals", "charts"] as const;

export type Section = (typeof SECTIONS)[number];

export interface Route {
  readonly section: Section;
  /** What of the section is shown; null for its list. */
  readonly id: string | null;
  /** How the list is narrowed down. */
  readonly filter: Readonly<Record<string, string>>;
}

export const route = observable<Route>(parse(""));

/** What was just left for the list that it is in: its row has the focus there. Null once it has it, or where nothing was. */
export const justLeft = observable<string | null>(null);

/** The lists as they were last narrowed down. */
const lists = new Map<Section, string>();

/** Follows the address. */
export function followAddress(): void {
  addEventListener("hashchange", take);
  take();
}

function take(): void {
  const [before, now] = [route.value, parse(location.hash)];
  const { section, id, filter } = now;
  // What is shown beside its list is narrowed down with it.
  if (id === null || Object.keys(filter).length > 0) lists.set(section, hrefOf(section, null, filter));
  justLeft.set(id === null && section === before.section ? before.id : null);
  route.set(now);
}

/** The address of a section's list, narrowed down as it last was. */
export function listOf(section: Section): string {
  return lists.get(section) ?? hrefOf(section);
}

/** The address of a place in the page. */
export function hrefOf(
  section: Section,
  id?: string | null,
  filter: Readonly<Record<string, string>> = {},
): string {
  const kept = Object.entries(filter).filter(([, value]) => value !== "");
  const query = new URLSearchParams(kept).toString();
  const path = section === "mesh" ? "#/" : `#/${section}`;
  return `${path}${id === undefined || id === null ? "" : `/${encodeURIComponent(id)}`}${query === "" ? "" : `?${query}`}`;
}

/** Goes there. */
export function go(section: Section, id?: string | null): void {
  location.hash = hrefOf(section, id);
}

/** Narrows the list down without a new step in the history. */
export function narrow(filter: Readonly<Record<string, string>>): void {
  const { section, id } = route.value;
  history.replaceState(null, "", hrefOf(section, id, filter));
  take();
}

function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [name = "", ...rest] = path.split("/");
  const section = SECTIONS.find((one) => one === name) ?? "mesh";
  const id = rest.join("/");
  return {
    section,
    id: id === "" ? null : safely(id),
    filter: Object.fromEntries(new URLSearchParams(query)),
  };
}

function safely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
