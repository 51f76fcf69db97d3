// The answer to one prompt, as it streams: an acknowledgement, what the work is at, the result or an error.
// Invariant: the acknowledgement comes first, nothing comes after `close`, and what cannot be sent is lost, never the task.
import type { Clock } from "../src/core/clock.ts";
import { messageOf } from "../src/core/errors.ts";
import type { Log } from "../src/core/log.ts";
import { ACKNOWLEDGEMENT, eventChunk, responseChunks, statusChunk } from "../src/core/prompt-chunk.ts";
import { HEADER } from "../src/core/request-headers.ts";
import type { TaskEvent } from "../src/core/task.ts";
import type { WireFailure, WireRequest } from "../src/core/wire.ts";
import { EventFeed } from "../src/event-feed.ts";

/** How often the state of the work is said again, in milliseconds: after a minute of silence callers give up. */
const REMINDER_MS = 15_000;

/** What a {@link PromptAnswer} is made with. */
export interface PromptAnswerOptions {
  readonly request: WireRequest;
  /** The largest message, in bytes. */
  readonly maxPayload: number;
  readonly node: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether the caller wants Fettle's own events among the chunks. */
  readonly streams: boolean;
  readonly trace: string | undefined;
}

/** Sends the chunks of one answer. */
export class PromptAnswer {
  readonly #options: PromptAnswerOptions;
  readonly #feed: EventFeed | null;
  #state = "queued";
  #timer: unknown;
  #isClosed = false;

  constructor(options: PromptAnswerOptions) {
    const { node, clock, streams, trace } = options;
    this.#options = options;
    const send = (_: unknown, text: string) => this.send(eventChunk(text));
    this.#feed = streams ? new EventFeed({ node, clock, trace, send }) : null;
  }

  /** Says that the prompt is taken. */
  acknowledge(taskId: string): void {
    this.send(ACKNOWLEDGEMENT, { [HEADER.taskId]: taskId });
    this.#remind();
  }

  /** Tells what becomes of the task. */
  tell(event: TaskEvent): void {
    if (event.type === "state" && event.state !== this.#state) {
      this.#state = event.state;
      this.send(statusChunk(event.state));
    }
    this.#feed?.tell(event);
  }

  /** Gives the text that the prompt asked for. */
  respond(text: string, headers: Readonly<Record<string, string>>): void {
    this.#feed?.close();
    for (const chunk of responseChunks(text, this.#options.maxPayload)) this.send(chunk, headers);
  }

  /** Says why there is none. */
  fail(failure: WireFailure): void {
    this.#feed?.close();
    this.#safely(() => this.#options.request.fail(failure));
  }

  /** Sends a chunk. */
  send(chunk: string, headers?: Readonly<Record<string, string>>): void {
    this.#safely(() => this.#options.request.reply(chunk, headers));
  }

  close(): void {
    this.#feed?.close();
    this.#isClosed = true;
    this.#options.clock.clearTimeout(this.#timer);
  }

  #remind(): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      this.send(statusChunk(this.#state));
      this.#remind();
    }, REMINDER_MS);
  }

  #safely(send: () => void): void {
    if (this.#isClosed) return;
    try {
      send();
    } catch (thrown) {
      this.#options.log.debug(
        { reason: messageOf(thrown) },
        "a part of an answer to a prompt could not be sent",
      );
    }
  }
}
