// One instance of the engine: its memory, its exports by name, and texts in and out of it.
// Invariant: the instance reaches the outside by the imports below only, and grows by `growMemory` only, so that
// what the host allows is all it can have. A host function that throws ends the instance: it is never used again.
import { Instance, Memory, PAGE_BYTES, type WasmMemory, type WasmModule } from "./webassembly.ts";

/** An address in the instance's memory. */
export type Pointer = number;

/** What the engine build (scripts/build-engine.mjs) exports. */
interface EngineExports {
  construct(): void;
  malloc(bytes: number): Pointer;
  free(pointer: Pointer): void;
  newRuntime(): Pointer;
  newContext(runtime: Pointer, intrinsics: number): Pointer;
  enableInterrupts(runtime: Pointer): void;
  setMaxStackSize(runtime: Pointer, bytes: number): void;
  evaluate(
    context: Pointer,
    code: Pointer,
    length: number,
    file: Pointer,
    detectModule: number,
    flags: number,
  ): Pointer;
  call(context: Pointer, fn: Pointer, self: Pointer, count: number, args: Pointer): Pointer;
  newString(context: Pointer, text: Pointer): Pointer;
  getString(context: Pointer, value: Pointer): Pointer;
  freeString(context: Pointer, text: Pointer): void;
  freeValue(context: Pointer, value: Pointer): void;
  newFunction(context: Pointer, name: Pointer, length: number, constructor: number, ref: number): Pointer;
  getProperty(context: Pointer, object: Pointer, name: Pointer): Pointer;
  getUndefined(): Pointer;
  takeException(context: Pointer, value: Pointer): Pointer;
  runJobs(runtime: Pointer, max: number, lastContext: Pointer): Pointer;
  isJobPending(runtime: Pointer): number;
  promiseState(context: Pointer, promise: Pointer): number;
  promiseResult(context: Pointer, promise: Pointer): Pointer;
  readonly overflowed: { readonly value: number };
}

/** What an instance asks of whoever runs it. */
export interface EngineHost {
  /** Called after each bounded stretch of work; throws to end the instance. */
  poll(): void;
  /** Guest time in milliseconds since 1970. */
  now(): number;
  /** The guest's bootstrap tells something; `args` points at its three arguments. */
  tell(args: Pointer): void;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** An instance of the engine over a memory of its own. */
export class Engine {
  readonly memory: WasmMemory;
  readonly exports: EngineExports;
  /** Set when the memory was asked to grow beyond its maximum. */
  memoryRefused = false;
  readonly #maxPages: number;
  /** Who runs the instance; set anew for each stretch of work. */
  host: EngineHost;
  #bytes: Uint8Array;
  #words: Uint32Array;

  constructor(module: WasmModule, host: EngineHost, pages: number, maxPages: number) {
    this.host = host;
    this.#maxPages = maxPages;
    this.memory = new Memory({ initial: pages, maximum: maxPages });
    this.#bytes = new Uint8Array(this.memory.buffer);
    this.#words = new Uint32Array(this.memory.buffer);
    this.exports = new Instance(module, { host: this.#imports() }).exports as unknown as EngineExports;
  }

  /** Pages of 64 KiB that the memory has now. */
  get pages(): number {
    return this.memory.buffer.byteLength / PAGE_BYTES;
  }

  /** The memory as bytes; stale after the next call into the instance. */
  get bytes(): Uint8Array {
    if (this.#bytes.length === 0) this.#refresh();
    return this.#bytes;
  }

  /** The memory as 32-bit words; stale after the next call into the instance. */
  get words(): Uint32Array {
    if (this.#words.length === 0) this.#refresh();
    return this.#words;
  }

  /** Puts a text into the memory, a zero byte behind it; throws where there is no room. */
  putText(text: string): { readonly at: Pointer; readonly length: number } {
    if (text.length > 1024) return this.#putBytes(encoder.encode(text));
    const size = text.length * 3 + 1;
    const at = this.exports.malloc(size);
    if (at === 0) throw new OutOfMemory();
    const { written } = encoder.encodeInto(text, this.bytes.subarray(at, at + size - 1));
    this.bytes[at + written] = 0;
    return { at, length: written };
  }

  #putBytes(bytes: Uint8Array): { readonly at: Pointer; readonly length: number } {
    const at = this.exports.malloc(bytes.length + 1);
    if (at === 0) throw new OutOfMemory();
    this.bytes.set(bytes, at);
    this.bytes[at + bytes.length] = 0;
    return { at, length: bytes.length };
  }

  /** The text of an engine value that is a string. */
  takeText(context: Pointer, value: Pointer): string {
    const at = this.exports.getString(context, value);
    if (at === 0) throw new OutOfMemory();
    const bytes = this.bytes;
    const end = bytes.indexOf(0, at);
    const text = decoder.decode(bytes.subarray(at, end));
    this.exports.freeString(context, at);
    return text;
  }

  #refresh(): void {
    this.#bytes = new Uint8Array(this.memory.buffer);
    this.#words = new Uint32Array(this.memory.buffer);
  }

  #imports(): Record<string, unknown> {
    const fails = (): never => {
      throw new EngineFailure("the engine called a function that it must not need");
    };
    return {
      memory: this.memory,
      poll: () => this.host.poll(),
      now: () => this.host.now(),
      callHost: (_context: Pointer, _self: Pointer, _count: number, args: Pointer) => {
        this.host.tell(args);
        return 0;
      },
      growMemory: (bytes: number) => this.#grow(bytes >>> 0),
      // Guests live in UTC: the host's time zone is none of their business, and runs must repeat anywhere.
      localTime: (seconds: bigint, at: Pointer) => this.#writeTime(Number(seconds), at),
      timeZone: (zone: Pointer, daylight: Pointer) => {
        this.words[zone >> 2] = 0;
        this.words[daylight >> 2] = 0;
      },
      environSizes: (count: Pointer, size: Pointer) => {
        this.words[count >> 2] = 0;
        this.words[size >> 2] = 0;
        return 0;
      },
      environGet: () => 0,
      fdWrite: () => 52,
      fdClose: () => 52,
      fdSeek: () => 52,
      interrupt: () => {
        this.host.poll();
        return 0;
      },
      keepAlive: () => undefined,
      freeHostRef: () => undefined,
      setTimer: () => 0,
      loadModule: fails,
      normalizeModule: fails,
      assertFail: fails,
      abort: fails,
      exit: fails,
    };
  }

  #grow(bytes: number): number {
    const now = this.pages;
    const needed = Math.ceil(bytes / PAGE_BYTES);
    if (needed > this.#maxPages) {
      this.memoryRefused = true;
      return 0;
    }
    const wanted = Math.min(this.#maxPages, Math.max(needed, Math.ceil(now * 1.25)));
    try {
      this.memory.grow(wanted - now);
    } catch {
      this.memoryRefused = true;
      return 0;
    }
    this.#refresh();
    return 1;
  }

  #writeTime(seconds: number, at: Pointer): void {
    const date = new Date(seconds * 1000);
    const fields = [
      date.getUTCSeconds(),
      date.getUTCMinutes(),
      date.getUTCHours(),
      date.getUTCDate(),
      date.getUTCMonth(),
      date.getUTCFullYear() - 1900,
      date.getUTCDay(),
      Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000),
      0,
      0,
    ];
    this.words.set(fields, at >> 2);
  }
}

/** The instance had no room for a text that the host wanted to put in. */
export class OutOfMemory extends Error {}

/** The engine failed in itself: the instance is lost, as after a trap. */
export class EngineFailure extends Error {}
