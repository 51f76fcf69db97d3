// How the host reaches an isolate: a thread or a process that takes messages and can be killed.
// Invariant: after `kill` or `lost` nothing more is heard of it.
import type { FromIsolate, ToIsolate } from "./protocol.ts";

/** What a link tells its owner. */
export interface LinkEvents {
  message(message: FromIsolate): void;
  /** The isolate is gone, on its own account. */
  lost(reason: string): void;
}

/** A way to one isolate. */
export interface Link {
  post(message: ToIsolate): void;
  /** Ends the isolate whatever it is doing; resolves once it is gone. */
  kill(): Promise<void>;
  /** Whether the isolate keeps this process alive. */
  hold(alive: boolean): void;
  /** Whether memory can be shared with the isolate. */
  readonly shares: boolean;
}

/** Starts an isolate. */
export type Launch = (events: LinkEvents) => Link;

// Built: dist/src/sandbox/link.js beside dist/engine/. From source (Deno): src/sandbox/link.ts, built all the same.
const ENGINE = new URL(
  import.meta.url.endsWith(".ts") ? "../../dist/engine/" : "../../engine/",
  import.meta.url,
);

/** The isolate's code, one file without imports. */
export const WORKER_URL = new URL("worker.js", ENGINE);
/** The engine's compiled form. */
export const ENGINE_URL = new URL("engine.wasm", ENGINE);
