// The sandbox: runs untrusted code in isolates, each run in an engine instance of its own.
// Invariant: `execute` gives a value for whatever the guest does; it throws for what the caller or the sandbox
// itself did wrong. Nothing weaker is ever used in place of what was asked for.
import { DefinitionError, SandboxError } from "../core/errors.ts";
import type { ExecuteOptions, ExecuteResult, GuestLimits, Sandbox } from "../core/guest.ts";
import { resolveLimits } from "../core/limits.ts";
import { executeOn } from "./execute.ts";
import { openPool, type IsolateOptions } from "./opening.ts";
import { Pace } from "./pace.ts";
import type { Pool, SandboxStats } from "./pool.ts";

/** The options of {@link createSandbox}. */
export interface SandboxOptions extends IsolateOptions {
  /** Where guests run: here, or on the nodes of a mesh that offer it. "local" where absent. */
  readonly mode?: "local" | "remote" | undefined;
  /** Limits of runs that do not bring their own. */
  readonly limits?: Partial<GuestLimits> | undefined;
}

/** A sandbox on this machine. */
export interface LocalSandbox extends Sandbox, AsyncDisposable {
  /** What it is doing now, and what came of runs since its start. */
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
      "Cannot make a remote sandbox here: runs are sent to sandbox nodes over NATS, and this program has no connection to it. " +
        'Set NATS_URL and SANDBOX_MODE=remote for a mesh, and start nodes with "fettle sandbox"; or use the mode "local".',
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
    this.#pool = openPool(options);
  }

  execute(code: string, options: ExecuteOptions = {}): Promise<ExecuteResult> {
    return executeOn(this.#pool, { code, options, limits: this.#limits, pace: this.#pace });
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
