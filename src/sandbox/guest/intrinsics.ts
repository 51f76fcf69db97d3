// The built-ins that the guest's bootstrap works with, taken before any guest code runs.
// Invariant: nothing here or in its users asks a prototype later: records have no prototype, lists are linked
// or counted records, and methods are captured as functions of their receiver. Texts are joined with +: for a
// template the engine calls String.prototype.concat, which a guest may have replaced.

const { apply } = Reflect;
const call = Reflect.get(Function.prototype, "call") as () => unknown;
const bind = Reflect.get(Function.prototype, "bind") as () => unknown;
const uncurry = apply(bind, bind, [call]) as (method: unknown) => unknown;

export const invoke = apply;
export const PromiseOf = Promise;
export const TypeErrorOf = TypeError;
export const ErrorOf = Error;
export const ProxyOf = Proxy;
export const textOf = String;
export const numberOf = Number;
export const now = Date.now;
export const { trunc, imul } = Math;
export const { defineProperty, freeze, getOwnPropertyDescriptor, keys } = Object;
export const { isArray } = Array;
export const parse = JSON.parse as (text: string) => unknown;
export const quote = JSON.stringify as (text: string) => string;
export const slice = uncurry(Reflect.get(String.prototype, "slice")) as (
  text: string,
  start: number,
  end?: number,
) => string;
export const indexOf = uncurry(Reflect.get(String.prototype, "indexOf")) as (
  text: string,
  part: string,
) => number;

/** Marks errors by identity; a guest cannot reach the map. */
const marks = new WeakMap<object, string>();
const setMark = uncurry(Reflect.get(WeakMap.prototype, "set")) as (
  map: object,
  key: object,
  value: string,
) => void;
const getMark = uncurry(Reflect.get(WeakMap.prototype, "get")) as (
  map: object,
  key: object,
) => string | undefined;

/** Notes that an error stands for a limit that was hit. */
export function markLimit(error: object, limit: string): void {
  setMark(marks, error, limit);
}

/** The limit that an error stands for; "" for none. */
export function limitOf(error: unknown): string {
  return typeof error === "object" && error !== null ? (getMark(marks, error) ?? "") : "";
}

/** Puts a value on an object without asking setters. */
export function define(target: object, key: PropertyKey, value: unknown, enumerable = false): void {
  defineProperty(target, key, {
    __proto__: null,
    value,
    enumerable,
    writable: true,
    configurable: true,
  } as PropertyDescriptor);
}
