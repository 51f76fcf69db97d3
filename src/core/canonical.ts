// One text for equal values, whatever the order of their keys: to compare definitions and values by.
// Invariant: two values have the same text exactly when the codec carries them as the same value.
import { encode } from "./codec.ts";

/**
 * The text of a value with the keys of all plain objects sorted.
 *
 * @throws ValueError where the codec cannot carry the value.
 */
export function canonical(value: unknown): string {
  return encode(sorted(value));
}

/** Whether two values are equal, deeply; values that the codec cannot carry equal nothing. */
export function equals(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  try {
    return canonical(a) === canonical(b);
  } catch {
    return false;
  }
}

/** Cycles are left to the codec, which refuses them: a value that stands above itself is given on as it is. */
function sorted(value: unknown, above: readonly unknown[] = []): unknown {
  if (typeof value !== "object" || value === null || above.includes(value)) return value;
  const within = [...above, value];
  if (Array.isArray(value)) return value.map((part) => sorted(part, within));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, part]) => [key, sorted(part, within)]));
}
