// One run: a guest in its own instance, worked in turns. A turn begins when the host speaks (start, tool return,
// timer) and ends when the guest waits or is over; only in a turn does the guest's clock of computing run.
// Invariant: after the end nothing enters the instance again; how it ended is decided from what this side saw.
import type { LimitName } from "../../core/guest.ts";
import { ASK, TELL, type Fault, type World } from "../guest/door.ts";
import type { FromIsolate, GuestCall, GuestEnd, GuestLine, ToIsolate } from "../protocol.ts";
import { compileGuest } from "../compile.ts";
import { EngineFailure, OutOfMemory, type Engine, type EngineHost, type Pointer } from "./engine.ts";
import type { Image } from "./image.ts";
import { locate } from "./position.ts";
import { PAGE_BYTES } from "./webassembly.ts";

/** The message that starts a run. */
export type RunMessage = Extract<ToIsolate, { type: "run" }>;
/** The message that ends a tool call. */
export type ReturnMessage = Extract<ToIsolate, { type: "return" }>;

const THREAD_STACK =
  "The code called itself too deeply and was stopped: the stack of its isolate's thread was full before " +
  "limits.stackBytes was. Use a loop, or nest less.";

/** What the guest's body is put into: a function of its own, which the body cannot close (it parses by itself). */
const HEAD = "(async function () {\n";
const HEAD_LINES = 1;

/** Thrown through the engine to end an instance. */
class Halt extends Error {
  readonly end: GuestEnd | null;
  constructor(end: GuestEnd | null) {
    super("halt");
    this.end = end;
  }
}

/** What a guest needs of its isolate. */
export interface GuestPlace {
  /** A turn begins; the run must leave within `allowedMs`. */
  enter(run: number, allowedMs: number): void;
  leave(): void;
  /** Whether the host wants the run stopped. */
  isStopped(run: number): boolean;
  post(message: FromIsolate): void;
}

/** A guest at work. */
export class Guest implements EngineHost {
  readonly #run: RunMessage;
  readonly #engine: Engine;
  readonly #image: Image;
  readonly #place: GuestPlace;
  readonly #wallDeadline: number;
  #cpuMs = 0;
  #deadline = 0;
  #deadlineLimit: LimitName = "cpuMs";
  #time: number;
  #promise: Pointer = 0;
  #calls: GuestCall[] = [];
  #lines: GuestLine[] = [];
  #called = 0;
  #underway = 0;
  #wakeAt: number | null = null;
  #end: GuestEnd | null = null;
  #stopped = false;

  constructor(run: RunMessage, engine: Engine, image: Image, place: GuestPlace) {
    this.#run = run;
    this.#engine = engine;
    this.#image = image;
    this.#place = place;
    this.#time = run.at;
    this.#wallDeadline = performance.now() + run.limits.timeoutMs;
    engine.host = this;
  }

  /** Whether the run is over. */
  get ended(): boolean {
    return this.#end !== null || this.#stopped;
  }

  /** Compiles the guest's code, builds its world and runs the code up to the first wait. */
  async start(): Promise<void> {
    const started = performance.now();
    this.#place.enter(this.#run.run, this.#allowance(started));
    const compiled = await compileGuest(this.#run.code);
    this.#cpuMs += performance.now() - started;
    if (compiled.ok) {
      this.#turn(() => this.#begin(compiled.body));
      return;
    }
    this.#place.leave();
    const { name, message, line, column } = compiled.error;
    this.#end = {
      type: "fault",
      kind: "syntax",
      name,
      message,
      stack: "",
      line: line ?? 0,
      column: column ?? 0,
    };
    this.#report();
  }

  /** Ends a tool call; timers that were due before it fire first. */
  return(message: ReturnMessage): void {
    this.#turn(() => {
      this.#wakeUntil(message.at);
      if (this.#end !== null) return;
      this.#time = Math.max(this.#time, message.at);
      this.#underway -= 1;
      this.#ask(message.ok ? ASK.resolve : ASK.reject, message.call, this.#text(message.text));
      this.#drain();
    });
  }

  /** Moves guest time on to `at`, firing the timers that are due. */
  wake(at: number): void {
    this.#turn(() => this.#wakeUntil(at));
  }

  /** Ends the run without a word. */
  stop(): void {
    this.#stopped = true;
  }

  poll(): void {
    if (this.#place.isStopped(this.#run.run)) throw new Halt(null);
    if (performance.now() < this.#deadline) return;
    throw new Halt({ type: "limit", limit: this.#deadlineLimit, message: "" });
  }

  now(): number {
    return this.#time;
  }

  tell(args: Pointer): void {
    this.poll();
    const { words } = this.#engine;
    const kind = words[args >> 2] ?? -1;
    const number = words[(args >> 2) + 2] ?? 0;
    const text = this.#engine.takeText(this.#image.context, args + 16);
    switch (kind) {
      case TELL.call:
        this.#calls.push({ call: this.#called, tool: number, text, at: this.#time });
        this.#called += 1;
        this.#underway += 1;
        return;
      case TELL.console:
        this.#lines.push({ level: number, text });
        return;
      case TELL.timer:
        this.#wakeAt = text === "" ? null : Number(text);
        return;
      case TELL.limit:
        throw new Halt({ type: "limit", limit: text as LimitName, message: "" });
      case TELL.result:
        this.#end = { type: "value", text };
        return;
      case TELL.nothing:
        this.#end = { type: "nothing" };
        return;
      case TELL.fault:
        this.#end = this.#fault(JSON.parse(text) as Fault);
        return;
    }
  }

  #begin(body: string): void {
    const { tools, limits, seed, context } = this.#run;
    const world: World = {
      tools,
      consoleBytes: limits.consoleBytes,
      resultBytes: limits.resultBytes,
      toolBytes: limits.toolBytes,
      toolCalls: limits.toolCalls,
      concurrentToolCalls: limits.concurrentToolCalls,
    };
    const { exports } = this.#engine;
    const { runtime, context: realm, file, undefined: nothing } = this.#image;
    exports.setMaxStackSize(runtime, limits.stackBytes);
    this.#ask(ASK.start, seed | 0, this.#text(JSON.stringify(world)), this.#text(context));
    const source = this.#engine.putText(`${HEAD}${body}\n})`);
    const fn = exports.evaluate(realm, source.at, source.length, file, 0, 0);
    const error = exports.takeException(realm, fn);
    exports.free(source.at);
    if (error !== 0) {
      this.#ask(ASK.fail, 0, error);
      if (this.#end?.type === "fault") this.#end = { ...this.#end, kind: "syntax" };
      return;
    }
    this.#promise = exports.call(realm, fn, nothing, 0, 0);
    this.#drain();
  }

  /** How long the run may go on from now; notes which limit that is. */
  #allowance(now: number): number {
    const cpuLeft = this.#run.limits.cpuMs - this.#cpuMs;
    const wallLeft = this.#wallDeadline - now;
    this.#deadlineLimit = wallLeft < cpuLeft ? "timeoutMs" : "cpuMs";
    return Math.max(0, Math.min(cpuLeft, wallLeft));
  }

  #turn(work: () => void): void {
    if (this.ended) {
      this.#place.leave();
      return;
    }
    const started = performance.now();
    const allowed = this.#allowance(started);
    this.#deadline = started + allowed;
    this.#place.enter(this.#run.run, allowed);
    try {
      work();
      if (this.#end === null && this.#underway === 0 && this.#wakeAt === null)
        this.#end = { type: "deadlock" };
    } catch (thrown) {
      this.#end = this.#classify(thrown);
    }
    this.#place.leave();
    this.#cpuMs += performance.now() - started;
    this.#report();
  }

  #report(): void {
    if (this.#stopped) return;
    const run = this.#run.run;
    const lines = this.#lines;
    const usage = {
      cpuMs: this.#cpuMs,
      memoryBytes: this.#engine.pages * PAGE_BYTES,
      toolCalls: this.#called,
    };
    if (this.#end !== null) {
      this.#place.post({
        type: "end",
        run,
        end: this.#end,
        calls: this.#calls,
        pending: this.#underway,
        lines,
        usage,
      });
      return;
    }
    this.#place.post({ type: "turn", run, calls: this.#calls, lines, wakeAt: this.#wakeAt, usage });
    this.#calls = [];
    this.#lines = [];
  }

  /** Runs what the guest has left to do, then looks whether its code has ended. */
  #drain(): void {
    const { exports } = this.#engine;
    const { runtime, context, scratch } = this.#image;
    while (exports.isJobPending(runtime) !== 0) {
      const outcome = exports.runJobs(runtime, -1, scratch);
      const isObject = this.#engine.words[(outcome >> 2) + 1] === 0xffffffff;
      // A job that throws (a queueMicrotask callback) has no promise to reject: it ends the run.
      if (isObject) {
        this.#ask(ASK.fail, 0, outcome);
        return;
      }
      exports.freeValue(context, outcome);
    }
    const state = exports.promiseState(context, this.#promise);
    if (state === 0) return;
    const value = exports.promiseResult(context, this.#promise);
    this.#ask(state === 1 ? ASK.finish : ASK.fail, 0, value);
    if (this.#end === null) throw new EngineFailure("the bootstrap did not answer");
  }

  /** Fires the timers that are due by `at`, each at its own time and with all that follows from it. */
  #wakeUntil(at: number): void {
    while (this.#end === null && this.#wakeAt !== null && this.#wakeAt <= at) {
      this.#time = Math.max(this.#time, this.#wakeAt);
      this.#ask(ASK.wake, 0);
      if (this.#end === null) this.#drain();
    }
    this.#time = Math.max(this.#time, at);
  }

  /** Calls the bootstrap. What it throws is the guest's failure. */
  #ask(kind: number, number: number, first: Pointer = this.#image.undefined, second: Pointer = first): void {
    const { exports } = this.#engine;
    const { scratch, context, enter } = this.#image;
    const words = this.#engine.words;
    const base = scratch >> 2;
    words[base] = kind;
    words[base + 1] = 0;
    words[base + 2] = number;
    words[base + 3] = 0;
    words[base + 8] = scratch;
    words[base + 9] = scratch + 8;
    words[base + 10] = first;
    words[base + 11] = second;
    const outcome = exports.call(context, enter, this.#image.undefined, 4, scratch + 32);
    const error = exports.takeException(context, outcome);
    if (error === 0) return;
    if (this.#engine.memoryRefused) throw new OutOfMemory();
    if (kind === ASK.fail) throw new EngineFailure("the bootstrap cannot describe the failure");
    this.#ask(ASK.fail, 0, error);
  }

  /** A text as a value of the engine. */
  #text(text: string): Pointer {
    const { exports } = this.#engine;
    const { at } = this.#engine.putText(text);
    const value = exports.newString(this.#image.context, at);
    exports.free(at);
    return value;
  }

  #fault(fault: Fault): GuestEnd {
    if (fault.limit !== "") return { type: "limit", limit: fault.limit as LimitName, message: fault.message };
    // A regular expression that finds no memory says so in a SyntaxError, a getter of the result in its own words.
    const byEngine =
      fault.name === "InternalError" || fault.message === "null" || fault.message.includes("out of memory");
    if (byEngine && this.#engine.memoryRefused) return { type: "limit", limit: "memoryBytes", message: "" };
    if (byEngine && fault.message === "stack overflow" && this.#engine.exports.overflowed.value !== 0) {
      return { type: "limit", limit: "stackBytes", message: "" };
    }
    const { kind, name, message } = fault;
    return { type: "fault", kind, name, message, ...locate(fault.stack, HEAD_LINES) };
  }

  /** What ended the instance from below: our own halt, no memory, no stack, or a trap. */
  #classify(thrown: unknown): GuestEnd | null {
    if (thrown instanceof Halt) {
      if (thrown.end === null) this.#stopped = true;
      return thrown.end;
    }
    if (thrown instanceof OutOfMemory || this.#engine.memoryRefused) {
      return { type: "limit", limit: "memoryBytes", message: "" };
    }
    if (thrown instanceof RangeError) return { type: "limit", limit: "stackBytes", message: THREAD_STACK };
    return { type: "crash", message: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}
