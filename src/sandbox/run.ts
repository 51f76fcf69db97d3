// One run as the host sees it: from the code that was given to the result that is returned.
// Invariant: it ends once, and from then on its tools are aborted, its timers cleared and its isolate told; all that
// the guest hears (returns, timers) goes through here in one order, with guest times that never go back.
import { decode } from "../core/codec.ts";
import { defer } from "../core/deferred.ts";
import { messageOf } from "../core/errors.ts";
import type {
  ConsoleEntry,
  ExecuteOptions,
  ExecuteResult,
  GuestError,
  GuestLimits,
  GuestUsage,
  LimitName,
  RunRecord,
} from "../core/guest.ts";
import type { Tool } from "../core/tool.ts";
import { serveTool, told, type ToolRequest, type ToolTerms } from "./broker.ts";
import { NO_RESULT } from "./compile.ts";
import { LEVELS } from "./guest/door.ts";
import type { Host } from "./isolate.ts";
import { limitError } from "./limits.ts";
import type { Pace } from "./pace.ts";
import type { Rider } from "./pool.ts";
import type { FromIsolate, GuestCall, GuestEnd, GuestLine, IsolateUsage, ToIsolate } from "./protocol.ts";
import { Transcript } from "./transcript.ts";

/** A run that is ready to start. */
export interface RunPlan {
  /** As it was given. */
  readonly code: string;
  /** Encoded; "" for none. */
  readonly context: string;
  readonly tools: ReadonlyMap<string, Tool<unknown>>;
  readonly limits: GuestLimits;
  readonly seed: number;
  readonly startedAt: number;
  readonly runId: string;
  readonly options: ExecuteOptions;
  readonly pace: Pace;
}

/** The least real time between two timers of a guest, in milliseconds: more for one that sets them without end. */
function leastWait(wakes: number): number {
  if (wakes < 100) return 1;
  return wakes < 1000 ? 4 : 16;
}

const NO_USAGE: IsolateUsage = { cpuMs: 0, memoryBytes: 0, toolCalls: 0 };

/** One run, from its start on a host to its result. */
export class Run implements Rider<ExecuteResult> {
  readonly plan: RunPlan;
  readonly result: Promise<ExecuteResult>;
  readonly #names: readonly string[];
  readonly #resolve: (result: ExecuteResult | Promise<never>) => void;
  readonly #abort = new AbortController();
  readonly #console: ConsoleEntry[] = [];
  readonly #terms: ToolTerms;
  readonly #transcript: Transcript | null;
  #host: Host | null = null;
  #number = 0;
  #usage = NO_USAGE;
  #started = 0;
  #lastAt: number;
  /** The clock: guest time was `base` when real time was `since`. */
  #clock: { readonly base: number; readonly since: number };
  /** Guest time that the guest has been told of. */
  #toldAt: number;
  /** Messages to the guest that it has not answered. */
  #unanswered = 0;
  /** Console lines that a restarted guest writes again. */
  #linesAgain = 0;
  #wakes = 0;
  #wall: ReturnType<typeof setTimeout> | undefined;
  #wake: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  constructor(plan: RunPlan) {
    this.plan = plan;
    this.#names = [...plan.tools.keys()];
    this.#lastAt = plan.startedAt;
    this.#toldAt = plan.startedAt;
    this.#clock = { base: plan.startedAt, since: 0 };
    const { promise, resolve } = defer<ExecuteResult>();
    this.result = promise;
    this.#resolve = resolve;
    this.#terms = {
      signal: this.#abort.signal,
      taskId: plan.options.taskId,
      toolBytes: plan.limits.toolBytes,
      onTool: (event) => this.#observe(() => plan.options.onTool?.(event)),
      pace: plan.pace,
      now: () => this.#now(),
    };
    const { record } = plan.options;
    this.#transcript = record === undefined ? null : this.#keep(record);
  }

  /** Whether the run has ended. */
  get over(): boolean {
    return this.#over;
  }

  /** Whether another host may start the run anew: it has a record, or the world has seen nothing of it yet. */
  get isRepeatable(): boolean {
    return this.#transcript !== null || (this.#usage.toolCalls === 0 && this.#console.length === 0);
  }

  /** Starts the run on a host, under a number of its own there. */
  start(host: Host, number: number): void {
    const { plan } = this;
    this.#host = host;
    this.#number = number;
    this.#started = performance.now();
    if (this.#clock.since === 0) this.#clock = { base: plan.startedAt, since: this.#started };
    this.#wall = setTimeout(() => this.limit("timeoutMs"), plan.limits.timeoutMs);
    this.#unanswered = 1;
    host.board(number, this, {
      type: "run",
      run: number,
      code: plan.code,
      context: plan.context,
      tools: this.#names,
      limits: plan.limits,
      seed: plan.seed,
      at: plan.startedAt,
    });
  }

  hear(message: Extract<FromIsolate, { readonly type: "turn" | "end" }>): void {
    if (this.#over) return;
    this.#unanswered -= 1;
    this.#usage = message.usage;
    for (const line of message.lines) {
      if (this.#linesAgain > 0) this.#linesAgain -= 1;
      else this.#log(line);
    }
    if (this.#over) return;
    if (message.type === "end") {
      this.#end(message);
      return;
    }
    if (this.#transcript === null) for (const call of message.calls) void this.#serve(call);
    else this.#transcript.hear(message.calls);
    if (this.#over) return;
    this.#setWake(message.wakeAt);
  }

  /** Takes the run off a lost host, to be started again. */
  reset(): void {
    clearTimeout(this.#wall);
    clearTimeout(this.#wake);
    this.#host = null;
    this.#usage = NO_USAGE;
    this.#toldAt = this.plan.startedAt;
    if (this.#transcript === null) {
      this.#lastAt = this.plan.startedAt;
      this.#clock = { base: this.plan.startedAt, since: 0 };
    } else {
      this.#linesAgain = this.#console.length;
      this.#transcript.rewind();
    }
  }

  /** Ends the run at a limit that the host itself keeps. */
  limit(limit: LimitName): void {
    this.fail(limitError(limit, this.plan.limits));
  }

  /** Ends the run with an error. */
  fail(error: GuestError): void {
    this.#finish((console, usage) => ({ ok: false, error, console, usage }));
  }

  /** Ends the run with what is thrown to its caller. */
  abandon(thrown: unknown): void {
    if (this.#over) return;
    this.#resolve(rejected(thrown));
    this.fail({ name: "Error", message: messageOf(thrown), failure: "cancelled" });
  }

  #end({ end, calls, pending }: Extract<FromIsolate, { readonly type: "end" }>): void {
    const divergence = end.type === "limit" || end.type === "crash" ? null : this.#transcript?.end(calls);
    if (divergence !== null && divergence !== undefined) {
      this.fail(divergence);
      return;
    }
    if (pending > 0) {
      const those = pending === 1 ? "1 tool call was" : `${pending} tool calls were`;
      this.#tell({
        level: "warn",
        text: `[${those} under way when the code ended and not waited for: await each]`,
      });
    }
    if (end.type !== "value") {
      this.fail(errorOf(end, this.plan.limits));
      return;
    }
    void this.#decode(end.text);
  }

  async #decode(text: string): Promise<void> {
    try {
      const value = await this.plan.pace.do(() => decode(text, { maxBytes: this.plan.limits.resultBytes }));
      this.#finish((console, usage) => ({ ok: true, value, console, usage }));
    } catch (thrown) {
      const tooLarge = (thrown as { readonly code?: string }).code === "VALUE_TOO_LARGE";
      if (tooLarge) this.limit("resultBytes");
      else this.fail({ name: "TypeError", message: messageOf(thrown), failure: "unencodable" });
    }
  }

  async #serve(call: GuestCall): Promise<void> {
    const host = this.#host;
    const request = this.#request(call);
    if (request === null) return;
    const answer = await serveTool(request, this.#terms);
    if (answer === null || this.#over || host !== this.#host) return;
    const { ok } = answer;
    this.#post({
      type: "return",
      run: this.#number,
      call: call.call,
      at: this.#now(),
      ok,
      text: told(answer),
    });
  }

  #request(call: GuestCall, gate?: ToolRequest["gate"]): ToolRequest | null {
    const name = this.#names[call.tool] ?? "";
    const tool = this.plan.tools.get(name);
    if (tool === undefined) return null;
    return { name, tool, callId: `${this.plan.runId}:${call.call}`, text: call.text, gate };
  }

  #keep(record: RunRecord): Transcript {
    return new Transcript(record, {
      runId: this.plan.runId,
      hasGuest: () => this.#host !== null,
      isAtRest: () => this.#unanswered === 0,
      isOver: () => this.#over,
      now: () => this.#now(),
      wake: (at) => this.#moveTo(at),
      tell: ({ call, at, ok, text }) => {
        this.#lastAt = Math.max(this.#lastAt, at);
        this.#post({ type: "return", run: this.#number, call, at, ok, text });
      },
      resume: () => {
        this.#moveTo(this.#lastAt);
        this.#clock = { base: this.#lastAt, since: performance.now() };
      },
      serve: async (call, gate) => {
        const request = this.#request(call, gate);
        return request === null ? null : serveTool(request, this.#terms);
      },
      nameOf: (call) => this.#names[call.tool] ?? "",
      fail: (error) => this.fail(error),
      abandon: (thrown) => this.abandon(thrown),
    });
  }

  /** Moves the guest on to a guest time, where it is not there yet. */
  #moveTo(at: number): void {
    if (at <= this.#toldAt) return;
    this.#lastAt = Math.max(this.#lastAt, at);
    this.#post({ type: "wake", run: this.#number, at });
  }

  #log(line: GuestLine): void {
    const level = LEVELS[line.level] ?? "log";
    this.#tell({ level, text: JSON.parse(line.text) as string });
  }

  #tell(entry: ConsoleEntry): void {
    this.#console.push(entry);
    this.#observe(() => this.plan.options.onConsole?.(entry));
  }

  /** Calls the caller's own function; what that throws goes back to the caller and ends the run. */
  #observe(act: () => void): void {
    try {
      act();
    } catch (thrown) {
      this.abandon(thrown);
    }
  }

  #setWake(at: number | null): void {
    clearTimeout(this.#wake);
    if (at === null) return;
    const wait = at - this.#clock.base - (performance.now() - this.#clock.since);
    this.#wake = setTimeout(
      () => {
        if (this.#transcript?.isOpen === false) return;
        this.#wakes += 1;
        this.#lastAt = Math.max(this.#lastAt, at);
        this.#post({ type: "wake", run: this.#number, at: this.#lastAt });
      },
      Math.ceil(Math.max(leastWait(this.#wakes), wait)),
    );
  }

  /** Guest time: whole milliseconds since the start, on top of what the guest was told its start was. */
  #now(): number {
    this.#lastAt = Math.max(
      this.#lastAt,
      this.#clock.base + Math.floor(performance.now() - this.#clock.since),
    );
    return this.#lastAt;
  }

  #post(message: Extract<ToIsolate, { readonly type: "return" | "wake" }>): void {
    if (this.#host === null) return;
    this.#toldAt = Math.max(this.#toldAt, message.at);
    this.#unanswered += 1;
    this.#host.post(message);
  }

  #finish(make: (console: readonly ConsoleEntry[], usage: GuestUsage) => ExecuteResult): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#wall);
    clearTimeout(this.#wake);
    this.#host?.drop(this.#number);
    this.#abort.abort(new Error("The run is over."));
    const wallMs = this.#started === 0 ? 0 : performance.now() - this.#started;
    this.#resolve(make(this.#console, { ...this.#usage, wallMs }));
  }
}

function errorOf(end: Exclude<GuestEnd, { type: "value" }>, limits: GuestLimits): GuestError {
  switch (end.type) {
    case "nothing":
      return NO_RESULT;
    case "limit":
      return limitError(end.limit, limits, end.message);
    case "deadlock":
      return {
        name: "DeadlockError",
        message:
          "The code waits for a promise that nothing can settle: no tool call is under way, no timer is set and " +
          "nothing is left to run. Check that every promise you made is resolved.",
        failure: "deadlock",
      };
    case "crash":
      return {
        name: "CrashError",
        message: `The engine failed while it ran the code (${end.message}), and its instance was dropped.`,
        failure: "crash",
      };
    case "fault": {
      const failure = end.kind === "thrown" ? "runtime" : end.kind;
      return {
        name: end.name,
        message: end.message,
        failure,
        ...(end.line > 0 ? { line: end.line } : {}),
        ...(end.column > 0 ? { column: end.column } : {}),
        ...(end.stack !== "" ? { stack: end.stack } : {}),
      };
    }
  }
}

function rejected(reason: unknown): Promise<never> {
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it is the caller's own
  return Promise.reject(reason);
}
