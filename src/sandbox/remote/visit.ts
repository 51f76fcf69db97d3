// A run of a distant caller on this node: a rider of the node's pool, whose guest is heard by the caller.
// Invariant: it leaves the pool once, and the caller is told of one end: the guest's, or that its isolate was lost. What
// the caller says is checked before it comes near an isolate.
import type { Clock } from "../../core/clock.ts";
import { defer } from "../../core/deferred.ts";
import type { GuestError, GuestLimits, GuestUsage, LimitName } from "../../core/guest.ts";
import { byteLength } from "../execute.ts";
import type { Host } from "../isolate.ts";
import type { Outcome, Rider } from "../pool.ts";
import type { FromIsolate, IsolateUsage } from "../protocol.ts";
import type { ChannelOwner } from "./channel.ts";
import type { Line } from "./exchange.ts";
import { maxToCaller, maxToNode, toNodeSchema, type ToCaller, type ToNode } from "./wire.ts";

type Start = Extract<ToNode, { readonly type: "start" }>;

const NO_USAGE: IsolateUsage = { cpuMs: 0, memoryBytes: 0, toolCalls: 0 };

/** What a visit needs of its node. */
export interface VisitTerms {
  readonly limits: GuestLimits;
  readonly clock: Clock;
  /** Puts the visit into the pool. */
  readonly board: (visit: Visit) => void;
  /** Takes it out of the pool's queue. */
  readonly withdraw: (visit: Visit) => void;
}

/** One run of a caller. */
export class Visit implements Rider, ChannelOwner {
  readonly maxHeard: number;
  readonly maxUnacknowledged: number;
  readonly result: Promise<Outcome>;
  /** What the caller has seen of it is the caller's to know: it starts the run anew, or does not. */
  readonly isRepeatable = false;
  readonly #terms: VisitTerms;
  readonly #resolve: (outcome: Outcome) => void;
  #line: Line | null = null;
  #start: Start | null = null;
  #host: Host | null = null;
  #number = 0;
  #usage = NO_USAGE;
  #wall: unknown = null;
  #over = false;

  constructor(terms: VisitTerms) {
    const { promise, resolve } = defer<Outcome>();
    this.result = promise;
    this.#resolve = resolve;
    this.#terms = terms;
    this.maxHeard = maxToNode(terms.limits);
    this.maxUnacknowledged = 2 * maxToCaller(terms.limits);
  }

  get over(): boolean {
    return this.#over;
  }

  /** What it used, as far as it is known. */
  get usage(): Pick<GuestUsage, "cpuMs" | "memoryBytes"> {
    return this.#usage;
  }

  /** Gives the visit its way to the caller. */
  connect(line: Line): void {
    this.#line = line;
  }

  start(host: Host, number: number): void {
    const { limits, clock } = this.#terms;
    if (this.#start === null) return;
    const { code, context, tools, seed, at } = this.#start;
    this.#start = null;
    this.#host = host;
    this.#number = number;
    this.#wall = clock.setTimeout(() => this.limit("timeoutMs"), limits.timeoutMs);
    host.board(number, this, { type: "run", run: number, code, context, tools, limits, seed, at });
  }

  /** The isolate speaks, or the caller. */
  hear(told: string | Extract<FromIsolate, { readonly type: "turn" | "end" }>): void {
    if (this.#over) return;
    if (typeof told === "string") {
      this.#obey(told);
      return;
    }
    const { run: _, ...message } = told;
    this.#usage = message.usage;
    this.#tell(message as ToCaller);
    if (message.type !== "end") return;
    const { end } = message;
    this.#leave(end.type === "value" ? { ok: true } : failed(end.type === "limit" ? end.limit : undefined));
  }

  /** The caller is gone, or wants no more of it. */
  lost(): void {
    this.#leave(failed(undefined));
  }

  reset(): void {
    // Never asked for: a visit is not repeatable.
  }

  limit(limit: LimitName): void {
    if (this.#over) return;
    const end = { type: "limit" as const, limit, message: "" };
    this.#tell({ type: "end", end, calls: [], pending: 0, lines: [], usage: this.#usage });
    this.#leave(failed(limit));
  }

  fail(error: GuestError): void {
    if (this.#over) return;
    this.#tell({ type: "lost", reason: error.message });
    this.#leave(failed(undefined));
  }

  /** The node will not go on with it: the caller is told why, and looks for another. */
  refuse(reason: string): void {
    this.#line?.close(reason);
    this.#leave(failed(undefined));
  }

  #obey(text: string): void {
    const message = read(text);
    if (message === null) {
      this.refuse("what the caller sent is not of the protocol");
      return;
    }
    if (message.type === "start") this.#admit(message);
    else if (this.#host !== null) this.#host.post({ ...message, run: this.#number });
  }

  #admit(start: Start): void {
    const { limits } = this.#terms;
    if (this.#start !== null || this.#host !== null) {
      this.refuse("the caller started the run twice");
      return;
    }
    this.#start = start;
    if (byteLength(start.code) > limits.codeBytes) this.limit("codeBytes");
    else if (byteLength(start.context) > limits.contextBytes) this.limit("contextBytes");
    else this.#terms.board(this);
  }

  #tell(message: ToCaller): void {
    this.#line?.post(message);
  }

  #leave(outcome: Outcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#terms.clock.clearTimeout(this.#wall);
    this.#terms.withdraw(this);
    this.#host?.drop(this.#number);
    this.#resolve(outcome);
  }
}

function failed(limit: LimitName | undefined): Outcome {
  return { ok: false, error: { limit } };
}

function read(text: string): ToNode | null {
  try {
    return toNodeSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
