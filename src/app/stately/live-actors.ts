// The XState actors that are at work in this process, as XState tells of them, so that a tool that comes late is told of
// them too.
// Invariant: while nobody reads, what happens costs an entry of a map at most; of an actor that has ended nothing is kept.
import type { InspectionEvent } from "xstate";
import type { Inspect } from "../../../actors/parts.ts";
import type { Unsubscribe } from "../../core/ports.ts";

type Begin = Extract<InspectionEvent, { type: "@xstate.actor" }>;

/** Hears XState's inspection events and passes them on. */
export class LiveActors {
  readonly #begun = new Map<string, Begin>();
  readonly #readers = new Set<Inspect>();

  /** Takes an event: what `createActor` is given as `inspect`. */
  readonly hear: Inspect = (event) => {
    const { sessionId } = event.actorRef;
    if (event.type === "@xstate.actor") this.#begun.set(sessionId, event);
    for (const reader of this.#readers) reader(event);
    if (event.type === "@xstate.snapshot" && event.snapshot.status !== "active")
      this.#begun.delete(sessionId);
  };

  /** Tells again of actors that are at work: of the latest, at most so many, in the order in which they began. */
  tellAgain(reader: Inspect, most: number): void {
    for (const event of [...this.#begun.values()].slice(-most)) reader(event);
  }

  /** Has a reader hear what happens from now on; gives how to end that. */
  read(reader: Inspect): Unsubscribe {
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }
}
