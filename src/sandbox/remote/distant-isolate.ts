// A node as the host of one run: what the run tells its guest goes out, and what the guest does comes in, checked.
// Invariant: the run is told of its guest or of the loss of the node, and of nothing after that. A node can make calls
// only as a guest could: numbered one after the other, of tools there are, as many as the limits allow.
import type { GuestLimits } from "../../core/guest.ts";
import type { Host, Passenger } from "../isolate.ts";
import type { ToIsolate } from "../protocol.ts";
import type { ChannelOwner } from "./channel.ts";
import type { Exchange, Line } from "./exchange.ts";
import { maxToCaller, maxToNode, toCallerSchema, type Taken, type ToCaller, type ToNode } from "./wire.ts";

/** What was lost: the node with all that it ran, or the run's isolate on a node that lives. */
export type Loss = "node" | "isolate";

/** One run's place on a node. */
export class DistantIsolate implements Host, ChannelOwner {
  readonly maxHeard: number;
  readonly maxUnacknowledged: number;
  readonly #exchange: Exchange;
  readonly #node: Taken;
  readonly #limits: GuestLimits;
  readonly #onLost: (what: Loss, reason: string) => void;
  #line: Line | null = null;
  #passenger: Passenger | null = null;
  #run = 0;
  #tools = 0;
  #calls = 0;

  constructor(
    exchange: Exchange,
    node: Taken,
    limits: GuestLimits,
    onLost: (what: Loss, reason: string) => void,
  ) {
    this.#exchange = exchange;
    this.#node = node;
    this.#limits = limits;
    this.#onLost = onLost;
    this.maxHeard = maxToCaller(limits);
    // Never more than the tools themselves gave: what the bound is there for on the other side is our own doing here.
    this.maxUnacknowledged = maxToNode(limits) + limits.toolCalls * (limits.toolBytes * 2 + 1024);
  }

  board(run: number, passenger: Passenger, message: Extract<ToIsolate, { type: "run" }>): void {
    const { code, context, tools, seed, at } = message;
    this.#run = run;
    this.#passenger = passenger;
    this.#tools = tools.length;
    this.#line = this.#exchange.open(this.#node.node, run, this);
    this.#post({ type: "start", code, context, tools: [...tools], seed, at });
  }

  post(message: Extract<ToIsolate, { readonly type: "return" | "wake" }>): void {
    const { run: _, ...told } = message;
    this.#post(told);
  }

  drop(): void {
    this.#passenger = null;
    this.#line?.close("the run is over");
  }

  /** Gives back a place that is not needed any more. */
  decline(run: number): void {
    this.#exchange.open(this.#node.node, run, this).close("the run is over");
  }

  hear(text: string): void {
    const message = read(text);
    if (message === null || !this.#isPossible(message)) {
      this.#lose("node", "what it sent is not what a guest does");
      return;
    }
    if (message.type === "lost") this.#lose("isolate", message.reason);
    else this.#passenger?.hear({ ...message, run: this.#run });
  }

  lost(reason: string): void {
    this.#lose("node", reason);
  }

  #post(message: ToNode): void {
    this.#line?.post(message);
  }

  #lose(what: Loss, reason: string): void {
    if (this.#passenger === null) return;
    this.drop();
    this.#onLost(what, reason);
  }

  #isPossible(message: ToCaller): boolean {
    if (message.type === "lost") return true;
    for (const { call, tool } of message.calls) {
      if (call !== this.#calls || call >= this.#limits.toolCalls || tool >= this.#tools) return false;
      this.#calls += 1;
    }
    return true;
  }
}

function read(text: string): ToCaller | null {
  try {
    return toCallerSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
