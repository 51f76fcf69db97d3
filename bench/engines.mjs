// The engine twice on this thread: as its package delivers it, and rewritten as Fettle builds it.
// Invariant: both are the same C code and run the same text; only the polls (and a smaller stack) differ.
import { readFileSync } from "node:fs";
import { newQuickJSWASMModule } from "quickjs-emscripten";
import { Engine } from "#src/sandbox/worker/engine";

/** Programs of the kinds that agents write, each some tens of milliseconds long; all end without a value. */
export const PROGRAMS = {
  "numeric loops": "let sum = 0; for (let i = 0; i < 1_000_000; i += 1) sum = (sum + i * 7) & 0xffff;",
  "function calls": "const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2)); fib(26);",
  sort: `let seed = 1; const next = () => (seed = (seed * 16807) % 2147483647);
    const list = Array.from({ length: 30_000 }, next); list.sort((a, b) => a - b);`,
  JSON: `const rows = Array.from({ length: 5_000 }, (_, id) => ({ id, name: "row " + id, tags: ["a", "b"] }));
    JSON.parse(JSON.stringify(rows));`,
  "regular expressions": `const text = "order 4711 of 2026-05-17 for ann@example.org; ".repeat(10_000);
    text.match(/\\b\\d{4}-\\d{2}-\\d{2}\\b/g); text.replace(/(\\w+)@(\\w+)\\.org/g, "$2 at $1");`,
  "string building": `let text = ""; for (let i = 0; i < 100_000; i += 1) text += "item " + i + ", ";
    text.split(", ").map((part) => part.toUpperCase()).join("-");`,
  "object churn": `let kept = []; for (let i = 0; i < 100_000; i += 1) {
      const point = { x: i, y: -i, label: "p" }; if (i % 10 === 0) kept.push({ ...point, z: 1 }); }
    new Map(kept.map((point) => [point.x, point]));`,
  "scans of huge arrays": `const list = new Array(300_000).fill(1);
    for (let i = 0; i < 10; i += 1) { list.indexOf(2); list.reverse(); list.fill(1); }`,
};

/** QuickJS as its package delivers it, behind the package's own interface. */
export async function openPlainEngine() {
  const module = await newQuickJSWASMModule();
  return {
    time(code) {
      const context = module.newContext();
      const started = performance.now();
      const outcome = context.evalCode(`{${code}}`);
      const took = performance.now() - started;
      context.unwrapResult(outcome).dispose();
      context.dispose();
      return took;
    },
  };
}

/** The engine of Fettle's build, its polls answered as a guest's are: by a look at the clock. */
export async function openPolledEngine() {
  const bytes = readFileSync(new URL("../dist/engine/engine.wasm", import.meta.url));
  const module = new WebAssembly.Module(bytes);
  return {
    time(code) {
      const deadline = performance.now() + 60_000;
      const poll = () => {
        if (performance.now() > deadline) throw new Error("The program did not end within a minute.");
      };
      const engine = new Engine(module, { poll, now: () => 0, tell: () => undefined }, 64, 4096);
      const { exports } = engine;
      exports.construct();
      const context = exports.newContext(exports.newRuntime(), 0);
      const source = engine.putText(`{${code}}`);
      const file = engine.putText("program.js").at;
      const started = performance.now();
      const value = exports.evaluate(context, source.at, source.length, file, 0, 0);
      const took = performance.now() - started;
      const error = exports.takeException(context, value);
      if (error !== 0) throw new Error(`A program failed: ${engine.takeText(context, error)}`);
      return took;
    },
  };
}
