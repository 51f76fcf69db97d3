// The events that the inspector tells, in one line that all its readers follow, each at its own pace.
// Invariant: nothing is kept for a reader: whoever falls behind the line's begin is told so, and goes on at its end.
import { randomBytes } from "node:crypto";
import type { InspectorEvent } from "./shapes.ts";

/** What a reader wants besides what is for all. */
export interface Interest {
  readonly taskId: string | null;
  readonly workflowId: string | null;
}

interface Told {
  readonly text: string;
  /** Whose it is; null where it is for all. */
  readonly taskId: string | null;
  readonly workflowId: string | null;
}

const MOST_EVENTS = 2_000;
const MOST_CHARACTERS = 8_000_000;

/** A line of events. */
export class Hub {
  readonly #epoch = randomBytes(4).toString("hex");
  readonly #wakes = new Set<() => void>();
  #line: Told[] = [];
  /** The number of the line's first event. */
  #first = 1;
  #characters = 0;

  /** Tells an event; of one task or workflow where the reader's interest decides. */
  publish(event: InspectorEvent): void {
    const number = this.#first + this.#line.length;
    const told = { text: this.#textOf(event, number), ...ownersOf(event) };
    this.#line.push(told);
    this.#characters += told.text.length;
    if (this.#line.length > MOST_EVENTS || this.#characters > MOST_CHARACTERS) this.#shorten();
    for (const wake of this.#wakes) wake();
  }

  /** Follows the line: after the event of that id where it is still there, else from its end. */
  read(interest: Interest, lastId: string | undefined): HubReader {
    const after = this.#placeOf(lastId);
    const isMissed = lastId !== undefined && after === null;
    return new HubReader(this, interest, { next: after ?? this.end, isMissed });
  }

  /** The number that the next event will have. */
  get end(): number {
    return this.#first + this.#line.length;
  }

  /** The number of the first event that is kept. */
  get begin(): number {
    return this.#first;
  }

  /** The event of a number, where it is for that interest. */
  at(number: number, { taskId, workflowId }: Interest): string | null {
    const told = this.#line[number - this.#first];
    if (told === undefined) return null;
    if (told.taskId !== null && told.taskId !== taskId) return null;
    return told.workflowId !== null && told.workflowId !== workflowId ? null : told.text;
  }

  /** Tells when there is more; gives how to end that. */
  onMore(wake: () => void): () => void {
    this.#wakes.add(wake);
    return () => this.#wakes.delete(wake);
  }

  /** An event for one reader alone, which is not in the line; its id is that of the event before `number`. */
  aside(event: InspectorEvent, number: number): string {
    return this.#textOf(event, number - 1);
  }

  #textOf(event: InspectorEvent, number: number): string {
    return `id: ${this.#epoch}-${number}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
  }

  /** The number after that of an id; null where what follows it is not all there. */
  #placeOf(id: string | undefined): number | null {
    const [, epoch, number] = /^([0-9a-f]{8})-(\d{1,15})$/.exec(id ?? "") ?? [];
    if (epoch !== this.#epoch) return null;
    const next = Number(number) + 1;
    return next >= this.#first && next <= this.end ? next : null;
  }

  #shorten(): void {
    while (this.#line.length > MOST_EVENTS / 2 || this.#characters > MOST_CHARACTERS / 2) {
      const gone = this.#line.splice(0, Math.ceil(this.#line.length / 4));
      this.#first += gone.length;
      for (const { text } of gone) this.#characters -= text.length;
    }
  }
}

/** One reader of the line. */
export class HubReader {
  readonly #hub: Hub;
  readonly #interest: Interest;
  #next: number;
  #isMissed: boolean;

  constructor(hub: Hub, interest: Interest, { next, isMissed }: { next: number; isMissed: boolean }) {
    this.#hub = hub;
    this.#interest = interest;
    this.#next = next;
    this.#isMissed = isMissed;
  }

  /** Whether it has taken all that there is. */
  get isAtEnd(): boolean {
    return this.#next >= this.#hub.end && !this.#isMissed;
  }

  /** Events that are there now, as one text; empty where there are none. */
  take(latest: () => InspectorEvent | null): string {
    const hub = this.#hub;
    if (this.#isMissed || this.#next < hub.begin) {
      const reason = this.#isMissed ? "The connection was lost for long." : "This reader is too slow.";
      this.#isMissed = false;
      this.#next = hub.end;
      const snapshot = latest();
      const reset = hub.aside({ type: "reset", reason }, this.#next);
      return snapshot === null ? reset : reset + hub.aside(snapshot, this.#next);
    }
    let text = "";
    while (this.#next < hub.end && text.length < MOST_AT_ONCE) {
      text += hub.at(this.#next, this.#interest) ?? "";
      this.#next += 1;
    }
    return text;
  }
}

/** So much is given to a reader at once, in characters. */
const MOST_AT_ONCE = 262_144;

function ownersOf(event: InspectorEvent): Interest {
  switch (event.type) {
    case "moment":
    case "text":
      return { taskId: event.taskId, workflowId: null };
    case "task":
      return { taskId: event.task.taskId, workflowId: null };
    case "workflow":
      return { taskId: null, workflowId: event.detail.workflow.workflowId };
    default:
      return { taskId: null, workflowId: null };
  }
}
