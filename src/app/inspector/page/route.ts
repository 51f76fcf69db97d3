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

/** Follows the address. */
export function followAddress(): void {
  const follow = () => route.set(parse(location.hash));
  addEventListener("hashchange", follow);
  follow();
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
  route.set(parse(location.hash));
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
