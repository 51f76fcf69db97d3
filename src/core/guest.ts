// The contract between whoever has code to run and a sandbox that runs it: limits in, a value out.
// Invariant: nothing that a guest does makes `execute` throw; a guest's failure is a value. `execute` rejects
// only where the sandbox itself cannot serve: closed, queue full, no isolate to be had.
import type { ToolSet } from "./tool.ts";

/** The limits of one run. Times in milliseconds, sizes in bytes. */
export interface GuestLimits {
  /** Time that the guest itself may compute; waiting for tools is not counted. */
  readonly cpuMs: number;
  /** Wall time of the whole run, waiting included. */
  readonly timeoutMs: number;
  /** All memory of the guest's instance, its engine included (about 1 MiB when fresh). */
  readonly memoryBytes: number;
  /** The engine's stack: how deep calls may go. */
  readonly stackBytes: number;
  /** The code, as source text. */
  readonly codeBytes: number;
  /** The context, encoded. */
  readonly contextBytes: number;
  /** The value of `result`, encoded. */
  readonly resultBytes: number;
  /** All that the guest writes to its console; what is more is cut off. */
  readonly consoleBytes: number;
  /** Tool calls of the whole run. */
  readonly toolCalls: number;
  /** Tool calls under way at once; more wait in the guest's queue. */
  readonly concurrentToolCalls: number;
  /** The input or the output of one tool call, encoded. */
  readonly toolBytes: number;
}

/** The limits of a run where neither the agent nor the caller says otherwise. */
export const DEFAULT_LIMITS: GuestLimits = Object.freeze({
  cpuMs: 10_000,
  timeoutMs: 300_000,
  memoryBytes: 64 * 1024 * 1024,
  stackBytes: 512 * 1024,
  codeBytes: 256 * 1024,
  contextBytes: 8 * 1024 * 1024,
  resultBytes: 1024 * 1024,
  consoleBytes: 64 * 1024,
  toolCalls: 256,
  concurrentToolCalls: 16,
  toolBytes: 1024 * 1024,
});

/** A limit by its name, as errors cite it. */
export type LimitName = keyof GuestLimits;

/** How a run failed; decided from what the host saw, never from what the guest says. */
export type GuestFailure =
  | "syntax"
  | "runtime"
  | "no-result"
  | "unencodable"
  | "deadlock"
  | "limit"
  | "crash"
  | "cancelled"
  /** A repeated run did not do what its record says. */
  | "diverged"
  /** The run was put away because tool calls of it are held back; it can be repeated from its record. */
  | "suspended";

/** Why a run failed, in terms that a repair can use. */
export interface GuestError {
  /** The error's name, such as `TypeError`, or `LimitError` for a limit. */
  readonly name: string;
  /** What went wrong; the guest's own words where it threw. */
  readonly message: string;
  /** What the host saw: in which way the run failed. */
  readonly failure: GuestFailure;
  /** The limit that was hit, where `failure` is `limit`. */
  readonly limit?: LimitName;
  /** 1-based line and column in the code as it was given. */
  readonly line?: number;
  /** 1-based column in that line. */
  readonly column?: number;
  /** The guest's stack, its frames in the code as it was given. */
  readonly stack?: string;
}

/** One console call of a guest. */
export interface ConsoleEntry {
  /** The console's method that was called. */
  readonly level: "debug" | "log" | "info" | "warn" | "error";
  /** Its arguments as text, joined by spaces. */
  readonly text: string;
}

/** What a run used. */
export interface GuestUsage {
  /** Time the guest computed, in milliseconds. */
  readonly cpuMs: number;
  /** From start to end, waiting included, in milliseconds. */
  readonly wallMs: number;
  /** The instance's memory at the end; WebAssembly memory never shrinks, so this is also its highest. */
  readonly memoryBytes: number;
  /** How many tools were called. */
  readonly toolCalls: number;
}

/** How a run ended. */
export type ExecuteResult =
  | {
      readonly ok: true;
      readonly value: unknown;
      readonly console: readonly ConsoleEntry[];
      readonly usage: GuestUsage;
    }
  | {
      readonly ok: false;
      readonly error: GuestError;
      readonly console: readonly ConsoleEntry[];
      readonly usage: GuestUsage;
    };

/** What the guest is told of time and chance, so that a run can be repeated exactly. */
export interface GuestEntropy {
  /** Seeds `Math.random`: an integer from 0 to 2^32 - 1. */
  readonly seed: number;
  /** What `Date.now()` says at the start, in milliseconds since 1970. */
  readonly startedAt: number;
}

/** A tool call of a guest as the host sees it. */
export interface ToolCallEvent {
  /** What has just happened. */
  readonly type: "tool-called" | "tool-returned" | "tool-failed";
  /** The tool's name, as `group.name` in a group. */
  readonly tool: string;
  /** Which call it is: the same in all events of one call. */
  readonly callId: string;
  /** Guest time of the event, in milliseconds since 1970: what `Date.now()` gives the guest that hears of it. */
  readonly at: number;
  /** The input (called), the output (returned) or the message (failed). */
  readonly data: unknown;
}

/** A tool call as it is recorded, before the tool is called. */
export interface RecordedCall {
  readonly type: "tool-called";
  /** Counts from 0 in each run; the call's id is `<runId>:<call>`. */
  readonly call: number;
  /** Guest time at which the guest makes it, in milliseconds since 1970. */
  readonly at: number;
  readonly tool: string;
  /** As the guest sent it, the codec's text. */
  readonly input: string;
}

/** How a tool call ended, as it is recorded before the guest hears of it. */
export interface RecordedReturn {
  readonly type: "tool-returned";
  readonly call: number;
  /** Guest time at which the guest hears of it, in milliseconds since 1970. */
  readonly at: number;
  readonly ok: boolean;
  /** The codec's text of the output, or the failure as JSON: `[name, message, limit]`. */
  readonly text: string;
}

/** A call that is about to be made. */
export interface GatedCall {
  /** What is to be recorded. */
  readonly entry: RecordedCall;
  /** Whether it is recorded already: the record is asked again, and must not record it again. */
  readonly isRecorded: boolean;
  readonly callId: string;
  /** The input, validated; undefined where `problem` is not null. */
  readonly value: unknown;
  /** Why the input is refused. Such a call is recorded and answered but never made: there is nothing to hold back. */
  readonly problem: string | null;
}

/**
 * Keeps the record of a run and repeats it. A run that is given the record of an earlier one (same code, context,
 * tools, entropy and run id) hears the recorded returns in their order and at their times. No tool that has returned
 * is called again. A call that is recorded without a return was in flight or held back: `called` is asked about it
 * again, and then it is made again, with the same id. Nothing is executed before the guest has come to where the
 * record ends; where it does not come there, the run ends as "diverged".
 * What these functions throw ends the run and is thrown by `execute`.
 */
export interface RunRecord {
  /** What is recorded already, in order; empty for a new run. */
  readonly entries: readonly (RecordedCall | RecordedReturn)[];
  /**
   * The call may be made once this resolves to `call`. With `hold` it is not made, the guest is told nothing more,
   * and the run ends as "suspended" when its calls under way have ended and are recorded.
   */
  called(call: GatedCall): Promise<"call" | "hold">;
  /**
   * The guest hears of it once this and every earlier one has resolved. May be called while earlier ones are under
   * way: the record must keep the order in which it was called.
   */
  returned(entry: RecordedReturn): Promise<void>;
}

/** The options of one run. */
export interface ExecuteOptions {
  /** Injected as the guest's global `context`; any value that the codec can carry. */
  readonly context?: unknown;
  /** What the guest may call, as `tools.<name>(input)`; nothing where absent. */
  readonly tools?: ToolSet | undefined;
  /** Limits of this run, in place of the sandbox's. */
  readonly limits?: Partial<GuestLimits> | undefined;
  /** Ends the run when aborted; it is then a failure `cancelled`. */
  readonly signal?: AbortSignal | undefined;
  /** Chosen by the sandbox where absent. */
  readonly entropy?: GuestEntropy | undefined;
  /** Prefix of the run's tool call ids; chosen by the sandbox where absent. */
  readonly runId?: string | undefined;
  /** Handed to tools as `info.taskId`. */
  readonly taskId?: string | undefined;
  /** Records tool calls and repeats recorded ones; needs `entropy` and `runId`. Nothing is recorded where absent. */
  readonly record?: RunRecord | undefined;
  /** Told of each tool call as it begins and ends. */
  readonly onTool?: ((event: ToolCallEvent) => void) | undefined;
  /** Told of each line of the guest's console as it comes. */
  readonly onConsole?: ((entry: ConsoleEntry) => void) | undefined;
}

/** Runs untrusted code, each run in an instance of its own. */
export interface Sandbox {
  /**
   * Runs JavaScript (or TypeScript, its types stripped) and gives the value of `result`.
   *
   * @throws SandboxError where the sandbox itself cannot serve; never for what the guest does.
   */
  execute(code: string, options?: ExecuteOptions): Promise<ExecuteResult>;
  /** Ends all runs and isolates. */
  close(): Promise<void>;
}
