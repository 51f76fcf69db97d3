// A tool that reads what XState's tools are fed, by the receiver of the library that they use.
import { createWebSocketReceiver, type StatelyInspectionEvent } from "@statelyai/inspect";
import type { StateValue } from "xstate";
import type { StatelyPlace } from "#src/app/stately/stately";
import { pathOf } from "#actors/state-path";

/** An event as it comes. */
export interface ToldEvent {
  readonly type: StatelyInspectionEvent["type"];
  readonly sessionId: string;
  readonly parentId?: string;
  readonly rootId?: string;
  /** Of an actor: what it is called, and its chart. */
  readonly name?: string;
  readonly definition?: string;
  readonly event?: { readonly type: string; readonly [part: string]: unknown };
  readonly snapshot?: {
    readonly status: string;
    readonly value?: StateValue;
    readonly context?: Readonly<Record<string, unknown>>;
    readonly output?: unknown;
  };
}

/** What a tool was told. */
export interface Tool {
  /** All of it, in order. */
  readonly seen: readonly ToldEvent[];
  /** Resolves with the first event that fits, of those that came and those that come. */
  first(fits: (event: ToldEvent) => boolean): Promise<ToldEvent>;
  /** Resolves with that an actor of that name was told of. */
  actor(name: string): Promise<ToldEvent>;
  /** Resolves with the states that an actor was in, each once in a row, once it has ended. */
  states(name: string): Promise<readonly string[]>;
}

/** Reads from the address of a page. It ends with the program: the receiver cannot be closed. */
export function readAt(place: StatelyPlace | null): Tool {
  if (place === null) throw new Error("XState's tools are not fed.");
  const seen: ToldEvent[] = [];
  const hearers = new Set<() => void>();
  createWebSocketReceiver({ server: place.socketUrl }).subscribe((event) => {
    seen.push(event as unknown as ToldEvent);
    for (const hearer of hearers) hearer();
  });
  const first = (fits: (event: ToldEvent) => boolean) =>
    new Promise<ToldEvent>((resolve) => {
      const look = () => {
        const found = seen.find(fits);
        if (found === undefined) return;
        hearers.delete(look);
        resolve(found);
      };
      hearers.add(look);
      look();
    });
  const actor = (called: string) => first(({ type, name }) => type === "@xstate.actor" && name === called);
  return {
    seen,
    first,
    actor,
    states: async (name) => {
      const { sessionId } = await actor(name);
      const isOf = (event: ToldEvent) => event.type === "@xstate.snapshot" && event.sessionId === sessionId;
      await first((event) => isOf(event) && event.snapshot?.status !== "active");
      const paths = seen.filter(isOf).map(({ snapshot }) => pathOf(snapshot?.value ?? ""));
      return paths.filter((path, at) => path !== paths[at - 1]);
    },
  };
}
