// State values of charts as people read them.

/** A state value as a path: `{ serving: "accepting" }` is `serving.accepting`. */
export function pathOf(value: unknown): string {
  if (typeof value === "string") return value;
  return Object.entries(value as Record<string, unknown>)
    .map(([state, inner]) => `${state}.${pathOf(inner)}`)
    .join(",");
}

/** The innermost state of a value: `{ working: "executing" }` is `executing`. */
export function leafOf(value: unknown): string {
  const path = pathOf(value);
  return path.slice(path.lastIndexOf(".") + 1);
}
