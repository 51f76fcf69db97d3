// Data as a model is shown it: JSON, and what JSON cannot say as people would write it.

/** A value as JSON text; `undefined` for what has none. */
export function dataText(value: unknown, options: { readonly indent?: number } = {}): string {
  return JSON.stringify(value, readable, options.indent) ?? "undefined";
}

function readable(_: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Map) return [...(value as ReadonlyMap<unknown, unknown>)];
  if (value instanceof Set) return [...(value as ReadonlySet<unknown>)];
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return value instanceof RegExp ? String(value) : value;
}
