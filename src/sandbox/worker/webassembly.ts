// The part of the WebAssembly interface that the sandbox uses; the runtimes have it, their type packages do not.
// Invariant: nothing is made here; these are the runtime's own constructors under typed names.

/** A compiled module; can be sent to other threads as it is. */
export type WasmModule = object & { readonly wasmModule?: never };

/** A linear memory, in pages of 64 KiB. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

interface WebAssemblyInterface {
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Memory: new (descriptor: { initial: number; maximum: number }) => WasmMemory;
  readonly Instance: new (
    module: WasmModule,
    imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ) => { readonly exports: Readonly<Record<string, unknown>> };
}

export const { Module, Memory, Instance } = (
  globalThis as unknown as { readonly WebAssembly: WebAssemblyInterface }
).WebAssembly;

/** Bytes of one page of memory. */
export const PAGE_BYTES = 65_536;
