// The shape of a value as one canonical text: names and kinds, no values. Code that worked with data of one shape is
// used again only for data of exactly that shape.
// Invariant: equal texts mean equal shapes, whatever the order of keys or elements; all of a value is looked at, and
// what is too large or too deep to be looked at whole has no shape, so that it never seems equal to anything.

/** An object of more keys is a dictionary: its keys are data, and only what they stand for is shape. */
const DICTIONARY_KEYS = 50;
const MAX_DEPTH = 64;
const MAX_NODES = 250_000;
const MAX_LENGTH = 64 * 1024;

/** Whether an object's keys are data, as in a table of prices by their symbols. */
export function isDictionary(keys: readonly string[]): boolean {
  return keys.length > DICTIONARY_KEYS;
}

/** What the values at one place are, all taken together. */
interface Place {
  /** Kinds that have no parts. */
  readonly kinds: Set<string>;
  readonly parts: Map<"array" | "set" | "map-key" | "map-value" | "dictionary", Place>;
  readonly members: Map<string, { readonly place: Place; owners: number }>;
  /** Objects that are no dictionaries. */
  objects: number;
}

/**
 * The canonical shape, such as `{"rows":[{"id":number,"note"?:string}]}`; null where a value is too large or too deep.
 * Elements of a list share one shape: what some of them lack is optional, and kinds that differ are a sorted union.
 */
export function shapeOf(value: unknown): string | null {
  const root = newPlace();
  const text = look(root, value, { depth: 0, left: { nodes: MAX_NODES } }) ? print(root) : null;
  return text === null || text.length > MAX_LENGTH ? null : text;
}

function newPlace(): Place {
  return { kinds: new Set(), parts: new Map(), members: new Map(), objects: 0 };
}

interface Effort {
  readonly depth: number;
  readonly left: { nodes: number };
}

/** Adds a value to what is known of its place; false where the effort would be too great. */
function look(place: Place, value: unknown, { depth, left }: Effort): boolean {
  left.nodes -= 1;
  if (left.nodes < 0 || depth > MAX_DEPTH) return false;
  const deeper = { depth: depth + 1, left };
  const each = (part: "array" | "set" | "map-key" | "map-value" | "dictionary", items: Iterable<unknown>) => {
    const inner = place.parts.get(part) ?? newPlace();
    place.parts.set(part, inner);
    for (const item of items) if (!look(inner, item, deeper)) return false;
    return true;
  };
  if (typeof value !== "object" || value === null) {
    place.kinds.add(value === null ? "null" : typeof value);
    return true;
  }
  if (Array.isArray(value)) return each("array", value);
  if (value instanceof Set) return each("set", value);
  if (value instanceof Map) return each("map-key", value.keys()) && each("map-value", value.values());
  const name = nameOf(value);
  if (name !== null) {
    place.kinds.add(name);
    return true;
  }
  const keys = Object.keys(value);
  if (isDictionary(keys)) return each("dictionary", Object.values(value));
  place.objects += 1;
  for (const key of keys) {
    const member = place.members.get(key) ?? { place: newPlace(), owners: 0 };
    place.members.set(key, member);
    member.owners += 1;
    if (!look(member.place, (value as Readonly<Record<string, unknown>>)[key], deeper)) return false;
  }
  return true;
}

/** What is a value by itself, although an object. */
function nameOf(value: object): string | null {
  const types = [Date, RegExp, Error, ArrayBuffer, DataView];
  const type = types.find((one) => value instanceof one);
  if (type !== undefined) return type.name;
  return ArrayBuffer.isView(value) ? Object.prototype.toString.call(value).slice(8, -1) : null;
}

function print({ kinds, parts, members, objects }: Place): string {
  const part = (name: Parameters<typeof parts.get>[0]) => print(parts.get(name) ?? newPlace());
  const types = [...kinds];
  if (parts.has("array")) types.push(`[${part("array")}]`);
  if (parts.has("set")) types.push(`Set<${part("set")}>`);
  if (parts.has("map-key")) types.push(`Map<${part("map-key")},${part("map-value")}>`);
  if (parts.has("dictionary")) types.push(`{[key]:${part("dictionary")}}`);
  if (objects > 0) {
    const entries = [...members].sort(([a], [b]) => (a < b ? -1 : 1));
    const lines = entries.map(
      ([key, { place, owners }]) => `${JSON.stringify(key)}${owners < objects ? "?" : ""}:${print(place)}`,
    );
    types.push(`{${lines.join(",")}}`);
  }
  return types.sort().join("|");
}
