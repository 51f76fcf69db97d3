// Events as they are told outside: JSON that any program can read, text in few messages and long texts cut.
// Invariant: events of one task keep their order; text waits 50 ms at most for more of it, and no longer than the next
// event of another kind.
import type { Clock } from "./core/clock.ts";
import type { TaskEvent } from "./core/task.ts";
import type { WorkflowEvent } from "./core/workflow-event.ts";
import { toReadable } from "./readable.ts";

/** The form of events. */
const EVENT_VERSION = 1;
/** How long text waits for more, in milliseconds. */
const TEXT_MS = 50;
/** Text that is sent at once, in characters. */
const MAX_WAITING = 16_384;
/** Longer texts in an event are cut, in characters. */
const MAX_TEXT = 32_768;
/** An event that is larger still is told without what it says, in bytes. */
const MAX_EVENT = 131_072;

/** What is told with an event of a task, where there is something of it. */
export interface EventLabels {
  /** The workflow that the task is a step of. */
  readonly workflowId?: string;
  /** The trace of whoever asked for it. */
  readonly trace?: string;
}

/** What can be told. */
export type ToldEvent = WorkflowEvent | ((TaskEvent | FinishedEvent) & EventLabels);

/** The end of a task; told last. */
export interface FinishedEvent {
  readonly type: "finished";
  readonly taskId: string;
  readonly role: string;
  readonly [part: string]: unknown;
}

/** What an {@link EventFeed} is made with. */
export interface EventFeedOptions {
  /** This process, as journals name it. */
  readonly node: string;
  readonly clock: Clock;
  /** The caller's trace, where there is one. */
  readonly trace?: string | undefined;
  /** Takes an event and its JSON. */
  readonly send: (event: ToldEvent, text: string) => void;
}

type TextEvent = Extract<ToldEvent, { readonly type: "text" }>;

/** Writes events, of one task or of many. */
export class EventFeed {
  readonly #options: EventFeedOptions;
  /** Text that waits for more, by task. */
  readonly #waiting = new Map<string, { readonly event: TextEvent; readonly timer: unknown }>();

  constructor(options: EventFeedOptions) {
    this.#options = options;
  }

  tell(event: ToldEvent): void {
    if (event.type === "text") this.#wait(event);
    else {
      if ("taskId" in event) this.#flush(event.taskId);
      this.#send(event);
    }
  }

  /** Sends what waits. */
  close(): void {
    for (const taskId of [...this.#waiting.keys()]) this.#flush(taskId);
  }

  #wait(event: TextEvent): void {
    const { taskId } = event;
    const { clock } = this.#options;
    const before = this.#waiting.get(taskId);
    const text = (before?.event.text ?? "") + event.text;
    const timer = before?.timer ?? clock.setTimeout(() => this.#flush(taskId), TEXT_MS);
    this.#waiting.set(taskId, { event: { ...event, text }, timer });
    if (text.length >= MAX_WAITING) this.#flush(taskId);
  }

  #flush(taskId: string): void {
    const waiting = this.#waiting.get(taskId);
    if (waiting === undefined) return;
    this.#waiting.delete(taskId);
    this.#options.clock.clearTimeout(waiting.timer);
    this.#send(waiting.event);
  }

  #send(event: ToldEvent): void {
    const { node, clock, trace, send } = this.#options;
    const { type, ...rest } = event;
    const head = { v: EVENT_VERSION, type, node, at: new Date(clock.now()).toISOString() };
    const traced = trace === undefined ? head : { ...head, trace };
    const cut = new Cutter();
    const parts = cut.value(toReadable(rest));
    const text = JSON.stringify({ ...traced, ...(parts as object), ...(cut.isCut ? { cut: true } : {}) });
    if (Buffer.byteLength(text) <= MAX_EVENT) send(event, text);
    else send(event, JSON.stringify({ ...traced, ...namesOf(event), cut: true }));
  }
}

/** Cuts long texts in plain JSON. */
class Cutter {
  isCut = false;

  value(value: unknown): unknown {
    if (typeof value === "string") return this.#text(value);
    if (Array.isArray(value)) return value.map((one) => this.value(one));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.value(one)]));
  }

  #text(text: string): string {
    if (text.length <= MAX_TEXT) return text;
    this.isCut = true;
    return `${text.slice(0, MAX_TEXT)}… (cut: ${text.length} characters in all)`;
  }
}

/** What an event is about. */
function namesOf(event: ToldEvent): object {
  const { taskId, role, workflowId, step } = event as Readonly<Record<string, unknown>>;
  return { taskId, role, workflowId, step };
}
