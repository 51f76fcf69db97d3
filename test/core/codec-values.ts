// Arbitrary values of every kind that the codec carries, and how two of them are compared.
// Shared by the host's and the guest's property tests; comparison is Node's strict deep equality, which tells -0
// from 0, compares Maps, Sets, bytes, Dates, RegExps and prototypes, made to look at error fields as well.
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";

const views: readonly (new (buffer: ArrayBuffer) => object)[] = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
];

const bytes = fc
  .tuple(fc.uint8Array({ maxLength: 6 }), fc.constantFrom(...views))
  .map(([items, View]): object => {
    const buffer = new Uint8Array([
      ...items,
      ...items,
      ...items,
      ...items,
      ...items,
      ...items,
      ...items,
      ...items,
    ]);
    return new View(buffer.buffer);
  })
  .filter((view) => !hasNaN(view));

function hasNaN(view: object): boolean {
  return (view instanceof Float32Array || view instanceof Float64Array) && view.some(Number.isNaN);
}

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc.constant("\ud800x\udc00"),
);

const key = fc.oneof(
  fc.string(),
  fc.constantFrom(
    "__proto__",
    "constructor",
    "toJSON",
    "then",
    "$map",
    "$$map",
    "$undefined",
    "$",
    "",
    "0",
    "length",
  ),
);

const leaf: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, undefined, true, false, NaN, Infinity, -Infinity, -0, 0, Number.MIN_VALUE),
  fc.double(),
  fc.integer(),
  text,
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 300n), max: 2n ** 300n }),
  fc.date({ noInvalidDate: false }),
  bytes,
  fc.constantFrom(/a+/gi, /[/\n]/u, /(?<year>\d{4})/dy, new RegExp("")),
  fc
    .tuple(text, fc.constantFrom("TypeError", "Error", "MyError"))
    .map(([message, name]) => Object.assign(new Error(message), { name })),
);

/** Any value that the codec carries, nested. */
export const anyValue: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    { arbitrary: leaf, weight: 4 },
    { arbitrary: fc.array(tie("value"), { maxLength: 5 }), weight: 2 },
    { arbitrary: fc.array(fc.tuple(key, tie("value")), { maxLength: 5 }).map(ownProperties), weight: 3 },
    {
      arbitrary: fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 4 }).map((all) => new Map(all)),
      weight: 1,
    },
    { arbitrary: fc.array(tie("value"), { maxLength: 4 }).map((all) => new Set(all)), weight: 1 },
    { arbitrary: tie("value").map((cause) => new TypeError("outer", { cause })), weight: 1 },
  ),
})).value;

/** A plain object with exactly these own properties, `__proto__` among them. */
export function ownProperties(entries: readonly (readonly [string, unknown])[]): object {
  const object = {};
  for (const [name, value] of entries) {
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  }
  return object;
}

/** Whether a value came back as what it was. */
export function isSame(left: unknown, right: unknown): boolean {
  return isDeepStrictEqual(comparable(left), comparable(right));
}

/** Errors as plain fields: Node's equality skips their stacks, and their classes may differ by design. */
function comparable(value: unknown): unknown {
  if (value instanceof Error) {
    const { name, message, stack } = value;
    const cause = Object.hasOwn(value, "cause") ? { cause: comparable(value.cause) } : {};
    return { error: name, message, stack, ...cause };
  }
  // Node 20 holds two invalid Dates for different.
  if (value instanceof Date && Number.isNaN(value.getTime())) return { date: NaN };
  if (Array.isArray(value)) return value.map(comparable);
  if (value instanceof Map) return new Map([...value].map(([k, v]) => [comparable(k), comparable(v)]));
  if (value instanceof Set) return new Set([...value].map(comparable));
  if (typeof value !== "object" || value === null) return value;
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype !== Object.prototype && prototype !== null) return value;
  return ownProperties(Object.entries(value).map(([name, item]) => [name, comparable(item)]));
}
