// What happens to a task or a workflow as server-sent events: what is stored of it, each entry once and with an id from
// which any client goes on later, and between the entries what is only told.
// Invariant: nothing is read before its reader takes it, and little is kept that is only told: a slow reader costs a bounded
// amount of memory, one that reads nothing for minutes is dropped, and one that is gone costs none.
import type { Unsubscribe } from "../../core/ports.ts";
import { markText, type Mark, type Marked } from "../../ledger-mark.ts";
import type { HeardEvent } from "../../mesh-view.ts";
import { toReadable } from "../../readable.ts";
import type { Closing } from "./closing.ts";

/** What is streamed. */
export interface EventSource {
  /** What is stored after a mark, the next so many. */
  after(mark: Mark | null, limit: number): Promise<readonly Marked<{ readonly type: string }>[]>;
  /** Hears what is told; whatever it is, it may be a sign that more is stored. */
  hear(listener: (event: HeardEvent) => void): Unsubscribe;
  /** The kinds that are only told, and streamed as they come; all others are stored. */
  readonly told: ReadonlySet<string>;
  /** The kind of entry after which nothing comes. */
  readonly end: string;
}

/** How a stream is streamed. */
export interface EventStreamOptions {
  /** Where the reader has been; null for the begin. */
  readonly mark: Mark | null;
  readonly heartbeatMs: number;
  readonly closing: Closing;
}

/** Entries that are read at once. */
const READ_LIMIT = 32;
/** How often it is looked for entries that nobody told of, in milliseconds. */
const LOOK_MS = 1_000;
/** The same, so many times, once something was told: it is stored within moments. */
const LOOK_SOON_MS = 50;
const LOOK_SOON_TIMES = 3;
/** How much that is only told waits for its reader: events, and characters of text. */
const MAX_WAITING = 256;
const MAX_TEXT = 65_536;
/** Heartbeats that a reader may let pass without taking anything. */
const MAX_MISSED = 8;
/** After so long, a reader whose connection broke connects again, in milliseconds. */
const RECONNECT_MS = 2_000;

/** The headers of every stream of events. */
export const EVENT_STREAM_HEADERS = {
  "Content-Type": "text/event-stream; charset=utf-8",
  "Cache-Control": "no-store",
  // Proxies would collect what is to be told at once.
  "X-Accel-Buffering": "no",
};

/** A stream as an answer. */
export function eventStream(source: EventSource, options: EventStreamOptions): Response {
  const events = new EventStream(source, options);
  const body = new ReadableStream<Uint8Array>(
    {
      // Opened by its first read: one that is never read, as the answer to a HEAD, holds nothing.
      pull: (controller) => events.pull(controller),
      cancel: () => events.close(),
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: EVENT_STREAM_HEADERS });
}

type Controller = ReadableStreamDefaultController<Uint8Array>;

const encoder = new TextEncoder();

/** One reader's stream. */
class EventStream {
  readonly #source: EventSource;
  readonly #options: EventStreamOptions;
  #isOpen = false;
  #mark: Mark | null;
  #told: HeardEvent[] = [];
  #text = 0;
  /** How often it is looked soon: what was told before it listened may be stored in a moment, too. */
  #soon = LOOK_SOON_TIMES;
  /** Set while the reader waits for more. */
  #wake: (() => void) | null = null;
  #missed = 0;
  #greeting = `retry: ${RECONNECT_MS}\n\n`;
  #isBeating = false;
  #isClosing = false;
  #close: (() => void)[] = [];

  constructor(source: EventSource, options: EventStreamOptions) {
    this.#source = source;
    this.#options = options;
    this.#mark = options.mark;
  }

  #open(controller: Controller): void {
    this.#isOpen = true;
    const { heartbeatMs, closing } = this.#options;
    const beat = setInterval(() => this.#beat(controller), heartbeatMs);
    const unhear = this.#source.hear((event) => this.#hear(event));
    const forget = closing.onBegun(() => {
      this.#isClosing = true;
      this.#wake?.();
    });
    this.#close = [() => clearInterval(beat), unhear, forget];
  }

  /** Gives the next piece; resolves once there is one. */
  async pull(controller: Controller): Promise<void> {
    this.#missed = 0;
    if (!this.#isOpen) this.#open(controller);
    try {
      for (;;) {
        const piece = await this.#next();
        if (this.#close.length === 0) return; // The reader has gone meanwhile.
        if (piece.text !== "") controller.enqueue(encoder.encode(piece.text));
        if (piece.isLast) {
          controller.close();
          this.close();
        }
        if (piece.text !== "" || piece.isLast) return;
        await this.#wait();
      }
    } catch (thrown) {
      this.close();
      throw thrown;
    }
  }

  close(): void {
    const ends = this.#close;
    this.#close = [];
    for (const end of ends) end();
    this.#told = [];
    this.#wake?.();
  }

  async #next(): Promise<{ readonly text: string; readonly isLast: boolean }> {
    if (this.#isClosing) return { text: ": this server stops; connect again\n\n", isLast: true };
    // What was only told so far came before what is stored now.
    const told = this.#told;
    this.#told = [];
    this.#text = 0;
    const entries = await this.#source.after(this.#mark, READ_LIMIT);
    this.#mark = entries.at(-1)?.mark ?? this.#mark;
    const beat = this.#isBeating ? ": alive\n\n" : "";
    const parts = [
      ...told.map((event) => frame(event)),
      ...entries.map(({ entry, mark }) => frame(entry, mark)),
    ];
    const text = this.#greeting + (parts.length > 0 ? parts.join("") : beat);
    this.#greeting = "";
    this.#isBeating = false;
    return { text, isLast: entries.at(-1)?.entry.type === this.#source.end };
  }

  /** Waits until something is heard, the heart beats or it is time to look again. */
  async #wait(): Promise<void> {
    const ms = this.#soon > 0 ? LOOK_SOON_MS : LOOK_MS;
    this.#soon = Math.max(0, this.#soon - 1);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
  }

  #hear(event: HeardEvent): void {
    if (this.#source.told.has(event.type)) this.#keep(event);
    this.#soon = LOOK_SOON_TIMES;
    this.#wake?.();
  }

  /** Of a reader that does not keep up, text is cut and what waited longest is lost. */
  #keep(event: HeardEvent): void {
    const last = this.#told.at(-1);
    if (event.type !== "text") this.#told.push(event);
    else {
      const text = String(event["text"]).slice(0, Math.max(0, MAX_TEXT - this.#text));
      this.#text += text.length;
      if (text === "") return;
      if (last?.type === "text" && last.taskId === event.taskId) {
        this.#told[this.#told.length - 1] = { ...last, text: String(last["text"]) + text };
      } else this.#told.push({ ...event, text });
    }
    if (this.#told.length > MAX_WAITING) this.#told.shift();
  }

  #beat(controller: Controller): void {
    this.#isBeating = true;
    this.#missed = this.#wake === null ? this.#missed + 1 : 0;
    this.#wake?.();
    if (this.#missed <= MAX_MISSED) return;
    this.close();
    controller.error(new Error("The reader takes nothing any more."));
  }
}

/** An event as the stream has it; only what is stored has an id. */
function frame(event: { readonly type: string }, mark?: Mark): string {
  const id = mark === undefined ? "" : `id: ${markText(mark)}\n`;
  return `${id}event: ${event.type}\ndata: ${JSON.stringify(toReadable(event))}\n\n`;
}
