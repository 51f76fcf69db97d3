// The channels that one peer has with all others, over one subscription, and whether those others live.
// Invariant: each channel that is opened ends, closed by its owner or told that it is lost. Silence is counted in beats
// of our own, so that a process that slept does not take the others for dead before it has heard what they said.
import type { Clock } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import type { FabricMessage, Messages, Unsubscribe } from "../../core/ports.ts";
import { Channel, type ChannelOwner } from "./channel.ts";
import { headSchema, WIRE_VERSION, type Head } from "./wire.ts";

/** Between two beats, in milliseconds. */
export const BEAT_MS = 1000;
/** A peer that was silent for so many beats is dead. */
const SILENT_BEATS = 5;
/** A run that so many beats of a peer do not name is not there any more. */
const ABSENT_BEATS = 2;

/** How an exchange is made. */
export interface ExchangeOptions {
  readonly messages: Messages;
  readonly clock: Clock;
  /** This peer. */
  readonly id: string;
  /** Where this peer hears, and where another does, by its id. */
  readonly here: string;
  readonly there: (peer: string) => string;
}

/** An open channel, to its owner. */
export interface Line {
  post(message: object): void;
  /** Ends the channel and tells the other side why; the owner hears nothing more. */
  close(reason: string): void;
}

interface Entry {
  readonly channel: Channel;
  readonly owner: ChannelOwner;
  absent: number;
}

interface Peer {
  readonly runs: Map<number, Entry>;
  silent: number;
}

/** One peer's channels with all others. */
export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #peers = new Map<string, Peer>();
  readonly #unsubscribe: Unsubscribe;
  #timer: unknown = null;
  #closed = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#unsubscribe = options.messages.subscribe(options.here, (message) => this.#receive(message));
  }

  /** Channels that are open. */
  get size(): number {
    let size = 0;
    for (const { runs } of this.#peers.values()) size += runs.size;
    return size;
  }

  has(peer: string, run: number): boolean {
    return this.#peers.get(peer)?.runs.has(run) === true;
  }

  /** Opens this side of a channel about one run of the caller among the two. */
  open(id: string, run: number, owner: ChannelOwner): Line {
    const peer = this.#peers.get(id) ?? { runs: new Map<number, Entry>(), silent: 0 };
    this.#peers.set(id, peer);
    const channel: Channel = new Channel(
      owner,
      ({ text, ...part }) =>
        this.#tell(id, { type: "part", from: this.#options.id, run, has: channel.received, ...part }, text),
      (reason) => this.#lose(id, run, reason, true),
    );
    const entry = { channel, owner, absent: 0 };
    peer.runs.set(run, entry);
    this.#timer ??= this.#options.clock.setTimeout(() => this.#beat(), BEAT_MS);
    const isOpen = (): boolean => peer.runs.get(run) === entry;
    return {
      post: (message) => {
        if (isOpen()) channel.post(JSON.stringify(message));
      },
      close: (reason) => {
        if (!isOpen()) return;
        this.#drop(id, run);
        this.#tell(id, { type: "close", from: this.#options.id, run, reason });
      },
    };
  }

  /** Whether messages come through at all, as far as one to oneself shows it. */
  async isReachable(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const head = JSON.stringify({ v: WIRE_VERSION, type: "echo" });
    try {
      await this.#options.messages.request(this.#options.here, head, { timeoutMs, signal });
      return true;
    } catch {
      return false;
    }
  }

  /** Loses all channels. */
  close(reason: string): void {
    if (this.#closed) return;
    for (const [id, { runs }] of this.#peers)
      for (const run of [...runs.keys()]) this.#lose(id, run, reason, true);
    this.#closed = true;
    this.#options.clock.clearTimeout(this.#timer);
    this.#unsubscribe();
  }

  #receive(message: FabricMessage): void {
    const { payload } = message;
    const end = payload.indexOf("\n");
    const head = headOf(end < 0 ? payload : payload.slice(0, end));
    if (head === null) return;
    if (head.type === "echo") {
      message.reply("{}");
      return;
    }
    const peer = this.#peers.get(head.from);
    if (peer === undefined) {
      // It has runs that are unknown here, as one whose offer was heard too late: it is told that there are none.
      if (head.type === "beat" && head.runs.length > 0) {
        this.#tell(head.from, { type: "beat", from: this.#options.id, runs: [] });
      }
      return;
    }
    peer.silent = 0;
    if (head.type === "beat") {
      this.#hearBeat(head.from, peer, head.runs);
      return;
    }
    const entry = peer.runs.get(head.run);
    if (entry === undefined) return;
    if (head.type === "close") {
      this.#lose(head.from, head.run, head.reason, false);
      return;
    }
    entry.channel.acknowledge(head.has);
    const { sequence, more = false } = head;
    entry.channel.receive({ sequence, more, text: end < 0 ? "" : payload.slice(end + 1) });
  }

  #hearBeat(id: string, peer: Peer, runs: readonly (readonly [number, number])[]): void {
    const named = new Map(runs);
    for (const [run, entry] of peer.runs) {
      const has = named.get(run);
      if (has !== undefined) {
        entry.absent = 0;
        entry.channel.acknowledge(has);
        entry.channel.repeat();
        continue;
      }
      entry.absent += 1;
      if (entry.absent >= ABSENT_BEATS)
        this.#lose(id, run, "the other side knows nothing of it any more", false);
    }
  }

  #beat(): void {
    this.#timer = null;
    for (const [id, peer] of this.#peers) {
      peer.silent += 1;
      if (peer.silent > SILENT_BEATS) {
        const reason = `nothing was heard of it for ${(SILENT_BEATS * BEAT_MS) / 1000} s`;
        for (const run of [...peer.runs.keys()]) this.#lose(id, run, reason, true);
        continue;
      }
      const runs = [...peer.runs].map(([run, { channel }]): [number, number] => {
        channel.beat();
        return [run, channel.received];
      });
      this.#tell(id, { type: "beat", from: this.#options.id, runs });
    }
    if (this.#peers.size > 0 && !this.#closed) {
      this.#timer ??= this.#options.clock.setTimeout(() => this.#beat(), BEAT_MS);
    }
  }

  #lose(id: string, run: number, reason: string, isTold: boolean): void {
    const owner = this.#drop(id, run);
    if (owner === undefined) return;
    if (isTold) this.#tell(id, { type: "close", from: this.#options.id, run, reason });
    owner.lost(reason);
  }

  #drop(id: string, run: number): ChannelOwner | undefined {
    const peer = this.#peers.get(id);
    const owner = peer?.runs.get(run)?.owner;
    peer?.runs.delete(run);
    if (peer?.runs.size === 0) this.#peers.delete(id);
    return owner;
  }

  #tell(id: string, head: HeadBody, text?: string): void {
    if (this.#closed) return;
    const line = JSON.stringify({ v: WIRE_VERSION, ...head });
    try {
      this.#options.messages.publish(this.#options.there(id), text === undefined ? line : `${line}\n${text}`);
    } catch (thrown) {
      if (head.type === "part") this.#lose(id, head.run, messageOf(thrown), false);
    }
  }
}

type Unversioned<H> = H extends Head ? Omit<H, "v"> : never;
type HeadBody = Unversioned<Head>;

function headOf(line: string): Head | null {
  try {
    return headSchema.parse(JSON.parse(line));
  } catch {
    return null;
  }
}
