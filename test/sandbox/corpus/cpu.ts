// Code that computes without end: in loops of its own, and in every built-in that loops by itself.
import { type Entry, ENDLESS, EXHAUSTED, SHORT, TOO_DEEP } from "./entry.ts";

const endless = (name: string, code: string): Entry => ({ name, code, limits: SHORT, expect: ENDLESS });
/** What may run out of memory before it runs out of time. */
const exhausting = (name: string, code: string): Entry => ({ name, code, limits: SHORT, expect: EXHAUSTED });

export const cpu: readonly Entry[] = [
  endless("a loop", "for (;;) {}"),
  endless("a loop after an await", "await null; while (true);"),
  endless("a loop that catches everything", "for (;;) { try { for (;;) {} } catch {} finally { continue } }"),
  endless(
    "promises that catch and go on",
    "const go = async () => { for (;;) { try { await null; for (;;) {} } catch {} } }; await Promise.all([go(), go()])",
  ),
  endless("endless microtasks", "const again = () => Promise.resolve().then(again); await again()"),
  endless(
    "endless queueMicrotask",
    "if (typeof queueMicrotask !== 'function') for (;;) {} const again = () => queueMicrotask(again); again(); await new Promise(() => {})",
  ),
  endless(
    "an endless async generator",
    "for await (const _ of (async function* () { for (;;) yield 1 })()) {}",
  ),
  endless(
    "an endless iterator",
    "for (const one of { [Symbol.iterator]: () => ({ next: () => ({ done: false }) }) }) {}",
  ),
  endless(
    "recursion without depth",
    "const run = (n) => { for (let i = 0; i < 1e9; i++) n ^= i; return n }; for (;;) run(1)",
  ),
  endless("a finally that loops", "try { throw 1 } finally { for (;;) {} }"),
  endless("a loop in a getter of the result", "result = { get a() { while (true); } }"),
  endless("a loop in a thenable", "await { then() { for (;;) {} } }"),
  endless(
    "a loop in toString of what is thrown",
    "throw { toString() { for (;;) {} }, get message() { for (;;) {} } }",
  ),
  endless("a loop in a console argument", "console.log(new Proxy({}, { ownKeys() { for (;;) {} } }))"),
  endless("a loop in a tool's input", "await tools.echo({ get a() { for (;;) {} } })"),
  endless(
    "a loop in a sort",
    "const big = Array.from({ length: 1e4 }, (_, i) => i); for (;;) big.sort(() => Math.random() - 0.5)",
  ),
  endless(
    "backtracking in a regular expression",
    "/^(a+)+$/.test('a'.repeat(40) + 'b'); for (;;) /(x+x+)+y/.test('x'.repeat(40))",
  ),
  endless("backtracking with lookbehind", "for (;;) /(?<=(a+)+)b/.test('a'.repeat(50))"),
  endless("indexOf over a huge length", "for (;;) Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)"),
  endless(
    "lastIndexOf over a huge length",
    "for (;;) Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1)",
  ),
  endless("includes over a huge length", "Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1)"),
  endless("reverse over a huge length", "Array.prototype.reverse.call({ length: 2 ** 53 - 1 })"),
  exhausting("fill over a huge length", "Array.prototype.fill.call({ length: 2 ** 53 - 1 }, 1)"),
  endless("copyWithin over a huge length", "Array.prototype.copyWithin.call({ length: 2 ** 53 - 1 }, 0, 1)"),
  exhausting(
    "unshift over a huge length",
    "for (;;) Array.prototype.unshift.call({ length: 2 ** 53 - 3 }, 1)",
  ),
  endless("splice over a huge length", "Array.prototype.splice.call({ length: 2 ** 53 - 3 }, 0, 1)"),
  exhausting("join over a huge length", "result = Array.prototype.join.call({ length: 2 ** 32 - 1 }, '')"),
  endless("forEach over a huge length", "Array.prototype.forEach.call({ length: 2 ** 53 - 1 }, () => {})"),
  exhausting("sort over a huge length", "Array.prototype.sort.call({ length: 2 ** 31 })"),
  exhausting("a sparse array that is filled", "new Array(2 ** 32 - 1).fill(0)"),
  exhausting("Array.from over a huge length", "Array.from({ length: 2 ** 31 })"),
  {
    name: "apply with a huge list",
    code: "Math.max.apply(null, { length: 2 ** 31 - 1 })",
    expect: { failure: "runtime", message: /too many arguments/ },
  },
  {
    name: "flat without end",
    code: "const list = []; list.push(list, list); for (;;) list.flat(Infinity)",
    expect: { failure: "limit", limit: ["cpuMs", "stackBytes"] },
  },
  endless(
    "string sort",
    "const words = Array.from({ length: 2e5 }, (_, i) => 'x'.repeat(50) + (i * 7919) % 2e5); for (;;) words.slice().sort()",
  ),
  endless("String.indexOf", "const text = 'a'.repeat(4e6); for (;;) text.indexOf('a'.repeat(2e6) + 'b')"),
  endless("replaceAll", "const text = 'a'.repeat(2e6); for (;;) text.replaceAll('a'.repeat(1e6) + 'b', 'c')"),
  endless("split", "const text = 'a'.repeat(4e6); for (;;) text.split('a'.repeat(2e6) + 'b')"),
  exhausting(
    "repeat and padding",
    "let text = 'ab'; for (;;) { text = text.padEnd(4e6, text); text = text.slice(1) }",
  ),
  endless("normalize", "const text = '\\u1e9b\\u0323'.repeat(2e5); for (;;) text.normalize('NFKD')"),
  endless(
    "localeCompare and case",
    "const text = '\\u0130\\ufb03'.repeat(2e5); for (;;) text.toUpperCase().toLowerCase()",
  ),
  endless("BigInt to text", "const big = 1n << 1000000n; for (;;) big.toString()"),
  endless("text to BigInt", "const digits = '9'.repeat(2e5); for (;;) BigInt(digits)"),
  endless("BigInt powers", "let big = 3n; for (;;) big = (big ** 7n) % (1n << 100000n) + 3n"),
  endless(
    "JSON.stringify",
    "const all = Array.from({ length: 1e5 }, (_, i) => ({ i })); for (;;) JSON.stringify(all)",
  ),
  endless("JSON.parse", "const text = '[' + '1,'.repeat(1e6) + '1]'; for (;;) JSON.parse(text)"),
  endless(
    "compiling regular expressions",
    "for (let i = 0; ; i++) new RegExp('(?:a{1,500}){1,500}' + '[\\\\u{0}-\\\\u{10ffff}]'.repeat(200) + i, 'iu')",
  ),
  endless(
    "compiling code",
    "for (let i = 0; ; i++) new Function('return ' + '('.repeat(300) + i + ')'.repeat(300))",
  ),
  endless(
    "object spread",
    "let all = {}; for (let i = 0; i < 2e4; i++) all['k' + i] = i; for (;;) all = { ...all }",
  ),
  endless(
    "Object.assign and entries",
    "let all = {}; for (let i = 0; i < 2e4; i++) all['k' + i] = i; for (;;) Object.fromEntries(Object.entries(Object.assign({}, all)))",
  ),
  endless(
    "typed arrays",
    "const bytes = new Uint8Array(8e6); for (;;) { bytes.fill(1); bytes.indexOf(2); bytes.reverse(); bytes.sort() }",
  ),
  endless(
    "typed arrays to text",
    "const bytes = new Float64Array(1e5).map((_, i) => i / 3); for (;;) bytes.join()",
  ),
  endless(
    "Maps and Sets",
    "for (;;) { const map = new Map(); for (let i = 0; i < 1e4; i++) map.set(i, i); new Set(map.keys()) }",
  ),
  endless("Date parsing", "for (;;) Date.parse('Tue, 01 Jan 2030 00:00:00 GMT'.repeat(1000))"),
  endless(
    "decodeURIComponent",
    "const text = '%41'.repeat(5e5); for (;;) encodeURIComponent(decodeURIComponent(text))",
  ),
  {
    name: "a proxy's traps",
    code: "const trap = new Proxy({}, { get: (t, k, r) => r[k] === 1, has: () => true }); for (;;) try { trap.a } catch {}",
    limits: SHORT,
    expect: [ENDLESS, TOO_DEEP],
  },
  endless(
    "structuredClone",
    "if (typeof structuredClone !== 'function') for (;;) {} const all = Array.from({ length: 1e5 }, (_, i) => ({ i })); for (;;) structuredClone(all)",
  ),
];
