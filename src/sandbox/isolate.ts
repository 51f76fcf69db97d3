// The host's view of one isolate: the runs on board, what it works on, and when it has worked too long.
// Invariant: each run on board is told of exactly one end: its own, or that the isolate is lost.
import type { Link, Launch } from "./link.ts";
import type { FromIsolate, ToIsolate } from "./protocol.ts";
import { Overtime } from "./overtime.ts";
import { Pulse, sharedNow } from "./pulse.ts";
import type { WasmModule } from "./worker/webassembly.ts";

/** What an isolate tells a run on board. */
export interface Passenger {
  /** Message of the isolate about this run. */
  hear(message: Extract<FromIsolate, { readonly run: number; readonly type: "turn" | "end" }>): void;
}

/** Where a run is on board: an isolate of this process, or a node that has one. */
export interface Host {
  /** Takes a run on board and starts it. */
  board(run: number, passenger: Passenger, message: Extract<ToIsolate, { type: "run" }>): void;
  /** Tells the guest something about a run on board. */
  post(message: Extract<ToIsolate, { readonly type: "return" | "wake" }>): void;
  /** Puts a run off board and stops it; nothing is heard of it any more. */
  drop(run: number): void;
}

/** What an isolate tells its pool. */
export interface IsolateEvents {
  ready(isolate: Isolate): void;
  /** A run has come to a wait or to its end: there may be room for the next. */
  settled(isolate: Isolate): void;
  lost(isolate: Isolate, reason: string): void;
}

/** One isolate, from its start to its loss. */
export class Isolate implements Host {
  readonly #link: Link;
  readonly #events: IsolateEvents;
  readonly #pulse: Pulse | null;
  readonly #runs = new Map<number, Passenger>();
  #starting = 0;
  readonly #overtime: Overtime;
  #stray = { run: 0, since: 0 };
  #state: "opening" | "ready" | "lost" = "opening";
  /** Where no memory is shared: the run at work and when it must have ended. */
  #told = { run: 0, deadline: 0, spares: 0 };

  constructor(
    launch: Launch,
    engine: { readonly module: WasmModule; readonly bytes: Uint8Array },
    spares: number,
    events: IsolateEvents,
  ) {
    this.#events = events;
    this.#link = launch({
      message: (message) => this.#receive(message),
      lost: (reason) => this.#lose(reason),
    });
    this.#pulse = this.#link.shares ? new Pulse() : null;
    this.#overtime = new Overtime(this.#link.shares);
    this.#link.post({
      type: "open",
      engine: this.#link.shares ? engine.module : engine.bytes,
      pulse: this.#pulse?.buffer ?? null,
      spares,
    });
  }

  get state(): "opening" | "ready" | "lost" {
    return this.#state;
  }

  /** Runs on board. */
  get size(): number {
    return this.#runs.size;
  }

  /** Whether a run has been sent that has not come to its first wait. */
  get isStarting(): boolean {
    return this.#starting !== 0;
  }

  /** The run at work right now; 0 for none. */
  get working(): number {
    return this.#pulse?.run ?? this.#told.run;
  }

  /** Whether it works for a run that is on board. */
  get isWorking(): boolean {
    return this.#runs.has(this.working);
  }

  /** Instances made ahead of need. */
  get spares(): number {
    return this.#pulse?.spares ?? this.#told.spares;
  }

  /** Whether the run at work holds the isolate so much longer than it may that it must be stuck. */
  get isStuck(): boolean {
    const deadline = this.#pulse?.deadline ?? this.#told.deadline;
    return this.#overtime.isOver(this.working === 0 ? -Infinity : sharedNow() - deadline);
  }

  /** Takes a run on board and starts it. */
  board(run: number, passenger: Passenger, message: Extract<ToIsolate, { type: "run" }>): void {
    this.#runs.set(run, passenger);
    this.#starting = run;
    this.#hold();
    this.#link.post(message);
  }

  /** Tells the isolate something about a run on board. */
  post(message: ToIsolate): void {
    this.#link.post(message);
  }

  /** Puts a run off board and stops it, at its next poll where it is at work. */
  drop(run: number): void {
    if (!this.#runs.delete(run)) return;
    this.insist();
    this.#link.post({ type: "stop", run });
    this.#settled(run);
  }

  /**
   * Stops what is at work for a run that is no longer on board. Gives for how long that has been asked, in
   * milliseconds; without shared memory the isolate does not hear of it before its turn is over.
   */
  insist(): number {
    const run = this.working;
    if (run === 0 || this.#runs.has(run)) return 0;
    this.#pulse?.stop(run);
    if (this.#stray.run !== run) this.#stray = { run, since: sharedNow() };
    return sharedNow() - this.#stray.since;
  }

  /** Takes all runs off board, in the order in which they came. */
  clear(): readonly Passenger[] {
    const runs = [...this.#runs.values()];
    this.#runs.clear();
    this.#hold();
    return runs;
  }

  /** All runs on board. */
  get passengers(): readonly Passenger[] {
    return [...this.#runs.values()];
  }

  /** A run on board. */
  passenger(run: number): Passenger | undefined {
    return this.#runs.get(run);
  }

  /** Ends the isolate; no event follows. */
  async kill(): Promise<void> {
    this.#state = "lost";
    await this.#link.kill();
  }

  #receive(message: FromIsolate): void {
    if (this.#state === "lost") return;
    switch (message.type) {
      case "ready":
        this.#state = "ready";
        this.#hold();
        {
          this.#events.ready(this);
          return;
        }
      case "broken":
        void this.#link.kill();
        {
          this.#lose(message.message);
          return;
        }
      case "pulse":
        this.#told = {
          run: message.run,
          deadline: sharedNow() + message.allowedMs,
          spares: message.spares,
        };
        return;
      case "turn":
      case "end": {
        const passenger = this.#runs.get(message.run);
        if (message.type === "end") this.#runs.delete(message.run);
        this.#settled(message.run);
        return passenger?.hear(message);
      }
    }
  }

  #settled(run: number): void {
    this.#hold();
    if (this.#starting === run) this.#starting = 0;
    this.#events.settled(this);
  }

  #lose(reason: string): void {
    if (this.#state === "lost") return;
    this.#state = "lost";
    this.#events.lost(this, reason);
  }

  /** An idle isolate does not keep the process alive. */
  #hold(): void {
    this.#link.hold(this.#state === "opening" || this.#runs.size > 0);
  }
}
