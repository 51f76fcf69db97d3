// Makes the sandbox's engine from the QuickJS that npm delivers: the same code, but its loops and recursions pay
// from a counter, and an empty counter asks the host whether time is up.
// Invariant: every loop and every cycle of the call graph pays, except the interpreter's own dispatch loop, whose
// jumps and calls QuickJS itself counts and polls for; so no native call can outlive its deadline. What the engine
// imports and exports afterwards is listed below and nothing else.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(import.meta.url);
const PACKAGE = "@jitl/quickjs-wasmfile-release-sync";
// `--plain <folder>/`: the same engine without polls, to measure and to test against.
const [flag, folder] = process.argv.slice(2);
const isPlain = flag === "--plain";
const OUT = isPlain ? pathToFileURL(folder) : new URL("../dist/engine/", import.meta.url);

/** Work between two polls: loop turns, calls, and each 64 bytes that a bulk memory instruction touches. */
const FUEL = 20_000;
/** The engine's stack; the package's own 5 MiB would count against each guest's memory. */
const STACK_BYTES = 1024 * 1024;
const PACKAGE_STACK_BYTES = 5 * 1024 * 1024;
const PAGE_BYTES = 65_536;

// The package's minified imports, as read from its emscripten-module.mjs; the checksum holds them true.
const GLUE_SHA256 = "3b0757e4b1051a5f344322ad6a02c075dadff70cdb50d37b7df6c120d4af77e9";
const IMPORTS = {
  a: "memory",
  b: "assertFail",
  c: "fdWrite",
  d: "fdClose",
  e: "environGet",
  f: "environSizes",
  g: "normalizeModule",
  h: "loadModule",
  i: "interrupt",
  j: "setTimer",
  k: "growMemory",
  l: "keepAlive",
  m: "localTime",
  n: "timeZone",
  o: "fdSeek",
  p: "now",
  q: "abort",
  r: "exit",
  s: "callHost",
  t: "freeHostRef",
};

// What the worker uses; everything that only other exports reach is dropped.
const EXPORTS = {
  malloc: "_malloc",
  free: "_free",
  newRuntime: "_QTS_NewRuntime",
  newContext: "_QTS_NewContext",
  enableInterrupts: "_QTS_RuntimeEnableInterruptHandler",
  setMaxStackSize: "_QTS_RuntimeSetMaxStackSize",
  evaluate: "_QTS_Eval",
  call: "_QTS_Call",
  newString: "_QTS_NewString",
  getString: "_QTS_GetString",
  freeString: "_QTS_FreeCString",
  freeValue: "_QTS_FreeValuePointer",
  newFunction: "_QTS_NewFunction",
  getProperty: "_QTS_GetProp",
  getUndefined: "_QTS_GetUndefined",
  takeException: "_QTS_ResolveException",
  runJobs: "_QTS_ExecutePendingJob",
  isJobPending: "_QTS_IsJobPending",
  promiseState: "_QTS_PromiseState",
  promiseResult: "_QTS_PromiseResult",
};

// Text that is woven into the engine: take from the counter, and ask the host when it is empty.
const SPEND = (price) => (isPlain ? "" : `(global.set $fuel (i32.sub (global.get $fuel) ${price}))`);
const REFUEL = isPlain ? "" : "(if (i32.lt_s (global.get $fuel) (i32.const 0)) (then (call $refuel)))";
const PAY = `${SPEND("(i32.const 1)")} ${REFUEL}`;

const FEATURES = ["BulkMemory", "BulkMemoryOpt", "MutableGlobals", "SignExt", "NontrappingFPToInt"];
const PASSES = ["remove-unused-module-elements", "optimize-instructions", "vacuum", "reorder-locals"];

const wasm = readFileSync(require.resolve(`${PACKAGE}/wasm`));
const glue = readFileSync(
  new URL(`../node_modules/${PACKAGE}/dist/emscripten-module.mjs`, import.meta.url),
  "utf8",
);
const key = createHash("sha256")
  .update(wasm)
  .update(glue)
  .update(readFileSync(new URL(import.meta.url)))
  .update(readFileSync(require.resolve("binaryen/package.json")))
  .digest("hex");
const stamp = new URL("engine.key", OUT);

if (!existsSync(new URL("engine.wasm", OUT)) || !existsSync(stamp) || readFileSync(stamp, "utf8") !== key) {
  const sum = createHash("sha256").update(glue).digest("hex");
  if (sum !== GLUE_SHA256) {
    throw new Error(
      `Cannot build the engine from ${PACKAGE}: its emscripten-module.mjs has the checksum ${sum}, so its ` +
        `minified names may be others. Compare its import object with IMPORTS, then set GLUE_SHA256.`,
    );
  }
  const { default: binaryen } = await import("binaryen");
  const original = binaryen.readBinary(wasm);
  const module = binaryen.parseText(rewrite(original.emitText()));
  module.setFeatures(FEATURES.reduce((all, name) => all | binaryen.Features[name], original.getFeatures()));
  module.runPasses(PASSES);
  if (!module.validate()) throw new Error("Cannot build the engine: the rewritten module is not valid.");
  mkdirSync(OUT, { recursive: true });
  writeFileSync(new URL("engine.wasm", OUT), module.emitBinary());
  writeFileSync(stamp, key);
}

/** The rewritten module as text; binaryen prints one instruction a line, so lines are what is rewritten. */
function rewrite(text) {
  const stackTop = Number(only(text, /\(global \S+ \(mut i32\) \(i32\.const (\d+)\)\)/g, "stack pointer")[1]);
  const heapBase = stackTop - PACKAGE_STACK_BYTES + STACK_BYTES;
  const heapStart = only(text, new RegExp(`"${escaped(bytesOf(stackTop))}"\\)$`, "gm"), "heap");
  const names = exportNames();
  const overflow = addressOf(text, "stack overflow");
  const lines = text
    .replaceAll(`(i32.const ${stackTop})`, `(i32.const ${heapBase})`)
    .replace(heapStart[0], `"${bytesOf(heapBase)}")`)
    .replaceAll(`(i32.const ${overflow})`, "(call $noteOverflow)")
    .replaceAll("(memory.copy", "(call $meteredCopy")
    .replaceAll("(memory.fill", "(call $meteredFill")
    .split("\n");
  const functions = readFunctions(lines);
  const payers = cutCycles(functions, readTable(lines));
  const dispatch = dispatchLoop(lines);
  const out = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i];
    if (line.startsWith(" (import ")) out.push(rewriteImport(line, heapBase));
    else if (line.startsWith(" (export ")) out.push(rewriteExport(line, names));
    else out.push(line);
    if (/^\s+\(loop /.test(line) && i !== dispatch) out.push(PAY);
    if (line.startsWith(" (func ")) {
      while (lines[i + 1].startsWith("  (local ")) out.push(lines[++i]);
      if (payers.has(nameOf(line))) out.push(PAY);
    }
  }
  out.splice(out.lastIndexOf(")"), 0, support(overflow));
  return out.join("\n");
}

/** Each function's size in lines, and what it calls by name or through the table. */
function readFunctions(lines) {
  const functions = new Map();
  let current = null;
  for (const line of lines) {
    if (line.startsWith(" (func ")) {
      current = { size: 0, calls: new Set(), callsTable: false };
      functions.set(nameOf(line), current);
    } else if (current !== null) {
      current.size += 1;
      const call = /\(call (\$\d+)/.exec(line);
      if (call !== null) current.calls.add(call[1]);
      if (line.includes("(call_indirect")) current.callsTable = true;
    }
  }
  return functions;
}

function nameOf(line) {
  return /^ \(func (\S+)/.exec(line)[1];
}

/** The functions that an indirect call can reach. */
function readTable(lines) {
  const element = lines.find((line) => line.startsWith(" (elem "));
  return element.match(/\$\d+/g).slice(1);
}

/**
 * Functions that must pay so that every cycle of the call graph holds one that does. Large ones are chosen first: in
 * them the price is lost, and the small ones that everything calls stay as they were.
 */
function cutCycles(functions, table) {
  const payers = new Set();
  const edges = (name) => {
    const found = functions.get(name);
    if (found === undefined) return [];
    return found.callsTable ? [...found.calls, ...table] : [...found.calls];
  };
  for (;;) {
    const cycles = stronglyConnected(
      [...functions.keys()].filter((name) => !payers.has(name)),
      (name) => edges(name).filter((target) => !payers.has(target)),
    );
    if (cycles.length === 0) return payers;
    for (const cycle of cycles) {
      payers.add(cycle.reduce((a, b) => (functions.get(b).size > functions.get(a).size ? b : a)));
    }
  }
}

/** The groups of functions that reach one another (Tarjan), those that only reach themselves included. */
function stronglyConnected(names, edges) {
  const index = new Map();
  const low = new Map();
  const open = new Set();
  const groups = [];
  const visit = (name) => {
    index.set(name, index.size);
    low.set(name, index.get(name));
    open.add(name);
    for (const target of edges(name)) {
      if (!index.has(target)) {
        visit(target);
        low.set(name, Math.min(low.get(name), low.get(target)));
      } else if (open.has(target)) {
        low.set(name, Math.min(low.get(name), index.get(target)));
      }
    }
    if (low.get(name) !== index.get(name)) return;
    const members = [...open];
    const group = members.slice(members.indexOf(name));
    for (const member of group) open.delete(member);
    if (group.length > 1 || edges(name).includes(name)) groups.push(group);
  };
  for (const name of names) if (!index.has(name)) visit(name);
  return groups;
}

/** The line of the interpreter's loop: the innermost around the largest table of jumps, one for each bytecode. */
function dispatchLoop(lines) {
  let table = -1;
  let most = 200;
  for (const [index, line] of lines.entries()) {
    if (!line.includes("(br_table")) continue;
    const targets = line.trim().split(" ").length;
    if (targets > most) [table, most] = [index, targets];
  }
  if (table < 0) throw new Error("Cannot rewrite the engine: its interpreter loop was not found.");
  let depth = indent(lines[table]);
  for (let index = table; index >= 0; index -= 1) {
    if (indent(lines[index]) >= depth) continue;
    depth = indent(lines[index]);
    if (/^\s+\(loop /.test(lines[index])) return index;
    if (lines[index].startsWith(" (func ")) break;
  }
  throw new Error("Cannot rewrite the engine: its interpreter has no loop.");
}

function indent(line) {
  return line.length - line.trimStart().length;
}

/** What the rewritten code calls: the counter, the poll, and bulk memory instructions that pay by size. */
function support(overflow) {
  const metered = (name, instruction) =>
    `(func ${name} (param $to i32) (param $from i32) (param $bytes i32)
      ${SPEND("(i32.shr_u (local.get $bytes) (i32.const 6))")}
      ${REFUEL}
      (${instruction} (local.get $to) (local.get $from) (local.get $bytes)))`;
  return `
    (global $fuel (mut i32) (i32.const ${FUEL}))
    (global $overflowed (mut i32) (i32.const 0))
    (export "overflowed" (global $overflowed))
    (func $refuel (global.set $fuel (i32.const ${FUEL})) (call $poll))
    (func $noteOverflow (result i32) (global.set $overflowed (i32.const 1)) (i32.const ${overflow}))
    ${metered("$meteredCopy", "memory.copy")}
    ${metered("$meteredFill", "memory.fill")}`;
}

function rewriteImport(line, heapBase) {
  const letter = /^ \(import "a" "(\w+)"/.exec(line)?.[1];
  const name = IMPORTS[letter];
  if (name === undefined) throw new Error(`Unknown import in the engine: ${line}`);
  const renamed = line.replace(`"a" "${letter}"`, `"host" "${name}"`);
  if (name !== "memory") return renamed;
  const pages = Math.ceil(heapBase / PAGE_BYTES);
  return `${renamed.replace(/ \d+ (\d+)\)\)$/, ` ${pages} $1))`)}\n (import "host" "poll" (func $poll))`;
}

function rewriteExport(line, names) {
  const letter = /^ \(export "([^"]+)"/.exec(line)?.[1];
  const name = names.get(letter);
  return name === undefined ? "" : line.replace(`"${letter}"`, `"${name}"`);
}

/** The package's export letters by the names that the worker uses. */
function exportNames() {
  const names = new Map();
  for (const [name, symbol] of Object.entries(EXPORTS)) {
    const letter = new RegExp(`\\bd\\.${symbol}=b\\.([\\w$]+)[;,]`).exec(glue)?.[1];
    if (letter === undefined) throw new Error(`The engine has no export ${symbol}.`);
    names.set(letter, name);
  }
  const constructors = /Z\.([\w$]+)\(\);H\?\.\(d\)/.exec(glue)?.[1];
  if (constructors === undefined) throw new Error("The engine's constructors have no name.");
  return names.set(constructors, "construct");
}

/** The one match of a pattern; a second or none is an error, since then the module is not as it was. */
function only(text, pattern, what) {
  const found = [...text.matchAll(pattern)];
  if (found.length !== 1)
    throw new Error(`Cannot rewrite the engine: ${found.length} matches for its ${what}.`);
  return found[0];
}

/** A 32-bit address as a data segment writes it, low byte first and trailing zeros left out. */
function bytesOf(address) {
  const bytes = [address & 255, (address >> 8) & 255, (address >> 16) & 255, address >> 24];
  while (bytes.at(-1) === 0) bytes.pop();
  return bytes.map(dataByte).join("");
}

function dataByte(byte) {
  const plain = byte >= 32 && byte < 127 && byte !== 34 && byte !== 39 && byte !== 92;
  return plain ? String.fromCharCode(byte) : `\\${byte.toString(16).padStart(2, "0")}`;
}

/** Where a zero-terminated constant lies in the engine's data. */
function addressOf(text, constant) {
  const [line] = only(text, new RegExp(`^ \\(data .*\\\\00${constant}\\\\00.*$`, "gm"), constant);
  const [, base, data] = /^ \(data \S+ \(i32\.const (\d+)\) "(.*)"\)$/.exec(line);
  const before = data.slice(0, data.indexOf(`\\00${constant}\\00`) + 3);
  return Number(base) + before.replace(/\\[0-9a-f]{2}|\\./g, "x").length;
}

function escaped(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
