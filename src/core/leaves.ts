// What a value holds, leaf by leaf: the numbers and texts in it, and the names that belong to its shape.
// Invariant: every leaf is given, or the walk says that there were too many: nothing is passed over in silence.
import { isDictionary } from "./shape.ts";

/** What is told of a value's parts. */
export interface LeafVisitor {
  /** A number, or a text; keys of dictionaries and maps are texts, a date is both. */
  leaf(value: number | bigint | string): void;
  /** A key of an object that is no dictionary: shape, and not data. */
  key?(name: string): void;
}

/** How much may be looked at: leaves and keys count 1 each, texts 1 a character. */
export interface LeafBudget {
  left: number;
}

const MAX_DEPTH = 256;

/** Visits all leaves; false where the budget or the depth did not suffice. Booleans, null and undefined are none. */
export function visitLeaves(value: unknown, visitor: LeafVisitor, budget: LeafBudget, depth = 0): boolean {
  budget.left -= typeof value === "string" ? 1 + value.length : 1;
  if (budget.left < 0 || depth > MAX_DEPTH) return false;
  const all = (items: Iterable<unknown>) => {
    for (const item of items) if (!visitLeaves(item, visitor, budget, depth + 1)) return false;
    return true;
  };
  if (typeof value === "number" || typeof value === "bigint") {
    visitor.leaf(value);
    return true;
  }
  if (typeof value === "string") {
    visitor.leaf(value);
    if (/^\d{4}-\d\d-\d\d/.test(value)) visitDate(new Date(value), visitor);
    return true;
  }
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value) || value instanceof Set) return all(value);
  if (value instanceof Map) return all(value.keys()) && all(value.values());
  if (value instanceof Date) {
    visitDate(value, visitor);
    return true;
  }
  if (value instanceof RegExp) return visitLeaves(value.source, visitor, budget, depth + 1);
  if (value instanceof Error) return all([value.name, value.message]);
  if (value instanceof ArrayBuffer) return all(new Uint8Array(value));
  if (value instanceof DataView) return all(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  if (ArrayBuffer.isView(value)) return all(value as unknown as Iterable<unknown>);
  const keys = Object.keys(value);
  if (isDictionary(keys)) return all(keys) && all(Object.values(value));
  for (const key of keys) visitor.key?.(key);
  return all(Object.values(value));
}

/** A date is its ISO text, its day, its milliseconds and seconds, and the numbers that `new Date(…)` takes. */
function visitDate(date: Date, visitor: LeafVisitor): void {
  const time = date.getTime();
  if (Number.isNaN(time)) return;
  const iso = date.toISOString();
  for (const text of [iso, iso.slice(0, 10)]) visitor.leaf(text);
  for (const number of [time, Math.floor(time / 1000), date.getUTCMonth()]) visitor.leaf(number);
}
