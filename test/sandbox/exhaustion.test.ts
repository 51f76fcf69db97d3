// Codes that would never end or never stop growing: each is stopped from inside, and its neighbours go on.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { LocalSandbox } from "#src/sandbox/sandbox";
import { defineTool } from "#src/core/tool";
import { errorOf, valueOf } from "./outcome.ts";
import { openSandbox } from "./place.ts";

let sandbox: LocalSandbox;
beforeAll(() => {
  sandbox = openSandbox({ isolates: 2 });
});
afterAll(() => sandbox.close());

const TIME = 100;

/** Everything that goes on for ever, or for so long that it comes to the same. */
const ENDLESS: Readonly<Record<string, string>> = {
  "a bare loop": "for (;;);",
  "a loop that catches all": "for (;;) { try { for (;;); } catch {} }",
  "a loop in finally": "try { for (;;); } finally { for (;;); }",
  "an async loop that catches all": "for (;;) { try { await null; for (;;); } catch {} }",
  "an async function that catches and calls itself":
    "async function f() { try { for (;;); } catch { return f(); } } await f();",
  "a branching recursion": "function f(n) { return n === 0 ? 0 : f(n - 1) + f(n - 1); } f(60);",
  "promises without end": "const f = () => Promise.resolve().then(f); await f();",
  "a generator without end": "function* g() { for (;;) yield 1; } for (const x of g());",
  indexOf: "Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1);",
  lastIndexOf: "Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1);",
  includes: "Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1);",
  reverse: "Array.prototype.reverse.call({ length: 2 ** 53 - 1 });",
  fill: "const o = { length: 2 ** 53 - 1, set 0(v) {} }; Array.prototype.fill.call(new Proxy(o, { set: () => true }), 0);",
  unshift: "Array.prototype.unshift.call({ length: 2 ** 52 }, 0);",
  splice: "Array.prototype.splice.call({ length: 2 ** 53 - 1 }, 0, 1);",
  copyWithin: "Array.prototype.copyWithin.call({ length: 2 ** 53 - 1 }, 0, 1);",
  join: "Array.prototype.join.call({ length: 2 ** 32 - 2 }, '');",
  every: "Array.prototype.every.call({ length: 2 ** 53 - 1 }, () => true);",
  "sort by length": "Array.prototype.sort.call({ length: 2 ** 53 - 1 });",
  "sort of strings":
    "const a = Array.from({ length: 60000 }, (_, i) => (i % 7) + 'x'.repeat(300)); for (;;) a.sort();",
  "String.indexOf": "'a'.repeat(1e7).indexOf('a'.repeat(5e6) + 'b');",
  replaceAll: "'a'.repeat(8e6).replaceAll('a'.repeat(4e6) + 'b', 'x');",
  split: "const s = 'a,'.repeat(1e6); for (;;) s.split(',');",
  "string repetition": "for (;;) 'ab'.repeat(1e7);",
  "rope comparison":
    "let a = '', b = ''; for (let i = 0; i < 3e5; i++) { a += 'ab'; b += 'ab'; } for (;;) a === b;",
  localeCompare: "const s = 'a'.repeat(1e6); for (;;) s.localeCompare(s);",
  normalize: "('a' + '\\u0323\\u0307'.repeat(1e6)).normalize('NFC');",
  encodeURIComponent: "const s = '\\u00e9'.repeat(1e6); for (;;) encodeURIComponent(s);",
  "BigInt power": "3n ** 5000000n;",
  "BigInt to text": "const n = 3n ** 500000n; for (;;) n.toString();",
  "BigInt from text": "const s = '9'.repeat(300000); for (;;) BigInt(s);",
  "JSON.parse": "const s = '[' + '1,'.repeat(1e6) + '1]'; for (;;) JSON.parse(s);",
  "JSON.stringify": "const a = new Array(1e5).fill({ a: 1 }); for (;;) JSON.stringify(a);",
  "JSON.stringify of shared parts":
    "let a = {}; for (let i = 0; i < 40; i++) a = { a, b: a }; JSON.stringify(a);",
  "text of nested arrays": "let a = [1]; for (let i = 0; i < 40; i++) a = [a, a]; String(a);",
  "regular expression search": "/^(a+)+$/.test('a'.repeat(40) + 'b');",
  "regular expression compilation": "for (;;) new RegExp('[a-z]'.repeat(20000));",
  "property escapes": "for (;;) new RegExp('\\\\p{L}'.repeat(1000), 'u');",
  apply: "const a = { length: 65000 }; const f = () => 1; for (;;) f.apply(null, a);",
  "object spread": "const o = {}; for (let i = 0; i < 20000; i++) o['k' + i] = i; for (;;) ({ ...o });",
  "array spread": "const a = new Array(1e5).fill(0); for (;;) [...a];",
  concat: "const a = new Array(1e6).fill(0); for (;;) [].concat(a);",
  "typed array fill": "const u = new Uint8Array(30e6); for (;;) u.fill(1);",
  "typed array copy": "const u = new Uint8Array(20e6), v = new Uint8Array(20e6); for (;;) u.set(v);",
  "typed array move": "const u = new Uint8Array(30e6); for (;;) u.copyWithin(1, 0);",
  "typed array sort": "const u = new Float64Array(1e6).map((_, i) => -i); for (;;) u.sort(() => 0);",
  eval: "for (;;) eval('1 + 1');",
  Function: "for (;;) new Function('return 1')();",
  "prototype chain": "let o = {}; for (let i = 0; i < 1e5; i++) o = Object.create(o); for (;;) o.x;",
  "a getter of the result": "result = { get x() { for (;;); } };",
  "a proxy as result": "result = new Proxy({}, { ownKeys() { for (;;); } });",
  "a thenable as result": "result = { then() { for (;;); } };",
  "a result of shared parts": "let a = {}; for (let i = 0; i < 40; i++) a = { a, b: a }; result = a;",
  "a getter of a thrown error": "throw { get message() { for (;;); } };",
  "a proxy on the console": "console.log(new Proxy({}, { ownKeys() { for (;;); } }));",
  "a tool input's getter": "await tools.echo({ get x() { for (;;); } });",
  "a timer's callback": "setTimeout(() => { for (;;); }, 1); await new Promise(() => {});",
  "code after a tool call": "await tools.echo(1); for (;;);",
  "a then that a tool's value meets":
    "Object.prototype.then = function () { for (;;); }; await tools.echo({ a: 1 });",
};

describe("a guest that computes without end", () => {
  const echo = defineTool({ description: "Gives back.", input: z.unknown(), execute: (input) => input });
  it.concurrent.each(Object.entries(ENDLESS))("is stopped in %s", async (_, code) => {
    const limits = { cpuMs: TIME, timeoutMs: 20_000, resultBytes: 256 * 1024 * 1024 };
    const result = await sandbox.execute(code, { limits, tools: { echo } });
    expect(errorOf(result)).toMatchObject({ name: "LimitError", failure: "limit", limit: "cpuMs" });
    expect(errorOf(result).message).toContain(`limits.cpuMs is ${TIME} ms`);
  });

  it("takes no isolate with it", () => {
    const { isolates, waiting, kills } = sandbox.stats();
    expect({ isolates, waiting }).toEqual({ isolates: 2, waiting: 0 });
    // Each would have cost one if the engine did not stop them; a starved machine may cost one or two.
    expect(kills).toBeLessThan(3);
  });

  it("does not harm a neighbour that waits in the same isolate", async () => {
    const alone = openSandbox({ isolates: 1 });
    let open = (): void => undefined;
    const gate = new Promise<string>((resolve) => (open = () => resolve("through")));
    let called = (): void => undefined;
    const waiting = new Promise<void>((resolve) => (called = resolve));
    const wait = defineTool({
      description: "Waits.",
      input: z.unknown(),
      execute: () => {
        called();
        return gate;
      },
    });
    const neighbour = alone.execute("const mine = [1, 2, 3]; result = [await tools.wait(), mine]", {
      tools: { wait },
    });
    await waiting;
    const codes = [
      "for (;;);",
      "const a = []; for (;;) a.push(new Array(1000).fill(1));",
      "(function f() { f(); })();",
    ];
    for (const code of codes) {
      expect(errorOf(await alone.execute(code, { limits: { cpuMs: 300 } })).failure).toBe("limit");
    }
    open();
    expect(valueOf(await neighbour)).toEqual(["through", [1, 2, 3]]);
    expect(alone.stats().kills).toBe(0);
    await alone.close();
  });
});

/** Everything that grows until there is no more. */
const GROWING: Readonly<Record<string, string>> = {
  arrays: "const a = []; for (;;) a.push(new Array(1000).fill(1));",
  "kept strings": "const a = []; for (;;) a.push('x'.repeat(1e5) + a.length);",
  buffers: "const a = []; for (;;) a.push(new ArrayBuffer(1e6));",
  maps: "const m = new Map(); for (let i = 0; ; i++) m.set(i, { i });",
  closures: "let f = () => 0; for (;;) { const g = f; f = () => g(); }",
  "symbols that stay": "const a = []; for (let i = 0; ; i++) a.push(Symbol.for('k' + i));",
  "promises that wait": "const a = []; for (;;) a.push(new Promise(() => {}));",
  timers: "for (;;) setTimeout(() => {}, 1e6);",
  "one huge buffer": "result = new Uint8Array(1e9).length;",
  "one huge string": "result = 'x'.repeat(5e8).length;",
};

describe("a guest that grows without end", () => {
  it.concurrent.each(Object.entries(GROWING))("is stopped by its own memory: %s", async (_, code) => {
    const limits = { memoryBytes: 16 * 1024 * 1024, cpuMs: 10_000 };
    const result = await sandbox.execute(code, { limits });
    expect(errorOf(result)).toMatchObject({ failure: "limit", limit: "memoryBytes" });
    expect(errorOf(result).message).toContain("limits.memoryBytes is 16777216 bytes");
    expect(result.usage.memoryBytes).toBeLessThanOrEqual(limits.memoryBytes);
  });

  it("fails even where the code catches what it is told and throws something else", async () => {
    const code = "const a = []; try { for (;;) a.push(new Array(1000).fill(1)); } catch { throw null; }";
    const result = await sandbox.execute(code, { limits: { memoryBytes: 16 * 1024 * 1024 } });
    expect(errorOf(result)).toMatchObject({ limit: "memoryBytes" });
  });

  it("may go on where it catches the error and lets go of what it held", async () => {
    const code =
      "let a = []; try { for (;;) a.push(new Array(1000).fill(1)); } catch (e) { a = null; result = e.name; }";
    const result = await sandbox.execute(code, { limits: { memoryBytes: 16 * 1024 * 1024 } });
    expect(valueOf(result)).toBe("InternalError");
  });
});

/** Everything that nests until the stack is full. */
const DEEP: Readonly<Record<string, string>> = {
  calls: "(function f() { f(); })();",
  constructors: "class A { constructor() { new A(); } } new A();",
  getters: "const o = { get x() { return this.x; } }; o.x;",
  "conversions to text": "const o = { toString() { return '' + o; } }; '' + o;",
  "callbacks of built-ins": "const f = () => [2, 1].sort(f); f();",
  "code in text": "const f = (n) => eval('f(n + 1)'); f(0);",
};

describe("a guest that nests without end", () => {
  it.concurrent.each(Object.entries(DEEP))("is stopped by its stack: %s", async (_, code) => {
    expect(errorOf(await sandbox.execute(code))).toMatchObject({ failure: "limit", limit: "stackBytes" });
  });

  it("is believed only where the engine itself saw a full stack", async () => {
    const forged = "const e = new InternalError('stack overflow'); throw e;";
    expect(errorOf(await sandbox.execute(forged))).toMatchObject({
      failure: "runtime",
      name: "InternalError",
    });
    const outOfMemory = "throw new InternalError('out of memory')";
    expect(errorOf(await sandbox.execute(outOfMemory))).toMatchObject({ failure: "runtime" });
  });
});

describe("honest heavy work", () => {
  it("gives its answer", async () => {
    const sieve =
      "const n = 200000, s = new Uint8Array(n + 1); let c = 0; for (let i = 2; i <= n; i++) { " +
      "if (s[i]) { continue; } c++; for (let j = i * 2; j <= n; j += i) s[j] = 1; } result = c;";
    expect(valueOf(await sandbox.execute(sieve))).toBe(17_984);
    const sort =
      "const a = Array.from({ length: 1e5 }, (_, i) => (i * 7919) % 100003); a.sort((x, y) => x - y); result = a[5];";
    expect(valueOf(await sandbox.execute(sort))).toBe(5);
    const factorial = "let f = 1n; for (let i = 1n; i <= 500n; i++) f *= i; result = String(f).length;";
    expect(valueOf(await sandbox.execute(factorial))).toBe(1135);
    const json =
      "const rows = Array.from({ length: 20000 }, (_, id) => ({ id, name: 'n' + id })); result = JSON.parse(JSON.stringify(rows)).length;";
    expect(valueOf(await sandbox.execute(json))).toBe(20_000);
  });
});
