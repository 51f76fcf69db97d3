// One tool that reads: each event of XState goes through Stately's own inspector, which makes of it what such tools take.
// Invariant: a reader that is slow or gone holds up no actor and holds no memory: what it cannot take is left out, and
// once it can again, it is told anew of all that is at work.
import type { InspectionEvent } from "xstate";
import type { Log } from "../../core/log.ts";
import { OWN_CHARTS } from "../charts/charts.ts";
import { machineConfig } from "../charts/xstate-config.ts";
import type { Veil } from "../inspector/veil.ts";
import type { loadLibrary } from "./library.ts";
import type { LiveActors } from "./live-actors.ts";
import { plain } from "./plain.ts";

/** Where a tool is told. */
export interface Line {
  /** Bytes that wait to be sent. */
  readonly waiting: number;
  send(text: string): void;
}

/** What {@link openReader} takes. */
export interface ReaderOptions {
  readonly createInspector: Awaited<ReturnType<typeof loadLibrary>>["createInspector"];
  readonly veil: Veil;
  readonly log: Log;
}

/** Actors that a tool is told of when it comes, at most: the latest. */
const MOST_AT_ONCE = 500;
/** With more than this waiting for a tool it is told nothing, in bytes; with less than the second it is again. */
const [TOO_MUCH, ENOUGH] = [16 * 1024 * 1024, 1024 * 1024];

/** Tells a tool what is at work, and from then on what happens, until the function that it gives is called. */
export function openReader(
  live: LiveActors,
  line: Line,
  { createInspector, veil, log }: ReaderOptions,
): () => void {
  let isOpen = true;
  let isBehind = false;
  // The library puts the names in a chart in the order of the alphabet, and with them the states.
  const charts = new Map<string, string>();
  const { inspect } = createInspector({
    send: (event) => {
      const { type, sessionId } = event;
      const definition = type === "@xstate.actor" ? charts.get(sessionId) : undefined;
      if (type === "@xstate.snapshot" && event.snapshot.status !== "active") charts.delete(sessionId);
      if (isOpen) line.send(JSON.stringify(definition === undefined ? event : { ...event, definition }));
    },
  });
  const tell = (event: InspectionEvent) => {
    const shown = shownOf(event, veil);
    if (shown === null) return;
    const chart = event.type === "@xstate.actor" ? chartOf(event) : undefined;
    if (chart !== undefined) charts.set(event.actorRef.sessionId, chart);
    inspect.next?.(shown);
  };
  const hear = (event: InspectionEvent) => {
    if (isBehind ? line.waiting > ENOUGH : line.waiting > TOO_MUCH) {
      if (!isBehind)
        log.warn({ bytes: line.waiting }, "a tool that reads XState's events is too slow: it misses some");
      isBehind = true;
      return;
    }
    if (isBehind) live.tellAgain(tell, MOST_AT_ONCE);
    // One that begins just now is told of by that.
    if (!isBehind || event.type !== "@xstate.actor") tell(event);
    isBehind = false;
  };
  live.tellAgain(tell, MOST_AT_ONCE);
  const unread = live.read(hear);
  return () => {
    isOpen = false;
    unread();
  };
}

/** An event with nothing in it but what may be shown; null for those that tools do not take. */
function shownOf(event: InspectionEvent, veil: Veil): InspectionEvent | null {
  switch (event.type) {
    case "@xstate.actor":
      return { ...event, actorRef: shownActor(event.actorRef, veil) };
    case "@xstate.event":
      return { ...event, event: plain(event.event, veil) as typeof event.event };
    case "@xstate.snapshot":
      return {
        ...event,
        event: plain(event.event, veil) as typeof event.event,
        snapshot: shownSnapshot(event.snapshot, veil),
      };
    default:
      return null;
  }
}

type ActorRef = InspectionEvent["actorRef"];
type Snapshot = Extract<InspectionEvent, { type: "@xstate.snapshot" }>["snapshot"];

/** Of one that cannot be read, its status. */
function shownSnapshot(snapshot: Snapshot, veil: Veil): Snapshot {
  const { status } = snapshot;
  return (plain(snapshot, veil) ?? { status }) as Snapshot;
}

/** What the library reads of an actor: its names, its parent, its snapshot. */
function shownActor(actorRef: ActorRef, veil: Veil): ActorRef {
  const { id, sessionId, _parent } = actorRef as ActorRef & {
    readonly id: string;
    readonly _parent?: ActorRef;
  };
  const parent = _parent === undefined ? undefined : { sessionId: _parent.sessionId };
  // An actor that is being made has no snapshot yet: the library asks for it afterwards.
  const getSnapshot = () => shownSnapshot(actorRef.getSnapshot() as Snapshot, veil);
  return { id, sessionId, _parent: parent, getSnapshot } as unknown as ActorRef;
}

/** The runtime's own charts as text, by the configuration that all charts of a kind share. */
const CHARTS = new Map<unknown, string>(
  OWN_CHARTS.map(({ machine }) => [machine.config, JSON.stringify(machineConfig(machine))]),
);

/** The chart of an actor; undefined where it has none, as those of effects. */
function chartOf({ actorRef }: InspectionEvent): string | undefined {
  const { logic } = actorRef as ActorRef & { readonly logic?: { readonly config?: unknown } };
  return CHARTS.get(logic?.config);
}
