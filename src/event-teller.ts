// Tells whoever listens what becomes of tasks and workflows, each on a subject of its own.
// Invariant: telling costs the work nothing but the words: an event that cannot be told is lost, never the task.
import type { Clock } from "./core/clock.ts";
import { messageOf } from "./core/errors.ts";
import type { Log } from "./core/log.ts";
import type { Messages } from "./core/ports.ts";
import type { Subjects } from "./core/subjects.ts";
import { EventFeed, type EventLabels, type ToldEvent } from "./event-feed.ts";

/** What an {@link EventTeller} is made with. */
export interface EventTellerOptions {
  readonly messages: Messages;
  readonly subjects: Subjects;
  /** This process, as journals name it. */
  readonly node: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Publishes events. */
export class EventTeller {
  readonly #options: EventTellerOptions;
  readonly #feed: EventFeed;

  constructor(options: EventTellerOptions) {
    const { node, clock } = options;
    this.#options = options;
    this.#feed = new EventFeed({ node, clock, send: (event, text) => this.#publish(event, text) });
  }

  /** Tells an event: of a task on the task's subject, and on that of the workflow that it is a step of. */
  tell(event: ToldEvent, labels: EventLabels = {}): void {
    this.#feed.tell({ ...event, ...labels });
  }

  /** Tells what waits. */
  close(): void {
    this.#feed.close();
  }

  #publish(event: ToldEvent, text: string): void {
    const { messages, subjects, log } = this.#options;
    const { workflowId } = event;
    // A workflow's own events name tasks too, and are not theirs.
    const ids = "role" in event ? [event.taskId, workflowId] : [workflowId];
    try {
      for (const id of ids) if (id !== undefined) messages.publish(subjects.event(id), text);
    } catch (thrown) {
      log.debug({ reason: messageOf(thrown), type: event.type }, "an event could not be told");
    }
  }
}
