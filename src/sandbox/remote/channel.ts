// The messages of one run between two peers: cut into parts, numbered, kept until the other side has them.
// Invariant: messages are heard whole, once and in order, or the channel is lost; what is put together never grows
// beyond the bound that it was made with, and neither does what waits to be acknowledged.

/** The most characters of one part: at most three bytes each, so 512 KiB. */
const PART_CHARS = Math.floor((512 * 1024) / 3);

/** A part on its way. */
export interface Part {
  readonly sequence: number;
  readonly more: boolean;
  readonly text: string;
}

/** What a channel tells its owner. */
export interface ChannelOwner {
  /** The most characters of one message that is heard. */
  readonly maxHeard: number;
  /** The most characters that may wait to be acknowledged. */
  readonly maxUnacknowledged: number;
  hear(message: string): void;
  /** Nothing more comes of it. Not told where the owner closed it itself. */
  lost(reason: string): void;
}

/** One side of a channel; `send` puts a part on the wire, which may lose it. */
export class Channel {
  readonly #owner: ChannelOwner;
  readonly #send: (part: Part) => void;
  readonly #lose: (reason: string) => void;
  /** Parts that the other side has not said it has; `beats` counts how often we have waited for that. */
  #kept: { readonly part: Part; beats: number }[] = [];
  #keptChars = 0;
  #sent = 0;
  #received = 0;
  #heard: string[] = [];
  #heardChars = 0;

  constructor(owner: ChannelOwner, send: (part: Part) => void, lose: (reason: string) => void) {
    this.#owner = owner;
    this.#send = send;
    this.#lose = lose;
  }

  /** The last part that was received. */
  get received(): number {
    return this.#received;
  }

  /** Whether the other side has everything. */
  get isSettled(): boolean {
    return this.#kept.length === 0;
  }

  post(message: string): void {
    this.#keptChars += message.length;
    if (this.#keptChars > this.#owner.maxUnacknowledged) {
      this.#lose("too much was sent that the other side has not acknowledged");
      return;
    }
    for (let from = 0; from < message.length;) {
      const to = cut(message, from);
      const part = {
        sequence: (this.#sent += 1),
        more: to < message.length,
        text: message.slice(from, to),
      };
      this.#kept.push({ part, beats: 0 });
      this.#send(part);
      from = to;
    }
  }

  /** Takes a part; one that is known or comes too early is passed over: it is sent again. */
  receive({ sequence, more, text }: Part): void {
    if (sequence !== this.#received + 1) return;
    this.#received = sequence;
    this.#heardChars += text.length;
    if (this.#heardChars > this.#owner.maxHeard) {
      this.#lose(`a message was larger than the run's limits allow (${this.#owner.maxHeard} characters)`);
      return;
    }
    this.#heard.push(text);
    if (more) return;
    const message = this.#heard.join("");
    this.#heard = [];
    this.#heardChars = 0;
    this.#owner.hear(message);
  }

  /** The other side has all parts up to this one. */
  acknowledge(sequence: number): void {
    while (this.#kept[0] !== undefined && this.#kept[0].part.sequence <= sequence) {
      this.#keptChars -= this.#kept[0].part.text.length;
      this.#kept.shift();
    }
  }

  /** Time passes. */
  beat(): void {
    for (const kept of this.#kept) kept.beats += 1;
  }

  /** Sends again what the other side should have had long ago: it was lost with a connection. */
  repeat(): void {
    for (const kept of this.#kept) {
      if (kept.beats < 2) return;
      kept.beats = 0;
      this.#send(kept.part);
    }
  }
}

/** Where a part ends that begins at `from`: never between the two halves of a character. */
function cut(text: string, from: number): number {
  const to = from + PART_CHARS;
  if (to >= text.length) return text.length;
  const last = text.charCodeAt(to - 1);
  return last >= 0xd800 && last <= 0xdbff ? to - 1 : to;
}
