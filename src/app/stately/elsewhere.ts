// The tasks of a mesh's other nodes, as far as these tell of them: the states that each comes to, in the task's chart.
// Invariant: made of what is told and nothing else; a task that runs in this process is told of by its own chart alone.
import type { InspectionEvent, StateValue } from "xstate";
import { taskMachine } from "../../../machines/task-machine.ts";
import type { Unsubscribe } from "../../core/ports.ts";
import type { HeardEvent, MeshView } from "../../mesh-view.ts";
import type { LiveActors } from "./live-actors.ts";

interface Snapshot {
  readonly status: "active" | "done" | "stopped";
  readonly value: StateValue;
  readonly context: Readonly<Record<string, unknown>>;
}

/** Has the tasks of other nodes be told of as actors, until the function that it gives is called. */
export function tellElsewhere(view: MeshView, node: string, live: LiveActors): Unsubscribe {
  const known = new Map<string, TaskElsewhere>();
  const unhear = view.hearAll((event) => {
    const { type, taskId, state } = event;
    if (type !== "state" || taskId === undefined || typeof state !== "string") return;
    const value = VALUES.get(state);
    if (value === undefined) return;
    const task = known.get(taskId);
    if (event["node"] === node) {
      task?.leave(live);
      known.delete(taskId);
      return;
    }
    const shown = task ?? new TaskElsewhere(taskId, live);
    const isOver = shown.move(event, value, live);
    if (isOver) known.delete(taskId);
    else known.set(taskId, shown);
  });
  return () => {
    unhear();
    for (const task of known.values()) task.leave(live);
  };
}

class TaskElsewhere {
  readonly #actorRef: InspectionEvent["actorRef"];
  #snapshot: Snapshot = { status: "active", value: "queued", context: {} };

  constructor(taskId: string, live: LiveActors) {
    const sessionId = `elsewhere:${taskId}`;
    const actorRef = {
      id: `task-${taskId}`,
      sessionId,
      logic: taskMachine,
      getSnapshot: () => this.#snapshot,
    };
    this.#actorRef = actorRef as unknown as InspectionEvent["actorRef"];
    live.hear({ type: "@xstate.actor", actorRef: this.#actorRef, rootId: sessionId });
  }

  /** Gives whether it has ended. */
  move({ taskId, role, node }: HeardEvent, value: StateValue, live: LiveActors): boolean {
    const isOver = typeof value === "string" && FINAL.has(value);
    this.#tell({ status: isOver ? "done" : "active", value, context: { taskId, role, node } }, live);
    return isOver;
  }

  /** It goes on in this process, or is followed no more. */
  leave(live: LiveActors): void {
    this.#tell({ ...this.#snapshot, status: "stopped" }, live);
  }

  #tell(snapshot: Snapshot, live: LiveActors): void {
    this.#snapshot = snapshot;
    const { sessionId } = this.#actorRef;
    const told = {
      type: "@xstate.snapshot",
      actorRef: this.#actorRef,
      rootId: sessionId,
      event: { type: "told" },
      snapshot,
    };
    live.hear(told as unknown as InspectionEvent);
  }
}

type Node = (typeof taskMachine)["root"];

const VALUES = new Map<string, StateValue>();
const FINAL = new Set<string>();

/** Each innermost state by its name, as a state value. */
function collect(node: Node): void {
  for (const inner of Object.values<Node>(node.states)) {
    if (inner.type === "final") FINAL.add(inner.key);
    if (inner.type === "compound") collect(inner);
    else VALUES.set(inner.key, valueOf(inner.path));
  }
}
collect(taskMachine.root);

function valueOf([outer = "", ...inner]: readonly string[]): StateValue {
  return inner.length === 0 ? outer : { [outer]: valueOf(inner) };
}
