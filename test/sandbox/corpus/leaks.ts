// What one run may try to leave for the next, and what the next may try to find. Run in order, in one sandbox.
import type { Entry } from "./entry.ts";

export const leaks: readonly Entry[] = [
  {
    name: "leaves globals, prototypes and overrides behind",
    code: `globalThis.secret = "s3cret"; Object.prototype.secret = "s3cret"; Array.prototype.map = () => "s3cret";
      Promise.prototype.then = null; JSON.stringify = () => "s3cret"; Math.random = () => 0.5; Date.now = () => 1; globalThis.context = "s3cret"; result = 1`,
    expect: { value: 1 },
  },
  {
    name: "finds none of them",
    code: `result = [typeof secret, ({}).secret, [1].map((x) => x), typeof Promise.prototype.then, JSON.stringify([1]), Math.random() === 0.5, Date.now() === 1, context]`,
    expect: { value: ["undefined", undefined, [1], "function", "[1]", false, false, "fresh"] },
    context: "fresh",
  },
  {
    name: "leaves a tool call and a timer under way",
    code: `tools.wait({ ms: 50 }).then(() => { globalThis.late = true }); setTimeout(() => { globalThis.late = true }, 5); result = 1`,
    expect: { value: 1 },
  },
  {
    name: "is not reached by them",
    code: `await new Promise((r) => setTimeout(r, 80)); result = typeof late`,
    expect: { value: "undefined" },
  },
  {
    name: "fills its memory with a word",
    code: `const all = []; for (let i = 0; i < 200; i++) all.push(("s3cret-" + i).repeat(500)); result = all.length`,
    expect: { value: 200 },
  },
  {
    name: "finds fresh memory zeroed",
    code: `const found = []; for (let i = 0; i < 20; i++) found.push(new Uint8Array(1e5).some((byte) => byte !== 0)); result = found.includes(true)`,
    expect: { value: false },
  },
  {
    name: "sees its own context changed by nobody",
    code: `context.rows.push(4); context.rows[0] = 9; result = context.rows`,
    context: { rows: [1, 2, 3] },
    expect: { value: [9, 2, 3, 4] },
  },
  {
    name: "sees the same context as the first run did",
    code: `result = context.rows`,
    context: { rows: [1, 2, 3] },
    expect: { value: [1, 2, 3] },
  },
];
