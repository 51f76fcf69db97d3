// The guest's half of the codec in a real engine: bundled as the worker build bundles it, booted first, and then
// put through a guest that turns every built-in against it.
import { build } from "esbuild";
import fc from "fast-check";
import { getQuickJS, type QuickJSContext, type QuickJSWASMModule } from "quickjs-emscripten";
import { beforeAll, describe, expect, it } from "vitest";
import { decode, encode } from "#src/core/codec";
import { anyValue, isSame } from "../core/codec-values.ts";

const ENTRY = new URL("../../src/sandbox/guest/codec.ts", import.meta.url);
let engine: QuickJSWASMModule;
let source: string;

/** The guest's own helpers: what a bootstrap would keep for itself, kept where guest code cannot find it either. */
const BOOT = `
  const limits = { maxBytes: 1000000, maxDepth: codec.MAX_DEPTH };
  const { encodeForHost, decodeFromHost } = codec;
  delete globalThis.codec;
  return {
    send(value, maxBytes) {
      const sent = encodeForHost(value, maxBytes === undefined ? limits : { maxBytes, maxDepth: limits.maxDepth });
      return sent.ok ? sent.value : sent.failure + " at " + sent.path + ": " + sent.problem;
    },
    receive(text) {
      const got = decodeFromHost(text, limits);
      if (!got.ok) throw got.failure;
      return got.value;
    },
  };
`;

beforeAll(async () => {
  engine = await getQuickJS();
  const bundle = await build({
    entryPoints: [ENTRY.pathname],
    bundle: true,
    format: "iife",
    globalName: "codec",
    target: "es2023",
    write: false,
  });
  source = bundle.outputFiles[0]?.text ?? "";
});

/** A guest of its own; never disposed of, since an engine may abort over what a hostile guest left. */
class Guest {
  readonly #context: QuickJSContext;

  constructor(stackBytes = 384 * 1024) {
    const runtime = engine.newRuntime();
    runtime.setMaxStackSize(stackBytes);
    this.#context = runtime.newContext();
    this.#context.unwrapResult(this.#context.evalCode(source)).dispose();
    this.run(`const { send, receive } = (() => {${BOOT}})(); ""`);
  }

  /** Runs code whose value is a string. */
  run(code: string): string {
    const result = this.#context.evalCode(code);
    if (result.error !== undefined) throw new Error(JSON.stringify(this.#context.dump(result.error)));
    const text = this.#context.getString(result.value);
    result.value.dispose();
    return text;
  }

  give(name: string, text: string): void {
    const handle = this.#context.newString(text);
    this.#context.setProp(this.#context.global, name, handle);
    handle.dispose();
  }
}

/** What arrives on the host when a guest sends the value of an expression, after it did its worst. */
function sent(expression: string, before = ""): unknown {
  return decode(new Guest().run(`${before};\nsend(${expression})`));
}

function refused(expression: string, before = ""): string {
  return new Guest().run(`${before};\nsend(${expression})`);
}

const TAMPER = `{
  const { ownKeys } = Reflect, define = Object.defineProperty, text = String;
  const evil = (what) => ({
    __proto__: null,
    configurable: true,
    get() { throw "tampered: " + what; },
    set() { throw "tampered: " + what; },
  });
  const protos = [Object.prototype, Array.prototype, String.prototype, Map.prototype, Set.prototype, Error.prototype,
    RegExp.prototype, Date.prototype, Function.prototype, Number.prototype, BigInt.prototype, ArrayBuffer.prototype,
    Uint8Array.prototype, Object.getPrototypeOf(Uint8Array.prototype), DataView.prototype,
    Object.getPrototypeOf(new Map().entries()), Object.getPrototypeOf(new Set().values())];
  const names = ["JSON", "Object", "Array", "Map", "Set", "Reflect", "Symbol", "String", "RegExp", "Math", "Error",
    "TypeError", "Date", "BigInt", "Uint8Array", "ArrayBuffer", "DataView", "Proxy", "Promise", "Number"];
  const fields = ["0", "1", "2", "value", "done", "key", "part", "parent", "holder", "depth", "left", "failure", "path",
    "problem", "ok", "name", "message", "stack", "cause", "text", "size", "bytes", "enumerable", "get", "set",
    "writable", "configurable", "toJSON", "then", "maxBytes", "maxDepth", "patterns"];
  for (let i = 0; i < names.length; i++) globalThis[names[i]] = function () { throw "gone: " + names[i]; };
  for (let i = 0; i < protos.length; i++) {
    const keys = ownKeys(protos[i]);
    for (let k = 0; k < keys.length; k++) {
      if (keys[k] === "__proto__") continue;
      try { define(protos[i], keys[k], evil(text(keys[k]))); } catch {}
    }
  }
  for (let i = 0; i < fields.length; i++) define(protos[0], fields[i], evil(fields[i]));
}`;

describe("values between host and guest", () => {
  it("come back as they went, through the guest and out again", () => {
    const guest = new Guest();
    fc.assert(
      fc.property(anyValue, (value) => {
        guest.give("text", encode(value));
        return isSame(decode(guest.run("send(receive(text))")), value);
      }),
      { numRuns: 300 },
    );
  });

  it("are what they are inside the guest", () => {
    const value = {
      map: new Map([["a", new Set([1n])]]),
      date: new Date(0),
      bytes: new Uint16Array([513]),
      error: new RangeError("far", { cause: undefined }),
      pattern: /a(?<b>.)/g,
      odd: [undefined, NaN, -0, Infinity],
    };
    const guest = new Guest();
    guest.give("text", encode(value));
    const checks = guest.run(`
        const v = receive(text);
        [v.map instanceof Map && v.map.get("a") instanceof Set && v.map.get("a").has(1n), v.date.toISOString(),
          v.bytes instanceof Uint16Array && v.bytes[0], v.error instanceof RangeError && "cause" in v.error,
          "xaz".replace(v.pattern, "[$<b>]"), v.odd.length, Object.is(v.odd[2], -0), v.odd[1] !== v.odd[1]].join()`);
    expect(checks).toBe("true,1970-01-01T00:00:00.000Z,513,true,x[z],4,true,true");
  });

  it("keep a __proto__ key as a plain own property in the guest", () => {
    const text = '{"__proto__":{"polluted":1},"tag":{"$undefined":true}}';
    const guest = new Guest();
    guest.give("text", text);
    const seen = guest.run(
      `const v = receive(text); [Object.keys(v), Object.getPrototypeOf(v) === Object.prototype, v.polluted].join()`,
    );
    expect(seen).toBe("__proto__,tag,true,");
  });

  it("made in the guest arrive on the host", () => {
    const value = sent(
      `{ m: new Map([[1, [new Date(5)]]]), s: new Set("ab"), r: /x/y, b: new Float32Array([1.5]), e: new TypeError("no"),
        u: undefined, n: [NaN, -0, 10n ** 40n], c: new (class P { x = 1 })(), [Symbol("s")]: 1 }`,
    ) as Record<string, unknown>;
    expect(value).toMatchObject({
      m: new Map([[1, [new Date(5)]]]),
      s: new Set(["a", "b"]),
      r: /x/y,
      c: { x: 1 },
    });
    expect(value.b).toStrictEqual(new Float32Array([1.5]));
    expect(value.n).toStrictEqual([NaN, -0, 10n ** 40n]);
    expect(value.e).toBeInstanceOf(TypeError);
    expect(Object.keys(value)).toContain("u");
  });
});

describe("a guest that tampers", () => {
  it("with every built-in it can reach still sends what it holds", () => {
    const value = sent(
      "value",
      `const value = { list: [1, "two", { three: 3n }], map: new Map([[{ k: 1 }, new Set([true])]]), date: new Date(7),
        bytes: new Uint8Array([1, 2, 3, 4]), pattern: /a+/gi, nothing: undefined, odd: NaN, $map: 1, long: "x".repeat(100) };
      ${TAMPER}`,
    );
    expect(value).toStrictEqual({
      list: [1, "two", { three: 3n }],
      map: new Map([[{ k: 1 }, new Set([true])]]),
      date: new Date(7),
      bytes: new Uint8Array([1, 2, 3, 4]),
      pattern: /a+/gi,
      nothing: undefined,
      odd: NaN,
      $map: 1,
      long: "x".repeat(100),
    });
  });

  it("still receives what the host sends", () => {
    const value = {
      list: [1, { deep: new Map([["a", new Set([1n])]]) }],
      error: new TypeError("t"),
      $map: [undefined],
    };
    const guest = new Guest();
    guest.give("text", encode(value));
    const back = guest.run(`${TAMPER}; send(receive(text))`);
    expect(isSame(decode(back), value)).toBe(true);
  });

  it("is still refused with a path", () => {
    expect(refused("{ a: [{ b: () => 1 }] }", TAMPER)).toContain("unsupported at $.a[0].b: it is a function");
    expect(refused("circle", `const circle = { a: {} }; circle.a.b = circle; ${TAMPER}`)).toContain(
      "at $.a.b: it is the same object as $, a cycle",
    );
  });

  it.each([
    ["toJSON on everything", "Object.prototype.toJSON = () => 'forged'", "{ a: [1] }", { a: [1] }],
    ["toJSON on strings", "String.prototype.toJSON = () => 'forged'", "['x']", ["x"]],
    ["JSON.stringify", "JSON.stringify = () => 'forged'", "['x']", ["x"]],
    ["array iteration", "Array.prototype[Symbol.iterator] = function* () { yield 9 }", "[1, 2]", [1, 2]],
    [
      "Map.prototype.forEach",
      "Map.prototype.forEach = Map.prototype.entries = () => []",
      "new Map([[1, 2]])",
      new Map([[1, 2]]),
    ],
    [
      "the iterator of maps",
      "Object.getPrototypeOf(new Map().entries()).next = () => ({ done: true })",
      "new Map([[1, 2]])",
      new Map([[1, 2]]),
    ],
    ["Object.keys", "Object.keys = () => ['forged']", "{ a: 1 }", { a: 1 }],
    [
      "Function.prototype.call",
      "Function.prototype.call = Function.prototype.bind = Function.prototype.apply = () => 1",
      "{ a: new Date(1) }",
      { a: new Date(1) },
    ],
    [
      "the flags of patterns",
      "Object.defineProperty(RegExp.prototype, 'global', { get: () => true })",
      "/x/i",
      /x/i,
    ],
    ["exec of patterns", "RegExp.prototype.exec = () => ({})", "{ 'a b': 1 }", { "a b": 1 }],
    [
      "Symbol.toStringTag",
      "Object.defineProperty(Object.prototype, Symbol.toStringTag, { value: 'Map' })",
      "{ a: 1 }",
      { a: 1 },
    ],
    [
      "instanceof",
      "Object.defineProperty(Map, Symbol.hasInstance, { value: () => true })",
      "{ a: 1 }",
      { a: 1 },
    ],
    [
      "a class's species",
      "Object.defineProperty(Uint8Array, Symbol.species, { value: Array })",
      "new Uint8Array([1])",
      new Uint8Array([1]),
    ],
  ])("by overriding %s changes nothing", (_, before, expression, value) => {
    expect(sent(expression, before)).toStrictEqual(value);
  });
});

describe("hostile values of a guest", () => {
  it.each([
    [
      "a getter that throws",
      "{ a: { get b() { throw new Error('mine') } } }",
      'unsupported at $.a.b: reading it threw "mine"',
    ],
    [
      "a getter that throws an odd thing",
      "{ get b() { throw { get message() { throw 1 } } } }",
      "something that is no error",
    ],
    [
      "a revoked proxy",
      "(() => { const r = Proxy.revocable([], {}); r.revoke(); return { a: r.proxy } })()",
      "unsupported at $.a: it is a proxy",
    ],
    ["a proxy whose traps throw", "new Proxy({}, { ownKeys() { throw 'no' } })", 'it is a proxy ("no")'],
    [
      "a proxy without a prototype",
      "new Proxy({}, { getPrototypeOf() { throw 1 } })",
      "it is a proxy or a forged object",
    ],
    ["a proxy that pretends to be a Map", "new Proxy(new Map(), {})", "no real Map"],
    ["a forged Set", "Object.create(Set.prototype)", "no real Set"],
    ["a forged RegExp", "({ __proto__: RegExp.prototype })", "no real RegExp"],
    [
      "an array proxy of odd length",
      "new Proxy([], { get: (t, k) => k === 'length' ? {} : 1 })",
      "a proxy of an array",
    ],
    [
      "an array proxy of endless length",
      "new Proxy([], { get: (t, k) => k === 'length' ? Infinity : 1 })",
      "too-large",
    ],
    ["an array of four billion holes", "new Array(4294967295)", "too-large at $"],
    [
      "an object that gets deeper as it is read",
      "(function f() { return { get next() { return f() } } })()",
      "deeper than 256 levels",
    ],
    [
      "a proxy that is its own child, anew each time",
      "(function f() { return new Proxy({}, { ownKeys: () => ['a'], getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }), get: () => f() }) })()",
      "deeper than 256 levels",
    ],
    [
      "a map that grows as it is read",
      "(() => { const m = new Map(); const grow = () => m.set({}, { get a() { grow(); return 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' } }); grow(); return m })()",
      "too-large",
    ],
    [
      "shared parts without end",
      "(() => { let r = [1]; for (let i = 0; i < 60; i++) r = [r, r]; return r })()",
      "too-large",
    ],
    ["a string past the limit", "'x'.repeat(1000001)", "too-large at $"],
    ["a promise", "{ p: Promise.resolve(1) }", "unsupported at $.p: it is a Promise; await it first"],
    ["a thenable", "{ then(resolve) { resolve(1) } }", "unsupported at $.then: it is a function"],
    ["a generator", "(function* () {})()", "without enumerable properties"],
    [
      "a class with a hostile name",
      "new (class { static get name() { throw 1 } })()",
      "an object of its own class",
    ],
    ["a symbol", "[[Symbol('x')]]", "unsupported at $[0][0]: it is a symbol"],
    [
      "patterns past their bound",
      "[new RegExp('a'.repeat(3000)), new RegExp('b'.repeat(3000))]",
      "unsupported at $[1]",
    ],
    [
      "an error whose message throws",
      "Object.defineProperty(new Error('x'), 'message', { get() { throw 5 } })",
      "unsupported at $.message",
    ],
  ])("%s is a failure with a path", (_, expression, problem) => {
    expect(refused(expression)).toContain(problem);
  });

  it("an error's forged fields cross as what they are or not at all", () => {
    const error = sent(
      "Object.assign(new Error('m'), { name: '__proto__', stack: { toString() { return 'x' } } })",
    ) as Error;
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe("__proto__");
    expect(error.stack).toBe("__proto__: m");
  });

  it("values that change between two reads are read once", () => {
    expect(
      sent("(() => { let n = 0; return { get a() { return ++n === 1 ? 'once' : () => 1 } } })()"),
    ).toEqual({ a: "once" });
  });

  it("a full stack is a failure, not a crash", () => {
    const text = new Guest(64 * 1024).run(`
        let answer = "";
        const value = []; let at = value;
        for (let i = 0; i < 250; i++) { at.push([]); at = at[0]; }
        (function dig() { try { dig(); } catch {} if (answer === "") answer = send(value); })();
        answer`);
    expect(text).toContain("the stack is full");
  });

  it("a __proto__ key of the guest touches no prototype of the host", () => {
    const value = sent(`JSON.parse('{"__proto__":{"polluted":1},"a":1}')`) as object;
    expect(Object.keys(value)).toEqual(["__proto__", "a"]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Reflect.has({}, "polluted")).toBe(false);
  });
});
