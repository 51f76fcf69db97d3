// Hears what becomes of a task that another node may work on, as that node tells it.
// Invariant: what is heard is for listeners only; a result is never taken from it, but from the task's journal.
import { z } from "zod";
import { messageOf } from "../src/core/errors.ts";
import type { Unsubscribe } from "../src/core/ports.ts";
import type { TaskEvent } from "../src/core/task.ts";
import type { ActorParts } from "./parts.ts";

const toldSchema = z.looseObject({
  v: z.number(),
  type: z.string(),
  node: z.string(),
  at: z.string(),
  taskId: z.string(),
  role: z.string(),
});

const KNOWN: Readonly<Record<TaskEvent["type"], true>> = {
  state: true,
  text: true,
  "text-void": true,
  code: true,
  error: true,
  console: true,
  approval: true,
  tool: true,
};

/** What is done with what is heard. */
export interface EarOptions {
  readonly tell: (event: TaskEvent) => void;
  /** The task has ended: its journal says how. */
  readonly ended: () => void;
}

/** Hears of one task, until it is told to stop; of what this node tells itself nothing. */
export function listenFor(
  { peers, node, fabric, subjects, log }: ActorParts,
  taskId: string,
  { tell, ended }: EarOptions,
): Unsubscribe {
  if (peers === null) return () => undefined;
  const own = `"node":${JSON.stringify(node)}`;
  return fabric.messages.subscribe(subjects.event(taskId), ({ payload }) => {
    // Before it is read: most of what is heard is told here.
    if (payload.includes(own)) return;
    try {
      const { v: _, node: teller, at: _at, ...event } = toldSchema.parse(JSON.parse(payload));
      if (teller === node) return;
      if (event.type === "finished") ended();
      else if (Object.hasOwn(KNOWN, event.type)) tell(event as unknown as TaskEvent);
    } catch (thrown) {
      log.debug({ reason: messageOf(thrown), taskId }, "an event of a task could not be read");
    }
  });
}
