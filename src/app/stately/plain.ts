// What actors hold and are told, as XState's tools may see it: plain JSON, secrets masked, large values cut.
// Invariant: never throws, and gives a copy: what an actor holds is never changed or held on to.
import { maskFields } from "../../observe/mask.ts";
import type { Veil } from "../inspector/veil.ts";

/** The longest text of one value, in characters; what is made of parts may have so many times as much. */
const [LONGEST, PARTS] = [16_384, 4];
/** So deep are the parts of a large value cut one by one; what is large further down is cut as a whole. */
const DEEPEST = 4;
/** Longer lists are cut as a whole. */
const MOST_ITEMS = 100;

/** A value as it may be shown; of an object the names at its top are kept, however large it is. */
export function plain(value: unknown, veil: Veil): unknown {
  // What says itself, as XState's snapshots do, is asked for that.
  const { it } = maskFields({ it: value });
  return cut(veil.data(it), veil, 0);
}

function cut(value: unknown, veil: Veil, depth: number): unknown {
  const text = textOf(value);
  if (text.length <= LONGEST) return value;
  const parts = depth < DEEPEST ? partsOf(value, (part) => cut(part, veil, depth + 1)) : null;
  if (parts === null) return veil.text(text, LONGEST);
  const rest = textOf(parts);
  return depth === 0 || rest.length <= PARTS * LONGEST ? parts : veil.text(rest, LONGEST);
}

function partsOf(value: unknown, change: (part: unknown) => unknown): object | null {
  if (typeof value !== "object" || value === null) return null;
  if (Array.isArray(value)) return value.length > MOST_ITEMS ? null : value.map(change);
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, change(part)]));
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
