// Hears what becomes of a task that another node may work on, as that node tells it.
// Invariant: what is heard is for listeners only; a result is never taken from it, but from the task's journal.
import type { Unsubscribe } from "../src/core/ports.ts";
import type { TaskEvent } from "../src/core/task.ts";
import { openTaskEvent } from "../src/told-event.ts";
import type { ActorParts } from "./parts.ts";

/** What is done with what is heard. */
export interface EarOptions {
  readonly tell: (event: TaskEvent) => void;
  /** The task has ended: its journal says how. */
  readonly ended: () => void;
}

/** Hears of one task, until it is told to stop; of what this node tells itself nothing. */
export function listenFor(
  { peers, node, fabric, subjects }: ActorParts,
  taskId: string,
  { tell, ended }: EarOptions,
): Unsubscribe {
  if (peers === null) return () => undefined;
  const own = `"node":${JSON.stringify(node)}`;
  return fabric.messages.subscribe(subjects.event(taskId), ({ payload }) => {
    // Before it is read: most of what is heard is told here.
    if (payload.includes(own)) return;
    const told = openTaskEvent(payload);
    if (told === null || told.node === node) return;
    if (told.event === null) ended();
    else tell(told.event);
  });
}
