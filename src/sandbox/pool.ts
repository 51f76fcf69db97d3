// The isolates of a sandbox and the runs that wait for one: places runs, watches over isolates, replaces the lost.
// Invariant: a run is placed, queued or over; what a lost isolate took down is started again where the world has
// seen nothing of it, and reported where it has.
import { SandboxError } from "../core/errors.ts";
import type { GuestError, LimitName } from "../core/guest.ts";
import { Isolate, type Host, type IsolateEvents, type Passenger } from "./isolate.ts";
import type { Launch } from "./link.ts";
import { GRACE_MS, WATCH_MS } from "./overtime.ts";
import type { WasmModule } from "./worker/webassembly.ts";

/** How a run ended, as far as a pool counts. */
export type Outcome =
  { readonly ok: true } | { readonly ok: false; readonly error: { readonly limit?: LimitName | undefined } };

/** A run to be placed: one of this process, or one that a node does for another. */
export interface Rider<R extends Outcome = Outcome> extends Passenger {
  readonly result: Promise<R>;
  readonly over: boolean;
  /** Whether another isolate may start it anew. */
  readonly isRepeatable: boolean;
  start(host: Host, number: number): void;
  /** Takes it off a lost isolate, to be started again. */
  reset(): void;
  /** Ends it at a limit. */
  limit(limit: LimitName): void;
  /** Ends it with an error of its isolate's. */
  fail(error: GuestError): void;
}

/** How a pool is made. */
export interface PoolOptions {
  readonly launch: Launch;
  readonly engine: { readonly module: WasmModule; readonly bytes: Uint8Array };
  readonly isolates: number;
  readonly guestsPerIsolate: number;
  readonly maxQueued: number;
  readonly spares: number;
}

/** What a sandbox is doing: how many of each there are now, and since its start. */
export interface SandboxStats {
  /** Isolates that are up. */
  readonly isolates: number;
  /** Isolates that compute right now. */
  readonly busy: number;
  /** Guests on board that wait for a tool, a timer or their turn. */
  readonly waiting: number;
  /** Instances made ahead of need. */
  readonly spares: number;
  /** Runs that wait for an isolate. */
  readonly queued: number;
  /** Isolates killed by the watchdog since the start. */
  readonly kills: number;
  /** Runs that ended at a limit since the start, by limit. */
  readonly limits: Readonly<Partial<Record<LimitName, number>>>;
}

/** Isolates lost in a row before one was ready, after which waiting runs are refused. */
const MAX_FAILED_STARTS = 3;
/** Isolates that a run may lose before it is reported. */
export const MAX_RESTARTS = 2;

/** Places runs on isolates. */
export class Pool implements IsolateEvents {
  readonly #options: PoolOptions;
  readonly #isolates = new Set<Isolate>();
  readonly #queue: Rider[] = [];
  readonly #restarts = new WeakMap<Rider, number>();
  readonly #limits: Partial<Record<LimitName, number>> = {};
  readonly #refused = new WeakMap<Rider, (error: SandboxError) => void>();
  readonly #endings = new Set<Promise<unknown>>();
  #watch: ReturnType<typeof setInterval> | undefined;
  #numbers = 0;
  #kills = 0;
  #failedStarts = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    for (let count = 0; count < options.isolates; count += 1) this.#open();
  }

  /** Takes a run; its result settles it. Rejects where the sandbox cannot serve. */
  submit<R extends Outcome>(run: Rider<R>): Promise<R> {
    if (this.#closed) return Promise.reject(closed());
    const { maxQueued } = this.#options;
    if (this.#queue.length >= maxQueued) {
      const message = `Cannot run the code: ${maxQueued} runs wait already (maxQueued). Try again later, or raise maxQueued or isolates.`;
      return Promise.reject(new SandboxError("SANDBOX_BUSY", message, { retryable: true }));
    }
    this.#queue.push(run);
    const result = new Promise<R>((resolve, reject) => {
      this.#refused.set(run, reject);
      run.result.then((value) => {
        this.#count(value);
        resolve(value);
      }, reject);
    });
    this.#dispatch();
    return result;
  }

  /** Takes a run out of the queue, where it is still there. */
  withdraw(run: Rider): void {
    const index = this.#queue.indexOf(run);
    if (index >= 0) this.#queue.splice(index, 1);
  }

  stats(): SandboxStats {
    const isolates = [...this.#isolates];
    return {
      isolates: isolates.filter((isolate) => isolate.state === "ready").length,
      busy: isolates.filter((isolate) => isolate.working !== 0).length,
      waiting: sum(isolates, (isolate) => isolate.size - (isolate.isWorking ? 1 : 0)),
      spares: sum(isolates, (isolate) => isolate.spares),
      queued: this.#queue.length,
      kills: this.#kills,
      limits: { ...this.#limits },
    };
  }

  /** Ends all isolates; runs on board end as cancelled, and those that wait are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#watch);
    this.#refuse(closed());
    for (const isolate of this.#isolates) {
      for (const run of runsOf(isolate.clear())) {
        run.fail({ name: "CancelledError", message: "The sandbox was closed.", failure: "cancelled" });
      }
      this.#end(isolate);
    }
    await Promise.all(this.#endings);
  }

  ready(): void {
    this.#failedStarts = 0;
    this.#dispatch();
  }

  settled(): void {
    this.#dispatch();
  }

  lost(isolate: Isolate, reason: string): void {
    this.#isolates.delete(isolate);
    if (isolate.size === 0 && this.#failedStarts >= 0) this.#failedStarts += 1;
    this.#rescue(isolate, reason);
    if (this.#closed) return;
    if (this.#failedStarts >= MAX_FAILED_STARTS) {
      this.#failedStarts = 0;
      const message = `Cannot run the code: no isolate could be started, ${reason}.`;
      this.#refuse(new SandboxError("SANDBOX_FAILED", message, { retryable: true }));
      return;
    }
    this.#dispatch();
  }

  #open(): void {
    const { launch, engine, spares } = this.#options;
    this.#isolates.add(new Isolate(launch, engine, spares, this));
  }

  /** Places runs as long as there is one that waits and an isolate that can start it. */
  #dispatch(): void {
    if (this.#closed) return;
    while (
      this.#isolates.size < this.#options.isolates &&
      (this.#queue.length > 0 || this.#failedStarts === 0)
    ) {
      this.#open();
    }
    while (this.#queue.length > 0) {
      const isolate = this.#choose();
      if (isolate === null) return;
      const run = this.#queue.shift();
      if (run === undefined || run.over) continue;
      this.#numbers = (this.#numbers % 0x7fffffff) + 1;
      // To the back: of isolates equally free, the one that has rested longest has had time to make spares.
      this.#isolates.delete(isolate);
      this.#isolates.add(isolate);
      run.start(isolate, this.#numbers);
      this.#watch ??= unheld(setInterval(() => this.#look(), WATCH_MS));
    }
  }

  /** The isolate that can start a run soonest: one that waits rather than computes, and has the fewest on board. */
  #choose(): Isolate | null {
    let best: Isolate | null = null;
    let bestScore = Infinity;
    for (const isolate of this.#isolates) {
      if (isolate.state !== "ready" || isolate.isStarting) continue;
      if (isolate.size >= this.#options.guestsPerIsolate) continue;
      const score = isolate.size + (isolate.working === 0 ? 0 : 1e6);
      if (score < bestScore) [best, bestScore] = [isolate, score];
    }
    return best;
  }

  /** The second wall: kills an isolate whose guest has not left in time. */
  #look(): void {
    let active = false;
    for (const isolate of this.#isolates) {
      active ||= isolate.size > 0 || isolate.working !== 0;
      if (!isStuck(isolate)) continue;
      const [culprit] = runsOf([isolate.passenger(isolate.working)]);
      this.#kills += 1;
      this.#isolates.delete(isolate);
      culprit?.limit("cpuMs");
      this.#rescue(isolate, "another guest in it would not stop");
      this.#end(isolate);
    }
    if (!active) {
      clearInterval(this.#watch);
      this.#watch = undefined;
    }
    this.#dispatch();
  }

  #rescue(isolate: Isolate, reason: string): void {
    for (const run of runsOf(isolate.clear()).reverse()) {
      const restarts = (this.#restarts.get(run) ?? 0) + 1;
      if (run.isRepeatable && restarts <= MAX_RESTARTS && !this.#closed) {
        this.#restarts.set(run, restarts);
        run.reset();
        this.#queue.unshift(run);
        continue;
      }
      run.fail(isolateLost(run.isRepeatable, restarts, reason));
    }
  }

  #end(isolate: Isolate): void {
    const ending = isolate.kill().finally(() => this.#endings.delete(ending));
    this.#endings.add(ending);
  }

  #refuse(error: SandboxError): void {
    for (const run of this.#queue.splice(0)) this.#refused.get(run)?.(error);
  }

  #count(result: Outcome): void {
    const limit = result.ok ? undefined : result.error.limit;
    if (limit !== undefined) this.#limits[limit] = (this.#limits[limit] ?? 0) + 1;
  }
}

/** Whether a guest holds the isolate longer than it may, or one that was put off board holds up only the harmless. */
function isStuck(isolate: Isolate): boolean {
  const stray = isolate.insist() >= GRACE_MS;
  if (isolate.isStuck) return true;
  return stray && runsOf(isolate.passengers).every((run) => run.isRepeatable);
}

/** The runs among what is on board; there is nothing else, for the pool alone puts them there. */
function runsOf(passengers: readonly (Passenger | undefined)[]): Rider[] {
  return passengers.filter((passenger) => passenger !== undefined) as Rider[];
}

/** The error of a run that lost its isolate once too often. */
export function isolateLost(isRepeatable: boolean, losses: number, reason: string): GuestError {
  const message = isRepeatable
    ? `The run lost ${losses} isolates: ${reason}.`
    : `The run's isolate was lost (${reason}) after the code had acted through tools or its console, so it was not run again.`;
  return { name: "CrashError", message, failure: "crash" };
}

function sum(isolates: readonly Isolate[], count: (isolate: Isolate) => number): number {
  return isolates.reduce((all, isolate) => all + count(isolate), 0);
}

function closed(): SandboxError {
  return new SandboxError("SANDBOX_CLOSED", "Cannot run the code: the sandbox is closed.");
}

/** A timer that does not keep the process alive. */
function unheld(timer: ReturnType<typeof setInterval>): ReturnType<typeof setInterval> {
  timer.unref();
  return timer;
}
