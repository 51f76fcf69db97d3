// A sandbox whose guests run on the nodes of a mesh. Only the guest is elsewhere: tools, records, clocks and limits are
// kept by the run here, as for a guest of this process.
// Invariant: never a local run. A run that loses its node is started on another where the world has seen nothing of it
// or it is recorded; else it ends with an error.
import { systemClock, type Clock } from "../../core/clock.ts";
import { SandboxError } from "../../core/errors.ts";
import type { ExecuteOptions, ExecuteResult, GuestLimits, Sandbox } from "../../core/guest.ts";
import { resolveLimits } from "../../core/limits.ts";
import { silentLog, type Log } from "../../core/log.ts";
import type { Messages } from "../../core/ports.ts";
import type { Subjects } from "../../core/subjects.ts";
import { defer } from "../../core/deferred.ts";
import { executeOn, type Runs } from "../execute.ts";
import { Pace } from "../pace.ts";
import { isolateLost, MAX_RESTARTS } from "../pool.ts";
import type { Run } from "../run.ts";
import { DistantIsolate, type Loss } from "./distant-isolate.ts";
import { Exchange } from "./exchange.ts";
import { findNode } from "./search.ts";
import { WIRE_VERSION } from "./wire.ts";

/** How a remote sandbox is made. */
export interface RemoteSandboxOptions {
  readonly messages: Messages;
  readonly subjects: Pick<Subjects, "sandbox">;
  /** So long a run waits for a node with room, in milliseconds; 10,000 where absent. */
  readonly patienceMs?: number | undefined;
  /** Limits of runs that do not bring their own. */
  readonly limits?: Partial<GuestLimits> | undefined;
  readonly clock?: Clock | undefined;
  readonly log?: Log | undefined;
  /** The trace of whoever runs something; none where absent. */
  readonly trace?: (() => string | undefined) | undefined;
}

/** A sandbox on other nodes. */
export interface RemoteSandbox extends Sandbox, AsyncDisposable {}

/** So long a run waits for a node, in milliseconds, where nobody says. */
const PATIENCE_MS = 10_000;

/** Makes a sandbox that sends its runs to the sandbox nodes of a mesh. */
export function createRemoteSandbox(options: RemoteSandboxOptions): RemoteSandbox {
  return new NodesSandbox(options);
}

/** A run that is under way, or on its way to a node. */
interface Journey {
  readonly abort: AbortController;
  readonly trace: string | undefined;
  losses: number;
}

class NodesSandbox implements RemoteSandbox {
  readonly #options: RemoteSandboxOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: GuestLimits;
  readonly #pace = new Pace();
  readonly #id = crypto.randomUUID();
  readonly #exchange: Exchange;
  readonly #journeys = new Map<Run, Journey>();
  #numbers = 0;
  #closed = false;

  constructor(options: RemoteSandboxOptions) {
    const { messages, subjects } = options;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? silentLog;
    this.#limits = resolveLimits(options.limits);
    this.#exchange = new Exchange({
      messages,
      clock: this.#clock,
      id: this.#id,
      here: subjects.sandbox(`caller.${this.#id}`),
      there: (node) => subjects.sandbox(`node.${node}`),
    });
  }

  execute(code: string, options: ExecuteOptions = {}): Promise<ExecuteResult> {
    const trace = this.#options.trace?.();
    const runs: Runs = {
      submit: (run) => this.#submit(run, trace),
      withdraw: (run) => this.#journeys.get(run)?.abort.abort(),
    };
    return executeOn(runs, { code, options, limits: this.#limits, pace: this.#pace });
  }

  #submit(run: Run, trace: string | undefined): Promise<ExecuteResult> {
    if (this.#closed) return Promise.reject(closed());
    const { promise, resolve, reject } = defer<ExecuteResult>();
    const journey: Journey = { abort: new AbortController(), trace, losses: 0 };
    this.#journeys.set(run, journey);
    run.result.then(resolve, reject).finally(() => {
      journey.abort.abort();
      this.#journeys.delete(run);
    });
    void this.#place(run, journey);
    return promise;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const run of [...this.#journeys.keys()]) {
      run.fail({ name: "CancelledError", message: "The sandbox was closed.", failure: "cancelled" });
    }
    this.#exchange.close("the caller has closed its sandbox");
    await Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #place(run: Run, journey: Journey): Promise<void> {
    const { messages, subjects, patienceMs = PATIENCE_MS } = this.#options;
    const { limits } = run.plan;
    this.#numbers += 1;
    const number = this.#numbers;
    const { trace } = journey;
    const offer = { v: WIRE_VERSION, caller: this.#id, run: number, limits: { ...limits } } as const;
    try {
      const node = await findNode(
        trace === undefined ? offer : { ...offer, trace },
        {
          messages,
          clock: this.#clock,
          subject: subjects.sandbox("run"),
          patienceMs,
          isReachable: (timeoutMs, signal) => this.#exchange.isReachable(timeoutMs, signal),
        },
        journey.abort.signal,
      );
      if (node === null) return;
      const lost = (what: Loss, reason: string): void => this.#lost(run, node.name, what, reason);
      const isolate = new DistantIsolate(this.#exchange, node, limits, lost);
      if (run.over) isolate.decline(number);
      else run.start(isolate, number);
    } catch (thrown) {
      run.abandon(thrown);
    }
  }

  /** As for an isolate of this process: what may be run again is. */
  #lost(run: Run, node: string, what: Loss, reason: string): void {
    const journey = this.#journeys.get(run);
    if (journey === undefined || run.over) return;
    journey.losses += 1;
    this.#log.warn({ node, reason, runId: run.plan.runId }, `a run has lost its sandbox ${what}`);
    if (run.isRepeatable && journey.losses <= MAX_RESTARTS) {
      run.reset();
      void this.#place(run, journey);
      return;
    }
    if (what === "isolate") {
      run.fail(isolateLost(run.isRepeatable, journey.losses, reason));
      return;
    }
    const again = run.isRepeatable
      ? `It was run on ${journey.losses} nodes, and lost each.`
      : "The code had acted through tools or its console and is not recorded, so it was not run again.";
    run.abandon(
      new SandboxError("SANDBOX_FAILED", `The sandbox node "${node}" was lost: ${reason}. ${again}`, {
        retryable: true,
      }),
    );
  }
}

function closed(): SandboxError {
  return new SandboxError("SANDBOX_CLOSED", "Cannot run the code: the sandbox is closed.");
}
