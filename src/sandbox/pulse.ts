// What an isolate is doing right now, readable while it is too busy to answer: memory shared with the watchdog.
// Invariant: the isolate writes before it enters a guest and after it leaves; the host writes only the stop word.

// Four words, then a double: the run at work (0 for none), the run to stop, the spares; when the run's time is up.
const WORDS = 4;
const RUN = 0;
const STOP = 1;
const SPARES = 2;
const DEADLINE = 0;
const BYTES = WORDS * 4 + 8;

/** Milliseconds on a clock that all threads of a process share. */
export function sharedNow(): number {
  return performance.timeOrigin + performance.now();
}

/** Both sides' view of one isolate's pulse. */
export class Pulse {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #times: Float64Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(BYTES)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer, 0, WORDS);
    this.#times = new Float64Array(buffer, WORDS * 4, 1);
  }

  /** The isolate begins to work for a run that must leave by `deadline`. */
  enter(run: number, deadline: number): void {
    this.#times[DEADLINE] = deadline;
    Atomics.store(this.#words, RUN, run);
  }

  /** The isolate waits. */
  leave(): void {
    Atomics.store(this.#words, RUN, 0);
  }

  /** The run at work; 0 for none. */
  get run(): number {
    return Atomics.load(this.#words, RUN);
  }

  /** When the run at work must have ended, on the shared clock. */
  get deadline(): number {
    return this.#times[DEADLINE] ?? 0;
  }

  /** Instances that the isolate has made ahead of need. */
  get spares(): number {
    return Atomics.load(this.#words, SPARES);
  }

  set spares(count: number) {
    Atomics.store(this.#words, SPARES, count);
  }

  /** Asks the isolate to stop a run at its next poll. */
  stop(run: number): void {
    Atomics.store(this.#words, STOP, run);
  }

  /** Whether the host wants a run stopped. */
  isStopped(run: number): boolean {
    return Atomics.load(this.#words, STOP) === run;
  }
}
