// Ways out of a sandbox that others have published: each must find nothing but its own world.
import type { Entry } from "./entry.ts";

/** Names that only a host has. */
const HOST_NAMES = `["process", "require", "module", "Deno", "Bun", "global", "window", "self", "fetch", "WebAssembly",
  "XMLHttpRequest", "Worker", "postMessage", "parentPort", "navigator", "Buffer", "importScripts", "SharedArrayBuffer",
  "Atomics", "__dirname", "std", "os", "scriptArgs", "print", "tell", "codec", "makeWorld", "bjson"]`;

export const escapes: readonly Entry[] = [
  {
    name: "looks for the host's names",
    code: `result = ${HOST_NAMES}.filter((name) => name in globalThis && name !== "Atomics" && name !== "SharedArrayBuffer")`,
    expect: { value: [] },
  },
  {
    name: "looks for them through Function, which makes code of this same world",
    code: `const make = [].constructor.constructor;
      result = ${HOST_NAMES}.filter((name) => make("return typeof " + name)() !== "undefined" && name !== "Atomics" && name !== "SharedArrayBuffer")`,
    expect: { value: [] },
  },
  {
    name: "calls the constructor of constructors of every kind of function",
    code: `const kinds = [function () {}, async function () {}, function* () {}, async function* () {}, () => {}, class {}];
      result = [];
      for (const kind of kinds) {
        let made;
        try { made = kind.constructor("return typeof process + typeof Deno")(); } catch (error) { made = error.name; }
        made = made && typeof made.next === "function" ? (await made.next()).value : await made;
        result.push(made);
      }`,
    expect: { value: Array(6).fill("undefinedundefined") },
  },
  {
    name: "climbs from the context to the host",
    code: `result = context.rows.constructor.constructor("return typeof process")() +
      context.when.constructor.constructor("return this === globalThis")()`,
    context: { rows: [1], when: new Date(0) },
    expect: { value: "undefinedtrue" },
  },
  {
    name: "climbs from a tool to the host",
    code: `const make = tools.echo.constructor; result = make("return typeof process")() + typeof tools.echo.caller`,
    expect: { failure: "runtime" },
  },
  {
    name: "climbs from a tool's promise and its value",
    code: `const promise = tools.echo({ a: 1 }); const value = await promise;
      result = [promise.constructor === Promise, value.constructor === Object, promise.constructor.constructor("return typeof process")()]`,
    expect: { value: [true, true, "undefined"] },
  },
  {
    name: "climbs from a tool's error",
    code: `try { await tools.fail({}) } catch (error) {
      result = [error instanceof Error, error.constructor.constructor("return typeof process")(), /\\/|node:|worker|execute/.test(String(error.stack ?? ""))] }`,
    expect: { value: [true, "undefined", false] },
  },
  {
    name: "imports by name",
    code: `const make = Function; result = await make("return import('node:fs')")().then(() => "in", (error) => "out")`,
    expect: { value: "out" },
  },
  {
    name: "imports by eval",
    code: `result = await eval("import('os')").then(() => "in", () => "out")`,
    expect: { value: "out" },
  },
  {
    name: "imports from code of its own making, with data and file addresses",
    code: `result = [];
      for (const from of ["data:text/javascript,export default 1", "file:///etc/passwd", "/etc/passwd", "https://example.org/x.js", "npm:chalk"]) {
        result.push(await new Function("from", "return import(from)")(from).then(() => "in", () => "out"));
      }`,
    expect: { value: ["out", "out", "out", "out", "out"] },
  },
  {
    name: "evaluates in its own world, with this as its own global",
    code: `result = [eval("1 + 1"), (0, eval)("this") === globalThis, (function () { return this })() === globalThis]`,
    expect: { value: [2, true, true] },
  },
  {
    name: "walks up its callers",
    code: `function me() { return [me.caller, (function () { return arguments.callee.caller })()] }
      try { result = me().map((caller) => String(caller)).join() } catch (error) { result = error.name }`,
    expect: { value: "undefined,undefined" },
  },
  {
    name: "reads frames through Error.prepareStackTrace",
    code: `const seen = [];
      Error.prepareStackTrace = (error, frames) => { seen.push(...[].concat(frames)); return frames };
      try { null.x } catch (error) { void error.stack }
      try { await tools.fail({}) } catch (error) { void error.stack }
      result = seen.filter((frame) => frame && typeof frame.getThis === "function" && frame.getThis() !== undefined && frame.getThis() !== globalThis).length`,
    expect: { value: 0 },
  },
  {
    name: "asks for a deep stack to reach the host's frames",
    code: `Error.stackTraceLimit = Infinity; Error.captureStackTrace?.(globalThis);
      const stack = String(new Error("x").stack); result = /node:|\\/dist\\/|worker|isolate|deno/i.test(stack)`,
    expect: { value: false },
  },
  {
    name: "pollutes every prototype and hopes the host shares one",
    code: `for (const proto of [Object, Array, Function, String, Number, Boolean, Date, RegExp, Promise, Map, Set, Error].map((one) => one.prototype)) {
        proto.polluted = "yes"; try { proto.then = (resolve) => resolve("taken") } catch {}
      }
      result = { own: 1 }`,
    expect: { value: "taken" },
  },
  {
    name: "overrides what a bootstrap would use",
    code: `JSON.stringify = JSON.parse = Object.keys = Array.isArray = Reflect.apply = Object.defineProperty = () => { throw new Error("mine") };
      Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => "mine";
      Array.prototype.push = Array.prototype[Symbol.iterator] = Map.prototype.get = WeakMap.prototype.get = () => "mine";
      Symbol.iterator; Promise.prototype.then = () => "mine"; Promise.resolve = () => "mine"; globalThis.Promise = null;
      result = { list: [1, { two: 2 }], text: "three" }`,
    expect: { value: { list: [1, { two: 2 }], text: "three" } },
  },
  {
    name: "overrides what templates are made with",
    code: `String.prototype.concat = function () { return { toString() { return "mine" }, toJSON() { return { forged: true } } } };
      console.log([1, { a: 1 }], 5n, new Map([[1, 2]])); result = { a: "text" }`,
    expect: { value: { a: "text" } },
  },
  {
    name: "overrides what templates are made with, and fails",
    code: `String.prototype.concat = () => '{"kind":"thrown","name":"Forged","message":"forged","stack":"","limit":"cpuMs"}';
      throw new RangeError("true story")`,
    expect: { failure: "runtime", message: /true story/ },
  },
  {
    name: "overrides what templates are made with, and fails with no text at all",
    code: `String.prototype.concat = () => ({}); throw new RangeError("true story")`,
    expect: { failure: "runtime", message: /true story/ },
  },
  {
    name: "overrides what templates are made with, and returns what cannot be carried",
    code: `String.prototype.concat = () => '"'; result = { a: [() => 1] }`,
    expect: { failure: "unencodable", message: /result\.a\[0\].*function/ },
  },
  {
    name: "takes over the promise of its own code",
    code: `const then = Promise.prototype.then;
      Promise.prototype.then = function (...args) { return then.call(this, () => "taken", () => "taken") };
      result = await (async () => "mine")()`,
    expect: { value: "mine" },
  },
  {
    name: "makes its global object a trap",
    code: `try { Object.setPrototypeOf(globalThis, new Proxy({}, { get() { throw new Error("trap") }, has() { return true } })) } catch {}
      var result = "still here"`,
    expect: { value: "still here" },
  },
  {
    name: "freezes everything it can reach",
    code: `for (const name of Object.getOwnPropertyNames(globalThis)) {
        try { Object.freeze(globalThis[name]); Object.freeze(globalThis[name].prototype) } catch {}
      }
      result = [await tools.echo({ a: 1 }), new Map([[1, 2]])]`,
    expect: { value: [{ a: 1 }, new Map([[1, 2]])] },
  },
  {
    name: "deletes everything it can reach",
    code: `const echo = tools.echo;
      for (const name of Object.getOwnPropertyNames(globalThis)) { try { delete globalThis[name] } catch {} }
      const value = await echo({ a: [1] });
      var result = value`,
    expect: { value: { a: [1] } },
  },
  {
    name: "closes the function around it",
    code: `}); globalThis.outside = true; (async function () {`,
    expect: { failure: "syntax" },
  },
  {
    name: "closes the function around it from a comment of old",
    code: `result = 1\n<!-- }); globalThis.outside = true; (async function () {`,
    expect: { failure: "syntax" },
  },
  {
    name: "forges a limit in an error",
    code: `const error = new Error("limits.cpuMs was hit"); error.name = "LimitError"; error.limit = "cpuMs"; throw error`,
    expect: { failure: "runtime", message: /limits\.cpuMs was hit/ },
  },
  {
    name: "forges the engine's own out of memory",
    code: `const error = new Error("out of memory"); error.name = "InternalError"; throw error`,
    expect: { failure: "runtime" },
  },
  {
    name: "forges the engine's own full stack",
    code: `const error = new Error("stack overflow"); error.name = "InternalError"; throw error`,
    expect: { failure: "runtime" },
  },
  {
    name: "throws null, as the engine does where it has no memory for an error",
    code: "throw null",
    expect: { failure: "runtime" },
  },
  {
    name: "rejects with a promise, a proxy and a function",
    code: `throw new Proxy(function () {}, { get() { throw new Error("trap") }, getPrototypeOf() { throw 1 } })`,
    expect: { failure: "runtime" },
  },
  {
    name: "throws an error whose every part is a trap",
    code: `class Trap extends Error {
        get name() { throw new Error("name") } get message() { throw new Error("message") } get stack() { throw new Error("stack") }
        get [Symbol.toStringTag]() { throw new Error("tag") } toString() { throw new Error("toString") } [Symbol.toPrimitive]() { throw 1 }
      }
      const trap = new Trap("x");
      for (const part of ["message", "stack"]) Object.defineProperty(trap, part, { get() { throw new Error(part) } });
      throw trap`,
    expect: { failure: "runtime" },
  },
  {
    name: "throws an error whose parts are not text",
    code: `throw Object.assign(new Error(), { name: { toString() { return "n" } }, message: 5n, stack: Symbol("s") })`,
    expect: { failure: "runtime" },
  },
  {
    name: "throws an error with megabytes of text",
    code: `const error = new Error("m".repeat(4e6)); error.name = "n".repeat(4e6); error.stack = "s\\n".repeat(2e6); throw error`,
    expect: { failure: "runtime" },
  },
];
