// The built-ins that the codec works with, taken once when this module is evaluated.
// In a guest that is before its code runs: whatever it overrides later (Array.prototype, JSON, Symbol.iterator,
// setters on Object.prototype), the codec goes on with these. Hence no method calls, spreads, destructuring,
// for-of, assignments to absent properties or templates with parts (QuickJS calls String.prototype.concat for them)
// anywhere in the codec: each would ask a prototype.

type Call = (self: unknown, ...args: unknown[]) => unknown;
const bind = Reflect.get(Function.prototype, "bind") as Call;
const call = Reflect.get(Function.prototype, "call") as Call;

/** Makes a method a function of its receiver: bound functions, in which nothing can be overridden later. */
const uncurry = Reflect.apply(bind, bind, [call]) as (method: unknown) => unknown;

/** A built-in method as a function whose first argument is its receiver. */
function method<F>(prototype: object, name: string): F {
  return uncurry(Reflect.get(prototype, name)) as F;
}

/** A built-in getter as a function of its receiver. */
function getter<Result>(prototype: object, name: PropertyKey): (self: object) => Result {
  return uncurry(Reflect.get(Object.getOwnPropertyDescriptor(prototype, name) ?? {}, "get")) as (
    self: object,
  ) => Result;
}

function prototypeOf(value: object): object {
  return Object.getPrototypeOf(value) as object;
}

/** An iterator that is only ever asked through a function captured here. */
type Iteration<T> = object & { readonly item?: T };
type Next<T> = (self: Iteration<T>) => IteratorResult<T, T>;

export const { keys, hasOwn, getPrototypeOf, defineProperty } = Object;
export const { isArray } = Array;
export const isView = Reflect.get(ArrayBuffer, "isView") as (value: unknown) => boolean;
export const parseJson = JSON.parse as (text: string) => unknown;
export const quote = JSON.stringify as (text: string) => string;
export const { imul } = Math;
export const toBigInt = BigInt;
export const decimal = String as (value: number) => string;

export const charCodeAt = method<(self: string, index: number) => number>(String.prototype, "charCodeAt");
export const includes = method<(self: string, part: string) => boolean>(String.prototype, "includes");
export const slice = method<(self: string, start: number, end?: number) => string>(String.prototype, "slice");
export const exec = method<(self: RegExp, text: string) => object | null>(RegExp.prototype, "exec");
export const bigintText = method<(self: bigint, radix?: number) => string>(BigInt.prototype, "toString");

export const objectPrototype = Object.prototype;
export const numberValue = method<(self: object) => number>(Number.prototype, "valueOf");
export const stringValue = method<(self: object) => string>(String.prototype, "valueOf");
export const booleanValue = method<(self: object) => boolean>(Boolean.prototype, "valueOf");
export const bigintValue = method<(self: object) => bigint>(BigInt.prototype, "valueOf");

export const DateOf = Date;
export const dateTime = method<(self: object) => number>(Date.prototype, "getTime");

export const MapOf = Map;
export const mapSet = method<(self: object, key: unknown, value: unknown) => void>(Map.prototype, "set");
export const mapGet = method<<K, V>(self: Map<K, V>, key: K) => V | undefined>(Map.prototype, "get");
export const mapEntries = method<(self: object) => Iteration<[unknown, unknown]>>(Map.prototype, "entries");
export const mapNext = method<Next<[unknown, unknown]>>(prototypeOf(new Map().entries()), "next");

export const SetOf = Set;
export const setAdd = method<(self: object, value: unknown) => void>(Set.prototype, "add");
export const setValues = method<(self: object) => Iteration<unknown>>(Set.prototype, "values");
export const setNext = method<Next<unknown>>(prototypeOf(new Set().values()), "next");

export const RegExpOf = RegExp;
export const regexpSource = getter<string>(RegExp.prototype, "source");
const hasIndices = getter<boolean>(RegExp.prototype, "hasIndices");
const isGlobal = getter<boolean>(RegExp.prototype, "global");
const ignoresCase = getter<boolean>(RegExp.prototype, "ignoreCase");
const isMultiline = getter<boolean>(RegExp.prototype, "multiline");
const isDotAll = getter<boolean>(RegExp.prototype, "dotAll");
const isUnicode = getter<boolean>(RegExp.prototype, "unicode");
const isUnicodeSets = getter<boolean>(RegExp.prototype, "unicodeSets");
const isSticky = getter<boolean>(RegExp.prototype, "sticky");

/** The flags in their usual order; the engine's own `flags` asks overridable getters for each of them. */
export function regexpFlags(self: object): string {
  let flags = hasIndices(self) ? "d" : "";
  if (isGlobal(self)) flags += "g";
  if (ignoresCase(self)) flags += "i";
  if (isMultiline(self)) flags += "m";
  if (isDotAll(self)) flags += "s";
  if (isUnicode(self)) flags += "u";
  if (isUnicodeSets(self)) flags += "v";
  if (isSticky(self)) flags += "y";
  return flags;
}

export const BufferOf = ArrayBuffer;
export const BytesOf = Uint8Array;
export const bufferSize = getter<number>(ArrayBuffer.prototype, "byteLength");
const typedArray = prototypeOf(Uint8Array.prototype);
/** `Uint8Array` and so on; undefined where the value is no typed array. */
export const arrayName = getter<string | undefined>(typedArray, Symbol.toStringTag);
export const arrayBuffer = getter<ArrayBuffer>(typedArray, "buffer");
export const arrayOffset = getter<number>(typedArray, "byteOffset");
export const arraySize = getter<number>(typedArray, "byteLength");
export const viewBuffer = getter<ArrayBuffer>(DataView.prototype, "buffer");
export const viewOffset = getter<number>(DataView.prototype, "byteOffset");
export const viewSize = getter<number>(DataView.prototype, "byteLength");

/** What can be built over bytes, by name, with the bytes that one element takes. */
export const views: Readonly<Record<string, { make: new (buffer: ArrayBuffer) => object; unit: number }>> =
  Object.freeze({
    __proto__: null as never,
    Int8Array: { make: Int8Array, unit: 1 },
    Uint8Array: { make: Uint8Array, unit: 1 },
    Uint8ClampedArray: { make: Uint8ClampedArray, unit: 1 },
    Int16Array: { make: Int16Array, unit: 2 },
    Uint16Array: { make: Uint16Array, unit: 2 },
    Int32Array: { make: Int32Array, unit: 4 },
    Uint32Array: { make: Uint32Array, unit: 4 },
    Float32Array: { make: Float32Array, unit: 4 },
    Float64Array: { make: Float64Array, unit: 8 },
    BigInt64Array: { make: BigInt64Array, unit: 8 },
    BigUint64Array: { make: BigUint64Array, unit: 8 },
    DataView: { make: DataView, unit: 1 },
  });

export const ErrorOf = Error;

/** The error classes that both sides have, by name. */
export const errors: Readonly<Record<string, new (message: string) => Error>> = Object.freeze({
  __proto__: null as never,
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
});

/** What an object is, as far as its prototypes tell. */
export type Kind =
  | "plain"
  | "array"
  | "view"
  | "buffer"
  | "date"
  | "map"
  | "set"
  | "regexp"
  | "error"
  | "number"
  | "string"
  | "boolean"
  | "bigint"
  | "promise"
  | "instance";

/** Prototypes that give an object's kind away. */
export const kinds = new Map<object, Kind>([
  [Object.prototype, "instance"],
  [Array.prototype, "array"],
  [ArrayBuffer.prototype, "buffer"],
  [Date.prototype, "date"],
  [Map.prototype, "map"],
  [Set.prototype, "set"],
  [RegExp.prototype, "regexp"],
  [Error.prototype, "error"],
  [Number.prototype, "number"],
  [String.prototype, "string"],
  [Boolean.prototype, "boolean"],
  [BigInt.prototype, "bigint"],
  [Promise.prototype, "promise"],
]);
