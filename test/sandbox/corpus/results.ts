// Results, tool inputs and console arguments of hostile shape.
import { type Entry, SHORT } from "./entry.ts";

const UNENCODABLE = (message: RegExp): Entry["expect"] => ({ failure: "unencodable", message });

export const results: readonly Entry[] = [
  { name: "a function", code: "result = { a: [() => 1] }", expect: UNENCODABLE(/result\.a\[0\].*function/) },
  { name: "a symbol", code: "result = Symbol('x')", expect: UNENCODABLE(/symbol/) },
  {
    name: "a cycle",
    code: "result = { a: {} }; result.a.b = result",
    expect: UNENCODABLE(/result\.a\.b.*cycle/),
  },
  {
    name: "a promise inside",
    code: "result = { p: Promise.resolve(1) }",
    expect: UNENCODABLE(/result\.p.*await/),
  },
  {
    name: "a promise itself, which the async function waits for",
    code: "const result = Promise.resolve(5)",
    expect: { value: 5 },
  },
  { name: "a WeakMap", code: "result = new WeakMap()", expect: UNENCODABLE(/result/) },
  {
    name: "a thenable, which runs inside only",
    code: "result = { then(resolve) { resolve({ own: typeof process }) } }",
    expect: { value: { own: "undefined" } },
  },
  { name: "a thenable that never resolves", code: "result = { then() {} }", expect: { failure: "deadlock" } },
  {
    name: "a thenable that throws",
    code: "result = { then() { throw new Error('thrown by then') } }",
    expect: { failure: "runtime", message: /thrown by then/ },
  },
  {
    name: "a thenable without end",
    code: "const chain = () => ({ then(resolve) { resolve(chain()) } }); result = chain()",
    limits: SHORT,
    expect: { failure: "limit", limit: ["cpuMs", "memoryBytes"] },
  },
  {
    name: "a getter that throws",
    code: "result = { get a() { throw new Error('mine') } }",
    expect: UNENCODABLE(/result\.a.*mine/),
  },
  {
    name: "a getter that never ends",
    code: "result = { get a() { for (;;) {} } }",
    limits: SHORT,
    expect: { failure: "limit", limit: "cpuMs" },
  },
  {
    name: "a getter that pollutes while it is read",
    code: "result = { get a() { Object.prototype.polluted = 1; Array.prototype.push = null; return [1] }, b: { c: 2 } }",
    expect: { value: { a: [1], b: { c: 2 } } },
  },
  {
    name: "a getter that calls a tool",
    code: "result = { get a() { tools.echo({}); return 1 } }",
    expect: { value: { a: 1 } },
  },
  {
    name: "a toJSON",
    code: "result = { a: 1, toJSON() { return 'forged' } }",
    expect: UNENCODABLE(/result\.toJSON.*function/),
  },
  {
    name: "a toJSON on every prototype",
    code: "Object.prototype.toJSON = String.prototype.toJSON = () => 'forged'; result = { a: 'b' }",
    expect: { value: { a: "b" } },
  },
  {
    name: "a proxy without end",
    code: "const p = () => new Proxy({}, { ownKeys: () => ['a'], getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }), get: () => p() }); result = { p: p() }",
    expect: UNENCODABLE(/levels/),
  },
  {
    name: "a revoked proxy",
    code: "const r = Proxy.revocable({}, {}); r.revoke(); const result = [r.proxy]",
    expect: UNENCODABLE(/result\[0\].*proxy/),
  },
  {
    name: "a revoked proxy itself",
    code: "const r = Proxy.revocable({}, {}); r.revoke(); const result = r.proxy",
    expect: { failure: "runtime" },
  },
  {
    name: "a proxy of a Map",
    code: "result = [new Proxy(new Map([[1, 2]]), {})]",
    expect: UNENCODABLE(/no real Map/),
  },
  {
    name: "an object that changes between reads",
    code: "let n = 0; result = { get a() { return n++ === 0 ? 1 : () => 1 }, get b() { return n } }",
    expect: { value: { a: 1, b: 1 } },
  },
  {
    name: "an array that grows as it is read",
    code: "const list = [1]; Object.defineProperty(list, 0, { get() { list.push(2); return 1 }, enumerable: true, configurable: true }); result = list",
    expect: { value: [1] },
  },
  {
    name: "an array that shrinks as it is read",
    code: "const list = [1, 2, 3]; Object.defineProperty(list, 0, { get() { list.length = 1; return 1 }, enumerable: true, configurable: true }); result = list",
    expect: { value: [1, undefined, undefined] },
  },
  {
    name: "a result nested a thousand deep",
    code: "result = 1; for (let i = 0; i < 1000; i++) result = [result]",
    expect: UNENCODABLE(/levels/),
  },
  {
    name: "a result nested a hundred thousand deep",
    code: "let deep = 1; for (let i = 0; i < 1e5; i++) deep = { a: deep }; result = deep",
    expect: UNENCODABLE(/levels/),
  },
  {
    name: "a result past its limit",
    code: "result = 'x'.repeat(2 * 1024 * 1024)",
    expect: { failure: "limit", limit: "resultBytes" },
  },
  {
    name: "a result past its limit in bytes, not characters",
    code: "result = '\\u20ac'.repeat(400 * 1024)",
    expect: { failure: "limit", limit: "resultBytes" },
  },
  {
    name: "shared parts that would fill the world",
    code: "let all = [1]; for (let i = 0; i < 60; i++) all = [all, all]; result = all",
    expect: { failure: "limit", limit: ["resultBytes", "cpuMs"] },
  },
  {
    name: "an array of four billion holes",
    code: "result = new Array(4294967295)",
    expect: { failure: "limit", limit: "resultBytes" },
  },
  {
    name: "a __proto__ key",
    code: `result = JSON.parse('{"__proto__": {"polluted": 1}, "a": 1}').a`,
    expect: { value: 1 },
  },
  {
    name: "a Map with hostile keys",
    code: "result = new Map([['__proto__', 1], ['constructor', 2], [{}, 3]])",
    expect: {
      value: new Map<unknown, unknown>([
        ["__proto__", 1],
        ["constructor", 2],
        [{}, 3],
      ]),
    },
  },
  {
    name: "data that looks like a tag",
    code: "result = [{ $map: [[1, 2]] }, { $$error: 1 }, { $bytes: ['Function', ''] }]",
    expect: { value: [{ $map: [[1, 2]] }, { $$error: 1 }, { $bytes: ["Function", ""] }] },
  },
  {
    name: "a pattern that would hang whoever runs it",
    code: "result = /(a+)+$/",
    expect: { value: /(a+)+$/ },
  },
  {
    name: "patterns that are dear to build",
    code: "result = Array.from({ length: 80 }, (_, i) => new RegExp('\\\\p{Nd}' + i, 'u'))",
    expect: UNENCODABLE(/regular expressions/),
  },
  {
    name: "a BigInt of 300,000 digits",
    code: "result = 1n << 1000000n",
    expect: { value: 1n << 1_000_000n },
  },
  {
    name: "lone surrogates and zero bytes",
    code: "result = ['\\ud800', '\\udc00x', '\\0', 'a\\0b']",
    expect: { value: ["\ud800", "\udc00x", "\0", "a\0b"] },
  },
  { name: "undefined", code: "result = undefined", expect: { failure: "no-result" } },
  { name: "nothing", code: "6 * 7", expect: { failure: "no-result", message: /assign/ } },
  {
    name: "a tool input that is a function",
    code: "result = await tools.echo({ f: () => 1 }).catch((error) => error.message)",
    expect: { value: "Cannot pass $.f to tools.echo(): it is a function; call it and pass what it returns" },
  },
  {
    name: "a tool input with a __proto__ key",
    code: `const sent = JSON.parse('{"__proto__": {"polluted": true}, "a": 1}'); const back = await tools.echo(sent); result = [Object.keys(back), back.polluted === undefined, ({}).polluted === undefined]`,
    expect: { value: [["__proto__", "a"], true, true] },
  },
  {
    name: "a tool input that is a proxy with side effects",
    code: "let reads = 0; const input = new Proxy({ a: 1 }, { get(t, k) { reads++; return t[k] } }); const back = await tools.echo(input); result = [back, reads]",
    expect: { value: [{ a: 1 }, 1] },
  },
  {
    name: "a tool input past its limit, which can be caught",
    code: "try { await tools.echo('x'.repeat(2e6)) } catch (error) { result = error.name }",
    expect: { value: "LimitError" },
  },
  {
    name: "console arguments of every odd kind",
    code: "const r = Proxy.revocable({}, {}); r.revoke(); const cycle = {}; cycle.self = cycle; console.log(Symbol('s'), r.proxy, cycle, () => 1, null, undefined, -0, 1n, { get a() { throw 1 } }, new Proxy({}, { ownKeys() { throw 1 } }), Object.create(null), new (class { get [Symbol.toStringTag]() { throw 1 } })()); result = 'logged'",
    expect: { value: "logged" },
  },
  {
    name: "console without its this, and with a hostile one",
    code: "const { log } = console; log('a'); log.call(null, 'b'); console.log.apply({ get write() { throw 1 } }, ['c']); result = 1",
    expect: { value: 1 },
  },
];
