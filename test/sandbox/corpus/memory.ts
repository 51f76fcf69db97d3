// Code that takes memory without end, in every way it can be taken.
import { type Entry, EXHAUSTED, TOO_DEEP } from "./entry.ts";

const LIMITS = { memoryBytes: 16 * 1024 * 1024 };
const bomb = (name: string, code: string): Entry => ({
  name,
  code,
  limits: LIMITS,
  expect: { failure: "limit", limit: "memoryBytes" },
});

export const memory: readonly Entry[] = [
  bomb("an array that grows", "const all = []; for (;;) all.push(new Array(1000).fill(1))"),
  {
    name: "an array that grows and catches, until its time is up",
    code: "const all = []; for (;;) { try { for (;;) all.push(new Array(1000).fill(1)) } catch {} }",
    limits: { ...LIMITS, cpuMs: 500 },
    expect: EXHAUSTED,
  },
  bomb(
    "a string that doubles",
    "let text = 'x'; for (;;) { text += text; text.charCodeAt(text.length - 1) }",
  ),
  bomb("a string that is repeated", "result = 'x'.repeat(2 ** 29)"),
  bomb("strings that are kept", "const all = []; for (let i = 0; ; i++) all.push(('k' + i).repeat(1000))"),
  bomb("an ArrayBuffer", "result = new ArrayBuffer(2 ** 30).byteLength"),
  bomb("many ArrayBuffers", "const all = []; for (;;) all.push(new Uint8Array(1e6))"),
  bomb(
    "an ArrayBuffer that can grow",
    "const all = []; for (;;) { const buffer = new ArrayBuffer(8, { maxByteLength: 2 ** 28 }); buffer.resize?.(2 ** 28); all.push(buffer, new Uint8Array(1e6)) }",
  ),
  bomb("a typed array from a length", "result = new Float64Array(2 ** 27).length"),
  bomb("objects with ever new keys", "const all = {}; for (let i = 0; ; i++) all['key' + i] = { i }"),
  bomb("a Map that grows", "const all = new Map(); for (let i = 0; ; i++) all.set({ i }, [i])"),
  bomb("symbols and closures", "const all = []; for (let i = 0; ; i++) all.push(Symbol('s' + i), () => i)"),
  bomb("promises that pile up", "const all = []; for (;;) all.push(new Promise(() => {}).then(() => 1))"),
  bomb("microtasks that pile up", "for (;;) Promise.resolve().then(() => 1)"),
  {
    name: "a BigInt past the engine's own limit",
    code: "let big = 1n; for (;;) big <<= 1000000n",
    limits: LIMITS,
    expect: { failure: "runtime", message: /too large/ },
  },
  bomb("BigInts that are kept", "const all = []; for (;;) all.push(1n << 500000n)"),
  bomb(
    "generators that are kept",
    "const all = []; for (;;) { const g = (function* () { const kept = new Array(100).fill(1); yield kept })(); g.next(); all.push(g) }",
  ),
  {
    ...bomb(
      "code that is compiled and kept",
      "const all = []; for (let i = 0; ; i++) all.push(new Function('return ' + '[1,2,3],'.repeat(2000) + i))",
    ),
    limits: { memoryBytes: 4 * 1024 * 1024 },
  },
  bomb("JSON of ever more", "let all = [1]; for (;;) all = [JSON.stringify(all) + JSON.stringify(all)]"),
  bomb(
    "regular expressions that are kept",
    "const all = []; for (let i = 0; ; i++) all.push(new RegExp('(a{1,100})'.repeat(50) + i))",
  ),
  bomb(
    "errors with long chains",
    "let error = new Error('x'); for (;;) error = new Error('y'.repeat(1000), { cause: error })",
  ),
  bomb(
    "a result that takes memory while it is read",
    "result = { get a() { const all = []; for (;;) all.push(new Uint8Array(1e5)) } }",
  ),
  bomb("split into characters", "result = 'x'.repeat(5e6).split('').length"),
  {
    name: "recursion without end",
    code: "const down = (n) => down(n + 1) + 1; result = down(0)",
    expect: { failure: "limit", limit: "stackBytes" },
  },
  {
    name: "recursion without end through getters, proxies and sort",
    code: "const o = { get a() { return [1, 2].sort(() => new Proxy(o, {}).a) } }; result = o.a",
    expect: { failure: "limit", limit: "stackBytes" },
  },
  {
    name: "recursion in JSON, toString, flat and regular expressions, caught",
    code: `const deep = (n) => { let all = []; for (let i = 0; i < n; i++) all = [all]; return all }; const caught = [];
      for (const act of [
        () => JSON.parse("[".repeat(1e6)),
        () => { const o = { toString() { return "" + o } }; return "" + o },
        () => new RegExp("(?:".repeat(1e4) + ")".repeat(1e4)),
        () => deep(1e5).flat(Infinity),
        () => String(deep(1e5)),
      ]) { try { act(); caught.push("done") } catch (error) { caught.push(error.message) } }
      result = caught`,
    expect: [{ value: Array(5).fill("stack overflow") }, TOO_DEEP],
  },
  {
    name: "recursion in JSON.stringify",
    code: "let deep = []; for (let i = 0; i < 1e4; i++) deep = [deep]; try { JSON.stringify(deep) } catch {} result = 1",
    expect: [{ value: 1 }, TOO_DEEP],
  },
  {
    name: "recursion in the engine's own parser",
    code: 'try { new Function("(".repeat(1e5) + ")".repeat(1e5)) } catch {} result = 1',
    expect: { failure: "limit", limit: "stackBytes" },
  },
  {
    name: "recursion that is caught and goes on",
    code: "let depth = 0; const down = () => { depth++; down() }; try { down() } catch {} result = depth > 100",
    expect: [{ value: true }, TOO_DEEP],
  },
  {
    name: "an array of four billion without its items",
    code: "result = new Array(4294967295).length",
    expect: { value: 4294967295 },
  },
];
