// Floods through every opening: console, promises, tool calls, timers; and waits without end.
import { type Entry, SHORT } from "./entry.ts";

export const floods: readonly Entry[] = [
  {
    name: "console lines by the million",
    code: "for (let i = 0; i < 1e5; i++) console.log('line', i); result = 'done'",
    expect: { value: "done" },
  },
  {
    name: "console lines without end",
    code: "for (;;) console.error('x')",
    limits: SHORT,
    expect: { failure: "limit", limit: "cpuMs" },
  },
  {
    name: "one console line of megabytes",
    code: "console.log('x'.repeat(2e7)); result = 'done'",
    expect: { value: "done" },
  },
  {
    name: "console arguments by the ten thousand",
    code: "console.log(...Array.from({ length: 10000 }, (_, i) => ({ i, deep: [[[[[[i]]]]]] }))); result = 'done'",
    expect: { value: "done" },
  },
  {
    name: "empty console lines",
    code: "for (let i = 0; i < 1e5; i++) console.log(); result = 'done'",
    expect: { value: "done" },
  },
  {
    name: "tool calls past their number",
    code: "for (;;) await tools.echo(1)",
    expect: { failure: "limit", limit: "toolCalls" },
  },
  {
    name: "tool calls past their number, caught",
    code: "for (;;) { try { await tools.echo(1) } catch {} }",
    expect: { failure: "limit", limit: "toolCalls" },
  },
  {
    name: "tool calls past their number, not awaited",
    code: "for (let i = 0; i < 1000; i++) tools.echo(i); result = 1",
    expect: { failure: "limit", limit: "toolCalls" },
  },
  {
    name: "tool calls at once, within their number",
    code: "result = (await Promise.all(Array.from({ length: 200 }, (_, i) => tools.echo(i)))).reduce((a, b) => a + b)",
    expect: { value: 19900 },
  },
  {
    name: "tool calls that are abandoned",
    code: "for (let i = 0; i < 100; i++) tools.wait({ ms: 60000 }).catch(() => {}); result = 'gone'",
    expect: { value: "gone" },
  },
  {
    name: "a tool call that loses a race",
    code: "result = await Promise.race([tools.wait({ ms: 60000 }), tools.echo('first')])",
    expect: { value: "first" },
  },
  {
    name: "tool calls with a megabyte each",
    code: "for (let i = 0; i < 5; i++) await tools.echo('x'.repeat(1e6)); result = 'done'",
    expect: { value: "done" },
  },
  {
    name: "rejections that nobody handles",
    code: "for (let i = 0; i < 10000; i++) Promise.reject(new Error('x' + i)); result = 'done'",
    expect: { value: "done" },
  },
  {
    name: "promises by the hundred thousand",
    code: "let n = 0; for (let i = 0; i < 1e5; i++) await null, n++; result = n",
    expect: { value: 100_000 },
  },
  {
    name: "timers by the thousand",
    code: "if (typeof setTimeout !== 'function') result = 'none'; else { let n = 0; await Promise.all(Array.from({ length: 2000 }, () => new Promise((r) => setTimeout(() => { n++; r() }, 1)))); result = n }",
    expect: { value: 2000 },
  },
  {
    name: "a timer that starts itself again",
    code: "if (typeof setTimeout !== 'function') throw new Error(); const again = () => setTimeout(again, 0); again(); await new Promise(() => {})",
    limits: { timeoutMs: 400 },
    expect: { failure: "limit", limit: ["timeoutMs", "cpuMs"] },
  },
  {
    name: "an interval without end",
    code: "setInterval(() => {}, 0); await new Promise(() => {})",
    limits: { timeoutMs: 400 },
    expect: { failure: "limit", limit: ["timeoutMs", "cpuMs"] },
  },
  {
    name: "a sleep past the end",
    code: "await new Promise((r) => setTimeout(r, 1e9)); result = 1",
    limits: { timeoutMs: 300 },
    expect: { failure: "limit", limit: "timeoutMs" },
  },
  {
    name: "a tool that takes too long",
    code: "result = await tools.wait({ ms: 60000 })",
    limits: { timeoutMs: 300 },
    expect: { failure: "limit", limit: "timeoutMs" },
  },
  {
    name: "a promise that never settles",
    code: "await new Promise(() => {})",
    expect: { failure: "deadlock" },
  },
  {
    name: "two promises that wait for each other",
    code: "const a = (async () => { await null; await b })(); const b = (async () => { await a })(); await a",
    expect: { failure: "deadlock" },
  },
  {
    name: "a rejection of its own",
    code: "await Promise.reject(new Error('mine'))",
    expect: { failure: "runtime", message: /mine/ },
  },
  {
    name: "code past its limit",
    code: `result = "${"x".repeat(300_000)}"`,
    expect: { failure: "limit", limit: "codeBytes" },
  },
  {
    name: "a context past its limit",
    code: "result = 1",
    context: "x".repeat(9 * 1024 * 1024),
    expect: { failure: "limit", limit: "contextBytes" },
  },
  {
    name: "numbers that collide in the host's Maps",
    code: `
      const unshift = (h, b) => { let v = h; for (let d = b; d < 32; d += b) v = h ^ (v >>> b); return v >>> 0 };
      const inverse = (f) => { let v = f; for (let s = 0; s < 5; s++) v = Math.imul(v, 2 - Math.imul(f, v)); return v };
      const [a, b, c] = [inverse(2057), inverse(5), inverse(32767)]; const all = [];
      for (let h = 0; all.length < 60000; h += 1 << 14) {
        const n = Math.imul(unshift(Math.imul(unshift(Math.imul(unshift(h, 16), a), 4), b), 12) + 1, c) >>> 0;
        if (n < 2 ** 31) all.push(n);
      }
      result = await tools.count(new Set(all)).then(() => "counted", (error) => "refused")`,
    expect: { failure: "runtime" },
  },
];
