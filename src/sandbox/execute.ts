// One call of `execute`, wherever its guest is to run: checked, encoded and made a run, which a pool places.
// Invariant: what the caller did wrong is thrown, what the guest did is a value; a run that is cancelled ends at once,
// placed or not.
import { encode } from "../core/codec.ts";
import { DefinitionError, messageOf, ValueError } from "../core/errors.ts";
import type { ExecuteOptions, ExecuteResult, GuestError, GuestLimits, GuestUsage } from "../core/guest.ts";
import { resolveLimits } from "../core/limits.ts";
import { flattenTools } from "../core/tool.ts";
import { limitError } from "./limits.ts";
import type { Pace } from "./pace.ts";
import { Run } from "./run.ts";

/** What places runs. */
export interface Runs {
  /** Takes a run; its result settles it. Rejects where the sandbox cannot serve. */
  submit(run: Run): Promise<ExecuteResult>;
  /** Takes a run back that has not been placed. */
  withdraw(run: Run): void;
}

/** A call of `execute`. */
export interface Execution {
  readonly code: string;
  readonly options: ExecuteOptions;
  /** The sandbox's own, for what the call does not bring. */
  readonly limits: GuestLimits;
  readonly pace: Pace;
}

/** Makes a call a run and has it done. */
export async function executeOn(runs: Runs, execution: Execution): Promise<ExecuteResult> {
  const { code, options, pace } = execution;
  const limits = resolveLimits(options.limits, execution.limits);
  const tools = flattenTools(options.tools ?? {});
  const { signal } = options;
  if (signal?.aborted === true) return failed(cancelledError(signal));
  if (byteLength(code) > limits.codeBytes) return failed(limitError("codeBytes", limits));
  const context = await pace.do(() => encodeContext(options.context, limits.contextBytes));
  if (context === null) return failed(limitError("contextBytes", limits));
  checkRecord(options);
  const run = new Run({
    code,
    context,
    tools,
    limits,
    seed: options.entropy?.seed ?? Math.floor(Math.random() * 2 ** 32),
    startedAt: options.entropy?.startedAt ?? Date.now(),
    runId: options.runId ?? crypto.randomUUID(),
    options,
    pace,
  });
  if (signal === undefined) return runs.submit(run);
  const cancel = (): void => {
    runs.withdraw(run);
    run.fail(cancelledError(signal));
  };
  signal.addEventListener("abort", cancel, { once: true });
  try {
    if (signal.aborted) cancel();
    return await (run.over ? run.result : runs.submit(run));
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

function checkRecord({ record, entropy, runId }: ExecuteOptions): void {
  if (record === undefined || (entropy !== undefined && runId !== undefined)) return;
  const missing = entropy === undefined ? "entropy" : "runId";
  throw new DefinitionError(
    `Cannot record the run: the option ${missing} is missing, without which it could not be repeated. Choose one, and keep it with the record.`,
  );
}

/** The context as text; "" for none, null where it is too large. */
function encodeContext(context: unknown, maxBytes: number): string | null {
  if (context === undefined) return "";
  try {
    return encode(context, { maxBytes });
  } catch (thrown) {
    if (thrown instanceof ValueError && thrown.code === "VALUE_TOO_LARGE") return null;
    throw thrown;
  }
}

/** How many bytes a text is. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

const NO_USAGE: GuestUsage = Object.freeze({ cpuMs: 0, wallMs: 0, memoryBytes: 0, toolCalls: 0 });

function failed(error: GuestError): ExecuteResult {
  return { ok: false, error, console: [], usage: NO_USAGE };
}

function cancelledError(signal: AbortSignal): GuestError {
  const reason: unknown = signal.reason;
  return {
    name: "CancelledError",
    message: `The run was cancelled: ${messageOf(reason)}`,
    failure: "cancelled",
  };
}
