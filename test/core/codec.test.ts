// The codec on the host alone: what it carries, what it refuses, and what hostile text can do to it.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode, encode, type CodecOptions } from "#src/core/codec";
import { ValueError } from "#src/core/errors";
import { anyValue, isSame } from "./codec-values.ts";

function refusal(act: () => unknown): ValueError {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof ValueError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was refused");
}

const refusalOf = (value: unknown, options?: CodecOptions) => refusal(() => encode(value, options));
const problemWith = (text: string, options?: CodecOptions) => refusal(() => decode(text, options));

function outcomeOf(text: string): string {
  try {
    decode(text);
    return "decoded";
  } catch (thrown) {
    return thrown instanceof ValueError ? thrown.code : String(thrown);
  }
}

/** Numbers whose hashes in V8 end in 14 zero bits: its integer hash, which has no seed, run backwards. */
function collidingNumbers(count: number): number[] {
  const unshift = (hash: number, bits: number) => {
    let value = hash;
    for (let done = bits; done < 32; done += bits) value = hash ^ (value >>> bits);
    return value >>> 0;
  };
  const inverse = (factor: number) => {
    let value = factor;
    for (let step = 0; step < 5; step += 1) value = Math.imul(value, 2 - Math.imul(factor, value));
    return value;
  };
  const numbers: number[] = [];
  for (let hash = 0; numbers.length < count; hash += 1 << 14) {
    const mixed = unshift(Math.imul(unshift(hash, 16), inverse(2057)), 4);
    const number = Math.imul(unshift(Math.imul(mixed, inverse(5)), 12) + 1, inverse(32767)) >>> 0;
    if (number < 2 ** 31) numbers.push(number);
  }
  return numbers;
}

describe("what the codec carries", () => {
  it("gives back every value as it was", () => {
    fc.assert(
      fc.property(anyValue, (value) => isSame(decode(encode(value)), value)),
      { numRuns: 500 },
    );
  });

  it("writes text that survives UTF-8", () => {
    const text = encode({ lone: "\ud800", pair: "😀", line: "\u2028" });
    expect(new TextDecoder().decode(new TextEncoder().encode(text))).toBe(text);
  });

  it("writes plain JSON for what JSON can say", () => {
    const value = { rows: [{ name: "a", price: 1.5 }], ok: true, none: null };
    expect(encode(value)).toBe(JSON.stringify(value));
  });

  it("keeps data that looks like a tag", () => {
    const value = [{ $map: [] }, { $$map: { $undefined: true } }, { $: 1 }, { $undefined: true, other: 1 }];
    expect(decode(encode(value))).toStrictEqual(value);
  });

  it("keeps a __proto__ key as a plain own property", () => {
    const value: unknown = JSON.parse(
      '{"__proto__":{"polluted":true},"a":{"__proto__":{"$undefined":true}}}',
    );
    const back = decode(encode(value)) as Record<string, unknown>;
    expect(Object.keys(back)).toEqual(["__proto__", "a"]);
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect(Object.hasOwn(back.a as object, "__proto__")).toBe(true);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it("reads instances of classes as plain objects and getters as what they give", () => {
    class Point {
      x = 1;
      get sum() {
        return 5;
      }
    }
    const value = {
      point: new Point(),
      get now() {
        return 7;
      },
    };
    expect(decode(encode(value))).toStrictEqual({ point: { x: 1 }, now: 7 });
  });

  it("reads null prototypes, boxed primitives, holes and subclasses as their plain kin", () => {
    const bare = Object.assign(Object.create(null) as object, { a: 1 });
    expect(decode(encode(bare))).toStrictEqual({ a: 1 });
    expect(decode(encode([Object(1), Object("s"), Object(false), Object(2n)]))).toStrictEqual([
      1,
      "s",
      false,
      2n,
    ]);
    // eslint-disable-next-line no-sparse-arrays
    expect(decode(encode([1, , 3]))).toStrictEqual([1, undefined, 3]);
    class Bag extends Map<number, number> {}
    expect(decode(encode(new Bag([[1, 2]])))).toStrictEqual(new Map([[1, 2]]));
    expect(decode(encode(Buffer.from([1, 2, 3]).subarray(1)))).toStrictEqual(new Uint8Array([2, 3]));
  });

  it("rebuilds errors of known classes, with their causes, and names the others", () => {
    const error = decode(encode(new RangeError("far", { cause: [1n] }))) as RangeError;
    expect(error).toBeInstanceOf(RangeError);
    expect(error.cause).toStrictEqual([1n]);
    const own = decode(encode(Object.assign(new Error("x"), { name: "MyError" }))) as Error;
    expect(own).toBeInstanceOf(Error);
    expect(`${own.name}: ${own.message}`).toBe("MyError: x");
    expect(Object.keys(own)).toEqual([]);
  });

  it("writes an object met twice twice", () => {
    const shared = { a: 1 };
    expect(decode(encode([shared, shared]))).toStrictEqual([{ a: 1 }, { a: 1 }]);
  });
});

describe("what the codec refuses", () => {
  it.each<[string, unknown, string, RegExp]>([
    ["a function", { rows: [{}, { save: () => 1 }] }, "$.rows[1].save", /a function/],
    ["a symbol", { "a b": Symbol("x") }, '$["a b"]', /a symbol/],
    ["a promise", [Promise.resolve(1)], "$[0]", /Promise; await it/],
    ["an instance that shows nothing", { url: new URL("http://localhost/") }, "$.url", /an instance of URL/],
    ["a WeakMap", new WeakMap(), "$", /WeakMap/],
    ["a generator", [1].values(), "$", /own/],
    ["a function in a Map", new Map([["k", () => 1]]), "$.values()[0]", /function/],
    ["a symbol as a Map's key", { m: new Map([[Symbol("k"), 1]]) }, "$.m.keys()[0]", /symbol/],
    ["a function in a Set", new Set([1, () => 1]), "$.values()[1]", /function/],
    ["a function as a cause", new Error("e", { cause: () => 1 }), "$.cause", /function/],
    ["a forged Date", Object.create(Date.prototype), "$", /Date/],
    ["shared memory", new Uint8Array(new SharedArrayBuffer(0)).buffer, "$", /SharedArrayBuffer/],
  ])("names the path of %s", (_, value, path, problem) => {
    const error = refusalOf(value);
    expect(error.code).toBe("VALUE_UNSUPPORTED");
    expect(error.path).toBe(path);
    expect(error.message).toMatch(problem);
    expect(error.message).toContain(path);
  });

  it("names both ends of a cycle", () => {
    const value: { a: { b: unknown }[] } = { a: [{ b: 1 }] };
    value.a[0] = { b: value.a };
    const error = refusalOf(value);
    expect(error.path).toBe("$.a[0].b");
    expect(error.message).toContain("the same object as $.a, a cycle");
  });

  it("names what a throwing getter or a revoked proxy said", () => {
    const value = {
      get secret(): never {
        throw new Error("not for you");
      },
    };
    expect(refusalOf({ value }).message).toContain('$.value.secret: reading it threw "not for you"');
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(refusalOf([proxy]).path).toBe("$[0]");
  });

  it("refuses values nested too deeply, in either direction", () => {
    let deep: unknown = 1;
    for (let level = 0; level < 5000; level += 1) deep = [deep];
    expect(refusalOf(deep).message).toContain("deeper than 256 levels");
    const text = `${"[".repeat(400_000)}${"]".repeat(400_000)}`;
    expect(problemWith(text).code).toBe("VALUE_MALFORMED");
    expect(problemWith(`${'{"$set":['.repeat(9000)}${"]}".repeat(9000)}`).code).toBe("VALUE_MALFORMED");
  });

  it("bounds what shared parts blow up to", () => {
    let shared: unknown = [1];
    for (let level = 0; level < 100; level += 1) shared = [shared, shared];
    expect(refusalOf(shared, { maxBytes: 100_000 }).code).toBe("VALUE_TOO_LARGE");
  });

  it("refuses four billion holes at once", () => {
    expect(refusalOf(new Array(2 ** 32 - 1)).code).toBe("VALUE_TOO_LARGE");
  });

  it("counts exactly the bytes that it writes", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const size = new TextEncoder().encode(encode(value)).length;
        expect(encode(value, { maxBytes: size })).toHaveLength(encode(value).length);
        expect(refusalOf(value, { maxBytes: size - 1 }).code).toBe("VALUE_TOO_LARGE");
      }),
    );
  });
});

describe("hostile text", () => {
  it.each([
    "",
    "{",
    "undefined",
    '{"$nope":1}',
    '{"$undefined":false}',
    '{"$number":"1"}',
    '{"$number":5}',
    '{"$bigint":"1.5"}',
    '{"$bigint":""}',
    '{"$bigint":"0x"}',
    '{"$bigint":5}',
    `{"$bigint":"${"9".repeat(50)}"}`,
    '{"$date":"2020"}',
    '{"$map":{}}',
    '{"$map":[[1]]}',
    '{"$map":["ab"]}',
    '{"$set":1}',
    '{"$regexp":["(",""]}',
    '{"$regexp":["a","gg"]}',
    '{"$regexp":"a"}',
    '{"$error":[]}',
    '{"$error":{"message":{}}}',
    '{"$bytes":["Uint8Array","A"]}',
    '{"$bytes":["Uint8Array","A*=="]}',
    '{"$bytes":["Uint8Array","===="]}',
    '{"$bytes":["Float64Array","AAAA"]}',
    '{"$bytes":["Function","AAAA"]}',
    '{"$bytes":["constructor","AAAA"]}',
    '{"$bytes":["__proto__","AAAA"]}',
  ])("%s is malformed", (text) => {
    expect(problemWith(text).code).toBe("VALUE_MALFORMED");
  });

  it("never throws anything but a ValueError, whatever the text", () => {
    const tag = fc.constantFrom(
      "$map",
      "$set",
      "$error",
      "$bytes",
      "$regexp",
      "$bigint",
      "$date",
      "$$map",
      "$number",
    );
    const node = fc.letrec<{ node: unknown }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.jsonValue(),
        fc.tuple(tag, tie("node")).map(([name, body]) => ({ [name]: body })),
        fc.array(tie("node"), { maxLength: 3 }),
      ),
    })).node;
    fc.assert(
      fc.property(node, (value) => {
        try {
          decode(JSON.stringify(value));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(ValueError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("cannot reach a prototype through any tag", () => {
    const text =
      '{"$map":[["__proto__",{"x":1}]],"__proto__":{"x":1},"e":{"$error":{"__proto__":{"x":1},"message":"m"}},' +
      '"$$__proto__":{"x":1},"k":{"$$proto":1}}';
    decode(text);
    decode('{"$$__proto__":{"x":1}}');
    expect(Reflect.has({}, "x")).toBe(false);
    expect(Reflect.has([], "x")).toBe(false);
    expect(Reflect.has(new Error(), "x")).toBe(false);
  });

  it("cannot hold the host with numbers whose hashes collide", () => {
    const numbers = collidingNumbers(60_000);
    // V8 alone takes seconds for each of these.
    const low64 = numbers.map((number) => (BigInt(number) << 64n) + 1n).slice(0, 25_000);
    expect(outcomeOf(`{"$set":[${numbers.join(",")}]}`)).toBe("VALUE_MALFORMED");
    expect(outcomeOf(`{"$map":[${numbers.map((number) => `[${number},0]`).join(",")}]}`)).toBe(
      "VALUE_MALFORMED",
    );
    expect(
      outcomeOf(
        encode(low64.map((key) => [key, 0]))
          .replace("[[", '{"$map":[[')
          .replace(/\]$/, "]}"),
      ),
    ).toBe("VALUE_MALFORMED");
  });

  it.each<[string, (index: number) => unknown]>([
    ["integers", (index) => index * 7],
    ["large steps", (index) => index * 65_536],
    ["negative numbers", (index) => -index],
    ["fractions", (index) => index / 3],
    ["times", (index) => 1.7e12 + index * 1000],
    ["BigInts", (index) => BigInt(index) ** 2n],
    ["texts of digits", (index) => String(index * 16_384)],
  ])("takes honest Sets and Maps of 50,000 keys: %s", (_, keyOf) => {
    const keys = Array.from({ length: 50_000 }, (_, index) => keyOf(index));
    expect(decode(encode(new Set(keys)))).toEqual(new Set(keys));
    expect((decode(encode(new Map(keys.map((key) => [key, 1])))) as Map<unknown, unknown>).size).toBe(50_000);
  });

  it("takes powers of two as keys, whose low bits are all the same", () => {
    const powers = new Set(Array.from({ length: 1000 }, (_, index) => 1n << BigInt(index)));
    expect(decode(encode(powers))).toStrictEqual(powers);
  });

  it("cannot hold the host with what is dear to build", () => {
    const many = (piece: string, count: number) => `[${Array<string>(count).fill(piece).join(",")}]`;
    expect(outcomeOf(many('{"$error":{}}', 50_000))).toBe("VALUE_MALFORMED");
    expect(outcomeOf(many('{"$regexp":["\\\\p{L}","u"]}', 1000))).toBe("VALUE_MALFORMED");
    expect(outcomeOf(many('{"$error":{}}', 1000))).toBe("decoded");
    expect(outcomeOf(many('{"$regexp":["a{1,3}","u"]}', 500))).toBe("decoded");
    expect(refusalOf(Array.from({ length: 1001 }, () => new Error("e"))).path).toBe("$[1000]");
    expect(refusalOf(Array.from({ length: 100 }, () => /\p{L}/u)).path).toBe("$[59]");
  });

  it("counts UTF-8 bytes, not characters", () => {
    const text = JSON.stringify("ééé");
    expect(decode(text, { maxBytes: 8 })).toBe("ééé");
    expect(problemWith(text, { maxBytes: 7 }).code).toBe("VALUE_TOO_LARGE");
  });
});
