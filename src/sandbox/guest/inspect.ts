// Any value as text for the console, in the manner of Node: short, bounded, and never throwing.
// Invariant: no getter is run; proxies may be, and whatever they throw or return shows as text.
import { encodeForHost } from "./codec.ts";
import { getOwnPropertyDescriptor, isArray, keys, quote, slice, textOf } from "./intrinsics.ts";

const DEPTH = 4;
const ENTRIES = 100;

interface Room {
  left: number;
}

/** A console argument as text of at most `max` characters: strings as they are, all else inspected. */
export function show(value: unknown, max: number): string {
  if (typeof value === "string") return slice(value, 0, max);
  const room = { __proto__: null, left: max } as Room;
  try {
    return slice(inspect(value, 0, room), 0, max);
  } catch {
    return "[not inspectable]";
  }
}

function inspect(value: unknown, depth: number, room: Room): string {
  if (room.left <= 0) return "…";
  const text = inspectAny(value, depth, room);
  room.left -= text.length;
  return text;
}

function inspectAny(value: unknown, depth: number, room: Room): string {
  switch (typeof value) {
    case "string":
      return quote(slice(value, 0, room.left));
    case "bigint":
      return textOf(value) + "n";
    case "number":
      return value === 0 && 1 / value < 0 ? "-0" : textOf(value);
    case "symbol":
      return textOf(value);
    case "function":
      return "[Function]";
    case "object":
      return value === null ? "null" : inspectObject(value, depth, room);
    case "boolean":
    case "undefined":
      return textOf(value);
  }
}

function inspectObject(value: object, depth: number, room: Room): string {
  if (isError(value)) return errorText(value);
  if (isArray(value)) {
    return depth >= DEPTH ? "[Array]" : inspectItems(value as unknown[], depth, room);
  }
  const special = inspectSpecial(value);
  if (special !== null) return special;
  return depth >= DEPTH ? "[Object]" : inspectFields(value, depth, room);
}

function isError(value: object): boolean {
  return value instanceof Error;
}

function errorText(value: object): string {
  const error = value as { name?: unknown; message?: unknown };
  const name = typeof error.name === "string" ? error.name : "Error";
  return typeof error.message === "string" && error.message !== "" ? name + ": " + error.message : name;
}

/** Dates, maps, bytes and so on by the codec's own text, which cannot be lied to by prototypes. */
function inspectSpecial(value: object): string | null {
  const outcome = encodeForHost(value, { maxBytes: 4096, maxDepth: DEPTH });
  if (!outcome.ok) return null;
  const text = outcome.value;
  if (slice(text, 0, 3) !== '{"$' || slice(text, 0, 4) === '{"$$') return null;
  const end = tagEnd(text);
  return tagName(slice(text, 3, end)) + " " + slice(text, end + 2, text.length - 1);
}

function tagEnd(text: string): number {
  let end = 3;
  while (text[end] !== '"') end += 1;
  return end;
}

function tagName(tag: string): string {
  switch (tag) {
    case "map":
      return "Map";
    case "set":
      return "Set";
    case "date":
      return "Date";
    case "regexp":
      return "RegExp";
    default:
      return tag;
  }
}

function inspectItems(items: unknown[], depth: number, room: Room): string {
  const length = items.length;
  let text = "[";
  for (let index = 0; index < length && index < ENTRIES && room.left > 0; index += 1) {
    text += (index === 0 ? " " : ", ") + inspectField(items, index, depth, room);
  }
  if (length > ENTRIES) text += ", … " + textOf(length - ENTRIES) + " more";
  return length === 0 ? "[]" : text + " ]";
}

function inspectFields(value: object, depth: number, room: Room): string {
  const names = keys(value);
  let text = "{";
  for (let index = 0; index < names.length && index < ENTRIES && room.left > 0; index += 1) {
    const name = names[index] as string;
    text += (index === 0 ? " " : ", ") + fieldName(name) + ": " + inspectField(value, name, depth, room);
  }
  if (names.length > ENTRIES) text += ", … " + textOf(names.length - ENTRIES) + " more";
  return names.length === 0 ? "{}" : text + " }";
}

function fieldName(name: string): string {
  for (let index = 0; index < name.length; index += 1) {
    const char = name[index] as string;
    const plain =
      (char >= "a" && char <= "z") || (char >= "A" && char <= "Z") || char === "_" || char === "$";
    if (!plain && !(index > 0 && char >= "0" && char <= "9")) return quote(name);
  }
  return name === "" ? '""' : name;
}

function inspectField(holder: object, key: string | number, depth: number, room: Room): string {
  const property = getOwnPropertyDescriptor(holder, key);
  if (property === undefined) return "<empty>";
  if (property.get !== undefined || property.set !== undefined) return "[Getter]";
  return inspect(property.value, depth + 1, room);
}
