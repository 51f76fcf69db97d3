// Writes a value as the codec's text; the same code runs on the host and, bundled, in each guest.
// Invariant: whatever a hostile value does (getters, proxies, forged prototypes, objects that change between
// two reads), the outcome is a text that reads back, or a failure with a path; work is bounded by `maxBytes`,
// for every value visited takes at least one character.
//
// Carried are own enumerable properties with string keys: a getter is read once, an instance of a class arrives
// as a plain object, holes in an array arrive as undefined. Dropped: symbol keys, an array's named properties,
// a regular expression's lastIndex, an error's properties besides name, message, stack and cause.
import { base64Length, toBase64 } from "./codec-bytes.ts";
import {
  attempt,
  fail,
  affordsPattern,
  type CodecLimits,
  type CodecOutcome,
  type Run,
} from "./codec-format.ts";
import * as own from "./codec-intrinsics.ts";

/** The way from the root to the value at hand. */
interface Place {
  readonly parent: Place | null;
  readonly holder: object;
  readonly depth: number;
  /** How the holder is asked, as in `.values()`, before the key. */
  part: string;
  key: string | number;
}

/** Encodes a value; `$` stands for the value itself in paths. */
export function encodeValue(value: unknown, limits: CodecLimits): CodecOutcome<string> {
  return attempt(limits, (run) => flat(write(run, value, null)));
}

/** The same text as one string: what was put together is a tree of its pieces until it is looked into. */
function flat(text: string): string {
  own.charCodeAt(text, 0);
  return text;
}

function write(run: Run, value: unknown, place: Place | null): string {
  switch (typeof value) {
    case "string":
      return writeText(run, value, place);
    case "number":
      return take(run, place, writeNumber(value));
    case "boolean":
      return take(run, place, value ? "true" : "false");
    case "undefined":
      return take(run, place, '{"$undefined":true}');
    case "bigint":
      return take(run, place, '{"$bigint":"' + writeBigInt(value) + '"}');
    case "object":
      return value === null ? take(run, place, "null") : writeObject(run, value, place);
    case "function":
      return refuse(run, place, "it is a function; call it and pass what it returns");
    case "symbol":
      return refuse(run, place, "it is a symbol; pass a string");
  }
}

function take(run: Run, place: Place | null, text: string): string {
  spend(run, place, text.length);
  return text;
}

function spend(run: Run, place: Place | null, size: number): void {
  run.left -= size;
  if (run.left >= 0) return;
  refuseCycle(run, place);
  fail(run, "too-large", pathOf(place), "the value is larger than the limit; pass less");
}

function refuse(run: Run, place: Place | null, problem: string): never {
  return fail(run, "unsupported", pathOf(place), problem);
}

function writeText(run: Run, text: string, place: Place | null): string {
  if (text.length + 2 > run.left) spend(run, place, text.length + 2);
  return take(run, place, own.quote(text));
}

function writeNumber(value: number): string {
  if (value !== value) return '{"$number":"NaN"}';
  if (value === Infinity) return '{"$number":"Infinity"}';
  if (value === -Infinity) return '{"$number":"-Infinity"}';
  if (value === 0 && 1 / value < 0) return '{"$number":"-0"}';
  return own.decimal(value);
}

function writeBigInt(value: bigint): string {
  if (value > -(1n << 128n) && value < 1n << 128n) return own.bigintText(value);
  return value < 0n ? "-0x" + own.bigintText(-value, 16) : "0x" + own.bigintText(value, 16);
}

function writeObject(run: Run, value: object, place: Place | null): string {
  let kind: own.Kind;
  try {
    kind = kindOf(value);
  } catch (thrown) {
    return refuseOdd(run, place, "a proxy or a forged object", thrown);
  }
  switch (kind) {
    case "plain":
    case "instance":
      return writeFields(run, value, place, kind);
    case "array":
      return writeArray(run, value as unknown[], place);
    case "map":
      return writeMap(run, value, place);
    case "set":
      return writeSet(run, value, place);
    case "date": {
      const time = guarded(run, place, "no real Date", () => own.dateTime(value));
      return take(run, place, time === time ? '{"$date":' + own.decimal(time) + "}" : '{"$date":null}');
    }
    case "regexp":
      return writeRegExp(run, value, place);
    case "error":
      return writeError(run, value, place);
    case "view":
    case "buffer":
      return writeBytes(run, value, place);
    case "promise":
      return refuse(run, place, "it is a Promise; await it first");
    case "number":
      return write(run, unboxed(run, place, value, own.numberValue), place);
    case "string":
      return write(run, unboxed(run, place, value, own.stringValue), place);
    case "boolean":
      return write(run, unboxed(run, place, value, own.booleanValue), place);
    case "bigint":
      return write(run, unboxed(run, place, value, own.bigintValue), place);
  }
}

function kindOf(value: object): own.Kind {
  if (own.isArray(value)) return "array";
  let prototype = own.getPrototypeOf(value) as object | null;
  if (prototype === null || prototype === own.objectPrototype) return "plain";
  if (own.isView(value)) return "view";
  let hops = 0;
  while (prototype !== null && hops < 64) {
    const kind = own.mapGet(own.kinds, prototype);
    if (kind !== undefined) return kind;
    prototype = own.getPrototypeOf(prototype) as object | null;
    hops += 1;
  }
  // A prototype that has none itself is the Object.prototype of another realm, or as plain as one.
  return hops === 1 ? "plain" : "instance";
}

/** Does what a hostile object may make throw. */
function guarded<T>(run: Run, place: Place | null, what: string, act: () => T): T {
  try {
    return act();
  } catch (thrown) {
    return refuseOdd(run, place, what, thrown);
  }
}

function refuseOdd(run: Run, place: Place | null, what: string, thrown: unknown): never {
  return refuse(run, place, "it is " + what + " (" + describe(thrown) + "); pass plain data");
}

function unboxed<T>(run: Run, place: Place | null, value: object, valueOf: (self: object) => T): T {
  return guarded(run, place, "a forged object", () => valueOf(value));
}

function enter(run: Run, holder: object, parent: Place | null): Place {
  const depth = parent === null ? 1 : parent.depth + 1;
  if (depth > run.maxDepth) {
    refuseCycle(run, parent);
    refuse(run, parent, "it is nested deeper than " + own.decimal(run.maxDepth) + " levels; flatten it");
  }
  return { parent, holder, depth, part: "", key: "" };
}

/** Looks for a cycle only where the way has become too long: every cycle leads there, and no other value pays. */
function refuseCycle(run: Run, place: Place | null): void {
  let closing: Place | null = null;
  let opening: Place | null = null;
  for (let at = place; at !== null; at = at.parent) {
    for (let above = at.parent; above !== null; above = above.parent) {
      if (above.holder === at.holder) {
        closing = at;
        opening = above;
      }
    }
  }
  if (closing === null || opening === null) return;
  const first = "it is the same object as " + pathOf(opening.parent);
  refuse(run, closing.parent, first + ", a cycle; refer to it by a name or an id");
}

/** Reads a property, the one moment at which a getter or a proxy trap runs. */
function read(run: Run, place: Place, key: string | number): unknown {
  place.key = key;
  try {
    return (place.holder as Record<string | number, unknown>)[key];
  } catch (thrown) {
    return refuse(run, place, "reading it threw " + describe(thrown) + "; pass plain data");
  }
}

function writeFields(run: Run, value: object, parent: Place | null, kind: "plain" | "instance"): string {
  const place = enter(run, value, parent);
  let keys: readonly string[];
  try {
    keys = own.keys(value);
  } catch (thrown) {
    return refuseOdd(run, parent, "a proxy", thrown);
  }
  const count = keys.length;
  if (kind === "instance" && count === 0) {
    refuse(
      run,
      parent,
      "it is " + instanceName(value) + " without enumerable properties of its own; pass plain data",
    );
  }
  spend(run, parent, 2);
  let text = "{";
  for (let index = 0; index < count; index += 1) {
    const key = keys[index] as string;
    const child = read(run, place, key);
    spend(run, place, index === 0 ? 1 : 2);
    if (index > 0) text += ",";
    // A data object with one `$` key would read as a tag.
    text += writeText(run, count === 1 && key >= "$" && key < "%" ? "$" + key : key, place);
    text += ":";
    text += write(run, child, place);
  }
  return text + "}";
}

function instanceName(value: object): string {
  try {
    const { name } = (value as { constructor: { name: unknown } }).constructor;
    if (typeof name === "string" && name !== "") return "an instance of " + own.slice(name, 0, 60);
  } catch {
    // Whatever it is, it will not say.
  }
  return "an object of its own class";
}

function writeArray(run: Run, value: unknown[], parent: Place | null): string {
  const place = enter(run, value, parent);
  const length = read(run, place, "length");
  if (typeof length !== "number")
    refuse(run, parent, "it is a proxy of an array without a length; pass a real array");
  // Checked at once: a sparse array may claim four billion holes.
  if (length > 0) spend(run, parent, length - 1);
  spend(run, parent, 2);
  let text = "[";
  for (let index = 0; index < length; index += 1) {
    if (index > 0) text += ",";
    text += write(run, read(run, place, index), place);
  }
  return text + "]";
}

function writeMap(run: Run, value: object, parent: Place | null): string {
  const place = enter(run, value, parent);
  const entries = guarded(run, parent, "no real Map", () => own.mapEntries(value));
  spend(run, parent, 11);
  let text = '{"$map":[';
  for (let step = own.mapNext(entries); step.done !== true; step = own.mapNext(entries)) {
    const index = place.part === "" ? 0 : (place.key as number) + 1;
    spend(run, parent, index === 0 ? 3 : 4);
    place.key = index;
    place.part = ".keys()";
    const key = write(run, step.value[0], place);
    place.part = ".values()";
    const item = write(run, step.value[1], place);
    text += index === 0 ? "[" : ",[";
    text += key;
    text += ",";
    text += item;
    text += "]";
  }
  return text + "]}";
}

function writeSet(run: Run, value: object, parent: Place | null): string {
  const place = enter(run, value, parent);
  const items = guarded(run, parent, "no real Set", () => own.setValues(value));
  spend(run, parent, 11);
  let text = '{"$set":[';
  for (let step = own.setNext(items); step.done !== true; step = own.setNext(items)) {
    const index = place.part === "" ? 0 : (place.key as number) + 1;
    if (index > 0) spend(run, parent, 1);
    place.key = index;
    place.part = ".values()";
    const item = write(run, step.value, place);
    if (index > 0) text += ",";
    text += item;
  }
  return text + "]}";
}

function writeRegExp(run: Run, value: object, place: Place | null): string {
  const source = guarded(run, place, "no real RegExp", () => own.regexpSource(value));
  const flags = guarded(run, place, "a RegExp with forged flags", () => own.regexpFlags(value));
  if (!affordsPattern(run, source)) {
    refuse(run, place, "it and the regular expressions before it are too long in all; pass their sources");
  }
  spend(run, place, 14);
  const pattern = writeText(run, source, place);
  const marks = writeText(run, flags, place);
  return '{"$regexp":[' + pattern + "," + marks + "]}";
}

function writeError(run: Run, value: object, parent: Place | null): string {
  run.errors -= 1;
  if (run.errors < 0)
    refuse(run, parent, "there are more than 1000 errors in the value; pass their messages");
  const place = enter(run, value, parent);
  spend(run, parent, 12);
  let text = '{"$error":{';
  for (let index = 0; index < 3; index += 1) {
    const field = ERROR_FIELDS[index] as string;
    const part = read(run, place, field);
    if (typeof part !== "string") continue;
    const written = writeText(run, part, place);
    spend(run, place, text.length === 11 ? field.length + 3 : field.length + 4);
    text += (text.length === 11 ? "" : ",") + '"' + field + '":' + written;
  }
  if (guarded(run, parent, "a proxy of an error", () => own.hasOwn(value, "cause"))) {
    spend(run, parent, text.length === 11 ? 8 : 9);
    text += (text.length === 11 ? "" : ",") + '"cause":' + write(run, read(run, place, "cause"), place);
  }
  return text + "}}";
}

const ERROR_FIELDS: readonly string[] = ["name", "message", "stack"];

function writeBytes(run: Run, value: object, place: Place | null): string {
  const bytes = guarded(run, place, "no bytes to be read", () => bytesOf(value));
  if (own.views[bytes.name] === undefined && bytes.name !== "ArrayBuffer") {
    refuse(run, place, "it is a " + bytes.name + "; pass a Float64Array or plain numbers");
  }
  spend(run, place, 16 + bytes.name.length + base64Length(bytes.size));
  return '{"$bytes":["' + bytes.name + '","' + toBase64(bytes.bytes, bytes.size) + '"]}';
}

/** The bytes that a view sees, not the whole buffer below it. */
function bytesOf(value: object): { name: string; bytes: Uint8Array; size: number } {
  if (!own.isView(value)) {
    const size = own.bufferSize(value);
    return { name: "ArrayBuffer", bytes: new own.BytesOf(value as ArrayBuffer), size };
  }
  const name = own.arrayName(value);
  if (name === undefined) {
    const size = own.viewSize(value);
    return {
      name: "DataView",
      bytes: new own.BytesOf(own.viewBuffer(value), own.viewOffset(value), size),
      size,
    };
  }
  const size = own.arraySize(value);
  return { name, bytes: new own.BytesOf(own.arrayBuffer(value), own.arrayOffset(value), size), size };
}

/** What was thrown, in few words; a guest may throw anything. */
function describe(thrown: unknown): string {
  if (typeof thrown === "string") return own.quote(own.slice(thrown, 0, 120));
  try {
    const { message } = thrown as { message: unknown };
    if (typeof message === "string") return own.quote(own.slice(message, 0, 120));
  } catch {
    // It does not want to be known.
  }
  return "something that is no error";
}

function pathOf(place: Place | null): string {
  let path = "";
  for (let at = place; at !== null; at = at.parent) {
    if (path.length > 300) return "$ … " + path;
    path = segmentOf(at) + path;
  }
  return "$" + path;
}

function segmentOf(place: Place): string {
  const { key, part } = place;
  if (typeof key === "number") return part + "[" + own.decimal(key) + "]";
  if (key === "") return place.part;
  return own.exec(IDENTIFIER, key) !== null ? "." + key : "[" + own.quote(own.slice(key, 0, 60)) + "]";
}

const IDENTIFIER = /^[A-Za-z_$][\w$]{0,60}$/;
