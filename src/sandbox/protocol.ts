// What the host and an isolate tell each other. Both sides narrow on `type`.
// Invariant: only numbers and texts cross; values are texts of the codec, so nothing of one side is ever an object
// of the other, and a structured clone can fail on none of it.
import type { LimitName } from "../core/guest.ts";
import type { WasmModule } from "./worker/webassembly.ts";

/** Limits that the isolate itself keeps. */
export interface IsolateLimits {
  readonly cpuMs: number;
  readonly timeoutMs: number;
  readonly memoryBytes: number;
  readonly stackBytes: number;
  readonly resultBytes: number;
  readonly consoleBytes: number;
  readonly toolCalls: number;
  readonly concurrentToolCalls: number;
  readonly toolBytes: number;
}

/** Host to isolate. */
export type ToIsolate =
  /** The first message: the engine, and the memory shared with the watchdog where threads can share one. */
  | {
      readonly type: "open";
      readonly engine: WasmModule | Uint8Array;
      readonly pulse: SharedArrayBuffer | null;
      readonly spares: number;
    }
  /** Starts a run. */
  | {
      readonly type: "run";
      readonly run: number;
      /** As it was given: the isolate parses it, on the guest's own time. */
      readonly code: string;
      /** Encoded; "" for none. */
      readonly context: string;
      readonly tools: readonly string[];
      readonly limits: IsolateLimits;
      readonly seed: number;
      /** Guest time, in milliseconds since 1970. */
      readonly at: number;
    }
  /** A tool call ended at guest time `at`: with an encoded output, or with `[name, message, limit]` as JSON. */
  | {
      readonly type: "return";
      readonly run: number;
      readonly call: number;
      readonly at: number;
      readonly ok: boolean;
      readonly text: string;
    }
  /** Guest time has come to `at`: timers that are due fire. */
  | { readonly type: "wake"; readonly run: number; readonly at: number }
  /** Ends a run; nothing is answered. */
  | { readonly type: "stop"; readonly run: number };

/** A tool call of a guest. */
export interface GuestCall {
  /** Counts from 0 in each run. */
  readonly call: number;
  /** Index into the run's tools. */
  readonly tool: number;
  /** The input, encoded. */
  readonly text: string;
  /** Guest time at which it was made. */
  readonly at: number;
}

/** A console line of a guest: the level's index, the text as a JSON string. */
export interface GuestLine {
  readonly level: number;
  readonly text: string;
}

/** What a run has used so far. */
export interface IsolateUsage {
  readonly cpuMs: number;
  readonly memoryBytes: number;
  readonly toolCalls: number;
}

/** How a guest ended, as its isolate saw it. */
export type GuestEnd =
  | { readonly type: "value"; readonly text: string }
  | { readonly type: "nothing" }
  | { readonly type: "limit"; readonly limit: LimitName; readonly message: string }
  | { readonly type: "deadlock" }
  | { readonly type: "crash"; readonly message: string }
  | {
      readonly type: "fault";
      readonly kind: "syntax" | "thrown" | "unencodable";
      readonly name: string;
      readonly message: string;
      /** Frames in the code as it was given; "" for none. */
      readonly stack: string;
      /** 1-based position in the code as it was given; 0 where unknown. */
      readonly line: number;
      readonly column: number;
    };

/** Isolate to host. */
export type FromIsolate =
  | { readonly type: "ready" }
  /** The isolate cannot work; it ends itself. */
  | { readonly type: "broken"; readonly message: string }
  /** A stretch of a guest's work is over and the guest waits. */
  | {
      readonly type: "turn";
      readonly run: number;
      readonly calls: readonly GuestCall[];
      readonly lines: readonly GuestLine[];
      /** Guest time of the next timer; null where there is none. */
      readonly wakeAt: number | null;
      readonly usage: IsolateUsage;
    }
  /** The run is over. */
  | {
      readonly type: "end";
      readonly run: number;
      readonly end: GuestEnd;
      /** Made in the last stretch of its work: too late to be served. */
      readonly calls: readonly GuestCall[];
      /** Tool calls that nothing had come of when the code ended. */
      readonly pending: number;
      readonly lines: readonly GuestLine[];
      readonly usage: IsolateUsage;
    }
  /** What a shared pulse would show; told only where no memory is shared. */
  | {
      readonly type: "pulse";
      /** The run at work, which must leave within `allowedMs`; 0 for none. */
      readonly run: number;
      readonly allowedMs: number;
      readonly spares: number;
    };
