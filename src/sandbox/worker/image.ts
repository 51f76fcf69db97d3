// A booted engine as a picture of its memory, from which each guest's own instance starts as a copy.
// Invariant: the picture is taken at rest, after the bootstrap and before any guest code, so that a copy is what
// a fresh boot would give; zero pages are left out, and stay untouched (and unpaid for) in every copy.
import { Engine, EngineFailure, type EngineHost, type Pointer } from "./engine.ts";
import type { WasmModule } from "./webassembly.ts";

/** A booted engine's memory and the addresses in it that every copy shares. */
export interface Image {
  readonly pages: number;
  readonly parts: readonly { readonly at: number; readonly bytes: Uint8Array }[];
  readonly runtime: Pointer;
  readonly context: Pointer;
  /** The function that the bootstrap gave. */
  readonly enter: Pointer;
  /** Room for four values and four pointers. */
  readonly scratch: Pointer;
  /** The zero-terminated name of the guest's code in stacks. */
  readonly file: Pointer;
  readonly undefined: Pointer;
}

/** The guest's code in engine stacks. */
export const GUEST_FILE = "guest.js";
const BOOT_FILE = "fettle.js";

const BLOCK = 4096;
const BOOT_PAGES = 64;

const silent: EngineHost = { poll: () => undefined, now: () => 0, tell: () => undefined };

/** Boots the engine and evaluates the bootstrap, an expression that gives `makeWorld`. */
export function bootImage(module: WasmModule, bootstrap: string): Image {
  const engine = new Engine(module, silent, BOOT_PAGES, BOOT_PAGES * 2);
  const { exports } = engine;
  exports.construct();
  const runtime = exports.newRuntime();
  const context = exports.newContext(runtime, 0);
  exports.setMaxStackSize(runtime, 256 * 1024);
  exports.enableInterrupts(runtime);
  const undefinedValue = exports.getUndefined();
  const scratch = exports.malloc(64);
  const file = engine.putText(GUEST_FILE).at;
  const bootFile = engine.putText(BOOT_FILE).at;
  const source = engine.putText(bootstrap);
  const makeWorld = exports.evaluate(context, source.at, source.length, bootFile, 0, 0);
  exports.free(source.at);
  const tell = exports.newFunction(context, bootFile, 3, 0, 1);
  engine.words[scratch >> 2] = tell;
  const enter = exports.call(context, makeWorld, undefinedValue, 1, scratch);
  const exception = exports.takeException(context, enter);
  if (exception !== 0) {
    throw new EngineFailure(`Cannot boot the engine: ${engine.takeText(context, exception)}`);
  }
  engine.words[scratch >> 2] = 0;
  const used = exports.malloc(1);
  exports.free(used);
  return {
    ...picture(engine.bytes),
    runtime,
    context,
    enter,
    scratch,
    file,
    undefined: undefinedValue,
  };
}

/** A new instance that is where the picture was taken. */
export function copyImage(module: WasmModule, image: Image, maxPages: number): Engine {
  const engine = new Engine(module, silent, image.pages, maxPages);
  const { bytes } = engine;
  for (const part of image.parts) bytes.set(part.bytes, part.at);
  return engine;
}

/** The stretches of memory that are not zero. */
function picture(memory: Uint8Array): Pick<Image, "pages" | "parts"> {
  const words = new Uint32Array(memory.buffer);
  const parts: { at: number; bytes: Uint8Array }[] = [];
  let from = -1;
  let end = 0;
  for (let at = 0; at <= memory.length; at += BLOCK) {
    const empty =
      at === memory.length || words.subarray(at >> 2, (at + BLOCK) >> 2).every((word) => word === 0);
    if (!empty && from < 0) from = at;
    if (empty && from >= 0) {
      parts.push({ at: from, bytes: memory.slice(from, at) });
      end = at;
      from = -1;
    }
  }
  return { pages: Math.ceil(end / 65_536) + 1, parts };
}
