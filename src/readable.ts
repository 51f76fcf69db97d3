// Values in the nearest form that plain JSON has, for people and tools that read stored results.
// Invariant: always gives plain JSON; what it loses is kept elsewhere, by the codec, so nothing reads it back.

/** Map and Set as objects and arrays, BigInt and NaN as text, Date as ISO 8601, Error as `name: message`. */
export function toReadable(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (value === undefined) return null;
  return typeof value === "object" && value !== null ? objectToReadable(value) : value;
}

function objectToReadable(value: object): unknown {
  if (Array.isArray(value)) return value.map(toReadable);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  if (value instanceof RegExp || value instanceof Error) return String(value);
  if (value instanceof Set) return [...(value as Set<unknown>)].map(toReadable);
  if (value instanceof Map) {
    const entries = [...(value as Map<unknown, unknown>)];
    const named = entries.every(([key]) => typeof key === "string");
    return named ? toObject(entries as [string, unknown][]) : entries.map((entry) => entry.map(toReadable));
  }
  if (value instanceof ArrayBuffer) return [...new Uint8Array(value)];
  if (value instanceof DataView) {
    return [...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)];
  }
  if (ArrayBuffer.isView(value)) return [...(value as unknown as Iterable<unknown>)].map(toReadable);
  return toObject(Object.entries(value));
}

/** Defines the keys one by one: assignment would let a key `__proto__` set a prototype. */
function toObject(entries: readonly (readonly [string, unknown])[]): object {
  return Object.fromEntries(entries.map(([key, value]) => [key, toReadable(value)]));
}
