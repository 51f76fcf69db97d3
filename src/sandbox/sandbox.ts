// The sandbox: runs untrusted code in isolates, each run in an engine instance of its own.
// Invariant: `execute` gives a value for whatever the guest does; it throws for what the caller or the sandbox
// itself did wrong. Nothing weaker is ever used in place of what was asked for.
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { encode } from "../core/codec.ts";
import { DefinitionError, messageOf, SandboxError, ValueError } from "../core/errors.ts";
import type { ExecuteOptions, ExecuteResult, GuestLimits, GuestUsage, Sandbox } from "../core/guest.ts";
import { flattenTools } from "../core/tool.ts";
import { resolveLimits } from "../core/limits.ts";
import { limitError } from "./limits.ts";
import { ENGINE_URL, WORKER_URL, type Launch } from "./link.ts";
import { Pace } from "./pace.ts";
import { Pool, type PoolStats } from "./pool.ts";
import { processes } from "./process.ts";
import { Run } from "./run.ts";
import { denoThreads } from "./thread-deno.ts";
import { nodeThreads } from "./thread-node.ts";
import { Module } from "./worker/webassembly.ts";

/** The options of {@link createSandbox}. */
export interface SandboxOptions {
  /** Where guests run: here, or on the nodes of a mesh that offer it. "local" where absent. */
  readonly mode?: "local" | "remote" | undefined;
  /** What an isolate is: a thread ("thread", the default) or a process of its own ("process"). */
  readonly isolation?: "thread" | "process" | undefined;
  /** How many isolates; as many as processors, at most 8, where absent. */
  readonly isolates?: number | undefined;
  /** Guests that may wait in one isolate at once; 1,000 where absent. */
  readonly guestsPerIsolate?: number | undefined;
  /** Runs that may wait for an isolate; 1,000 where absent. */
  readonly maxQueued?: number | undefined;
  /** Engine instances made ahead of need in each isolate; 2 where absent. */
  readonly spares?: number | undefined;
  /** Limits of runs that do not bring their own. */
  readonly limits?: Partial<GuestLimits> | undefined;
}

/** What a sandbox is doing. */
export type SandboxStats = PoolStats;

/** A sandbox on this machine. */
export interface LocalSandbox extends Sandbox, AsyncDisposable {
  stats(): SandboxStats;
}

const OPTIONS = new Set([
  "mode",
  "isolation",
  "isolates",
  "guestsPerIsolate",
  "maxQueued",
  "spares",
  "limits",
]);

/**
 * Makes a sandbox and starts its isolates.
 *
 * @throws DefinitionError where an option is unknown or wrong; SandboxError `SANDBOX_REMOTE` for the mode "remote",
 * `SANDBOX_FAILED` where the engine has not been built.
 * @example
 * await using sandbox = createSandbox();
 * const outcome = await sandbox.execute("result = context.a * 7", { context: { a: 6 } });
 */
export function createSandbox(options: SandboxOptions = {}): LocalSandbox {
  for (const key of Object.keys(options)) {
    if (!OPTIONS.has(key)) throw new DefinitionError(`Unknown sandbox option "${key}".`);
  }
  if (options.mode === "remote") {
    throw new SandboxError(
      "SANDBOX_REMOTE",
      'Cannot make a remote sandbox: it comes with a NATS mesh that offers sandbox nodes, and there is none here. Use the mode "local".',
    );
  }
  if (!isLocal(options.mode)) {
    throw new DefinitionError(
      `The sandbox mode is "${String(options.mode)}": it must be "local" or "remote".`,
    );
  }
  return new PooledSandbox(options);
}

function isLocal(mode: unknown): boolean {
  return mode === undefined || mode === "local";
}

class PooledSandbox implements LocalSandbox {
  readonly #pool: Pool;
  readonly #limits: GuestLimits;
  readonly #pace = new Pace();

  constructor(options: SandboxOptions) {
    this.#limits = resolveLimits(options.limits);
    this.#pool = new Pool({
      launch: launchOf(options.isolation),
      engine: readEngine(),
      isolates: count("isolates", options.isolates, Math.min(availableParallelism(), 8), 1),
      guestsPerIsolate: count("guestsPerIsolate", options.guestsPerIsolate, 1000, 1),
      maxQueued: count("maxQueued", options.maxQueued, 1000, 0),
      spares: count("spares", options.spares, 2, 0),
    });
  }

  async execute(code: string, options: ExecuteOptions = {}): Promise<ExecuteResult> {
    const limits = resolveLimits(options.limits, this.#limits);
    const tools = flattenTools(options.tools ?? {});
    const { signal } = options;
    if (signal?.aborted === true) return failed(cancelledError(signal));
    if (byteLength(code) > limits.codeBytes) return failed(limitError("codeBytes", limits));
    const context = await this.#pace.do(() => encodeContext(options.context, limits.contextBytes));
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
      pace: this.#pace,
    });
    if (signal === undefined) return this.#pool.submit(run);
    const cancel = (): void => {
      this.#pool.withdraw(run);
      run.fail(cancelledError(signal));
    };
    signal.addEventListener("abort", cancel, { once: true });
    try {
      if (signal.aborted) cancel();
      return await (run.over ? run.result : this.#pool.submit(run));
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  stats(): SandboxStats {
    return this.#pool.stats();
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function checkRecord({ record, entropy, runId }: ExecuteOptions): void {
  if (record === undefined || (entropy !== undefined && runId !== undefined)) return;
  const missing = entropy === undefined ? "entropy" : "runId";
  throw new DefinitionError(
    `Cannot record the run: the option ${missing} is missing, without which it could not be repeated. Choose one, and keep it with the record.`,
  );
}

function launchOf(isolation: SandboxOptions["isolation"]): Launch {
  switch (isolation) {
    case "process":
      return processes(WORKER_URL);
    case "thread":
    case undefined:
      return "Deno" in globalThis ? denoThreads(WORKER_URL) : nodeThreads(WORKER_URL);
    default:
      throw new DefinitionError(
        `The sandbox isolation is "${isolation as string}": it must be "thread" or "process".`,
      );
  }
}

function readEngine(): { readonly bytes: Uint8Array; readonly module: object } {
  try {
    const bytes = readFileSync(ENGINE_URL);
    return { bytes, module: new Module(bytes) };
  } catch (thrown) {
    throw new SandboxError(
      "SANDBOX_FAILED",
      `Cannot load the sandbox's engine from ${ENGINE_URL.pathname}: ${messageOf(thrown)}. Run "npm run build".`,
      { cause: thrown },
    );
  }
}

function count(name: string, given: number | undefined, absent: number, least: number): number {
  if (given === undefined) return absent;
  if (Number.isInteger(given) && given >= least) return given;
  throw new DefinitionError(
    `The sandbox option ${name} is ${given}: it must be an integer from ${least} on.`,
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

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

const NO_USAGE: GuestUsage = Object.freeze({ cpuMs: 0, wallMs: 0, memoryBytes: 0, toolCalls: 0 });

function failed(error: Extract<ExecuteResult, { ok: false }>["error"]): ExecuteResult {
  return { ok: false, error, console: [], usage: NO_USAGE };
}

function cancelledError(signal: AbortSignal): Extract<ExecuteResult, { ok: false }>["error"] {
  const reason: unknown = signal.reason;
  return {
    name: "CancelledError",
    message: `The run was cancelled: ${messageOf(reason)}`,
    failure: "cancelled",
  };
}
