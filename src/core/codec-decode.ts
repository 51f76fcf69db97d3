// Reads the codec's text back into values; on the host the text may come from a hostile guest.
// Invariant: no prototype is touched (JSON.parse makes `__proto__` an own property, and only own properties are
// written), nothing from the text runs, and the time is linear in its length: numbers are read in hexadecimal
// where long, patterns are bounded, depth is bounded.
import { fromBase64 } from "./codec-bytes.ts";
import { insertionSteps } from "./codec-collisions.ts";
import {
  affordsPattern,
  attempt,
  fail,
  type CodecLimits,
  type CodecOutcome,
  type Run,
} from "./codec-format.ts";
import * as own from "./codec-intrinsics.ts";

/** Decodes a text that {@link encodeValue} wrote, or that someone says it did. */
export function decodeText(text: string, limits: CodecLimits): CodecOutcome<unknown> {
  return attempt(limits, (run) => decode(run, text));
}

/** Decodes a text of our own making: what has no tag is plain JSON and needs no second look. */
export function decodeTrusted(text: string, limits: CodecLimits): CodecOutcome<unknown> {
  return attempt(limits, (run) => {
    run.steps = Infinity;
    return own.includes(text, '"$') ? decode(run, text) : parse(run, text);
  });
}

function decode(run: Run, text: string): unknown {
  if (text.length > run.left) fail(run, "too-large", "$", "the text is larger than the limit");
  return revive(run, parse(run, text), 0);
}

function parse(run: Run, text: string): unknown {
  try {
    return own.parseJson(text);
  } catch {
    return fail(run, "malformed", "$", "the text is not JSON");
  }
}

function malformed(run: Run, tag: string): never {
  return fail(run, "malformed", "$", "the text has a broken " + tag);
}

/** Turns tags into what they stand for, in place; `depth` counts the containers above. */
function revive(run: Run, node: unknown, depth: number): unknown {
  if (typeof node !== "object" || node === null) return node;
  if (depth >= run.maxDepth)
    fail(run, "malformed", "$", "it is nested deeper than " + own.decimal(run.maxDepth) + " levels");
  if (own.isArray(node)) return reviveItems(run, node as unknown[], depth + 1);
  const fields = node as Record<string, unknown>;
  const keys = own.keys(fields);
  if (keys.length === 1) {
    const key = keys[0] as string;
    if (key >= "$" && key < "%") return reviveTag(run, key, fields[key], depth);
  }
  for (let index = 0; index < keys.length; index += 1) {
    const key = keys[index] as string;
    const value = fields[key];
    if (typeof value === "object" && value !== null) fields[key] = revive(run, value, depth + 1);
  }
  return fields;
}

function reviveItems(run: Run, items: unknown[], depth: number): unknown[] {
  for (let index = 0; index < items.length; index += 1) {
    const value = items[index];
    if (typeof value === "object" && value !== null) items[index] = revive(run, value, depth);
  }
  return items;
}

function reviveTag(run: Run, tag: string, body: unknown, depth: number): unknown {
  switch (tag) {
    case "$undefined":
      return body === true ? undefined : malformed(run, tag);
    case "$number":
      return reviveNumber(run, body);
    case "$bigint":
      return reviveBigInt(run, body);
    case "$date":
      if (body !== null && typeof body !== "number") return malformed(run, tag);
      return new own.DateOf(body ?? NaN);
    case "$map":
      return own.isArray(body) ? reviveMap(run, body, depth + 1) : malformed(run, tag);
    case "$set":
      return own.isArray(body) ? reviveSet(run, body, depth + 1) : malformed(run, tag);
    case "$regexp":
      return reviveRegExp(run, body);
    case "$error":
      return reviveError(run, body, depth + 1);
    case "$bytes":
      return reviveBytes(run, body);
  }
  const name = own.slice(tag, 1);
  if (!(name >= "$" && name < "%")) return malformed(run, "tag " + own.quote(own.slice(tag, 0, 40)));
  return { [name]: revive(run, body, depth + 1) };
}

function put(target: object, name: string, value: unknown): void {
  own.defineProperty(target, name, {
    __proto__: null,
    value,
    enumerable: false,
    writable: true,
    configurable: true,
  } as PropertyDescriptor);
}

function reviveNumber(run: Run, body: unknown): number {
  if (body === "NaN") return NaN;
  if (body === "Infinity") return Infinity;
  if (body === "-Infinity") return -Infinity;
  return body === "-0" ? -0 : malformed(run, "$number");
}

const DECIMAL = /^-?[0-9]{1,40}$/;
const HEXADECIMAL = /^-?0x[0-9a-f]+$/;

function reviveBigInt(run: Run, body: unknown): bigint {
  if (typeof body !== "string") return malformed(run, "$bigint");
  if (own.exec(DECIMAL, body) !== null) return own.toBigInt(body);
  if (own.exec(HEXADECIMAL, body) === null) return malformed(run, "$bigint");
  try {
    return body < "0" ? -own.toBigInt(own.slice(body, 1)) : own.toBigInt(body);
  } catch {
    return malformed(run, "$bigint: too long a number for this engine");
  }
}

function reviveMap(run: Run, entries: unknown[], depth: number): unknown {
  for (let index = 0; index < entries.length; index += 1) {
    const entry = entries[index];
    if (!own.isArray(entry) || entry.length !== 2) return malformed(run, "$map");
    reviveItems(run, entry, depth);
  }
  afford(run, (index) => (entries[index] as unknown[])[0], entries.length);
  const map = new own.MapOf();
  for (let index = 0; index < entries.length; index += 1) {
    const entry = entries[index] as unknown[];
    own.mapSet(map, entry[0], entry[1]);
  }
  return map;
}

function reviveSet(run: Run, items: unknown[], depth: number): unknown {
  reviveItems(run, items, depth);
  afford(run, (index) => items[index], items.length);
  const set = new own.SetOf();
  for (let index = 0; index < items.length; index += 1) own.setAdd(set, items[index]);
  return set;
}

/** Refuses keys that were chosen to collide, before any is inserted. */
function afford(run: Run, keyAt: (index: number) => unknown, count: number): void {
  if (run.steps === Infinity) return;
  run.steps -= insertionSteps(keyAt, count, run.steps);
  if (run.steps < 0) malformed(run, "$map or $set: its keys collide");
}

/** Builds the expression; nothing here ever runs it. */
function reviveRegExp(run: Run, body: unknown): RegExp {
  if (!own.isArray(body) || body.length !== 2) return malformed(run, "$regexp");
  const source: unknown = body[0];
  const flags: unknown = body[1];
  if (typeof source !== "string" || typeof flags !== "string") return malformed(run, "$regexp");
  if (!affordsPattern(run, source)) malformed(run, "$regexp: too long patterns in all");
  try {
    return new own.RegExpOf(source, flags);
  } catch {
    return malformed(run, "$regexp: this engine does not know its syntax");
  }
}

function reviveError(run: Run, body: unknown, depth: number): Error {
  if (typeof body !== "object" || body === null || own.isArray(body)) return malformed(run, "$error");
  run.errors -= 1;
  if (run.errors < 0) return malformed(run, "$error: more than 1000 of them");
  const fields = body as Record<string, unknown>;
  const name = fieldText(run, fields, "name") ?? "Error";
  const message = fieldText(run, fields, "message") ?? "";
  const stack = fieldText(run, fields, "stack");
  const error = new (own.errors[name] ?? own.ErrorOf)(message);
  if (own.errors[name] === undefined) put(error, "name", name);
  put(error, "stack", stack ?? name + ": " + message);
  if (own.hasOwn(fields, "cause")) put(error, "cause", revive(run, fields.cause, depth));
  return error;
}

function fieldText(run: Run, fields: Record<string, unknown>, name: string): string | undefined {
  if (!own.hasOwn(fields, name)) return undefined;
  const value = fields[name];
  return typeof value === "string" ? value : malformed(run, "$error");
}

function reviveBytes(run: Run, body: unknown): object {
  if (!own.isArray(body) || body.length !== 2) return malformed(run, "$bytes");
  const name: unknown = body[0];
  const text: unknown = body[1];
  if (typeof name !== "string" || typeof text !== "string") return malformed(run, "$bytes");
  const bytes = fromBase64(text);
  if (bytes === null) return malformed(run, "$bytes");
  if (name === "ArrayBuffer") return own.arrayBuffer(bytes);
  const view = own.views[name];
  if (view === undefined || own.arraySize(bytes) % view.unit !== 0) return malformed(run, "$bytes");
  return new view.make(own.arrayBuffer(bytes));
}
