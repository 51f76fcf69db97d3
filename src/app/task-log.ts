// Which tasks a process does, as lines of its log: for nodes, whose tasks are given by others.
// Invariant: each task that is begun here is told once, and so is its end, whatever happens in between.
import type { MeshEvent } from "../../actors/mesh-event.ts";
import type { Log, LogFields } from "../core/log.ts";

/** The states of a task's chart in which nothing is done any more. */
const ENDS: Readonly<Record<string, string>> = {
  done: "a task has succeeded",
  failed: "a task has failed",
  cancelled: "a task was cancelled",
  left: "a task is left to others",
};

/** A listener for `mesh.subscribe` that logs the begin and the end of each task. */
export function logTasks(
  log: Log,
  mesh: { readonly logFields: (taskId: string) => LogFields },
): (event: MeshEvent) => void {
  const begunAt = new Map<string, number>();
  return (event) => {
    if (event.type !== "state" || event.state === "queued") return;
    const { taskId, role, state } = event;
    const ids = { ...mesh.logFields(taskId), taskId, role };
    const start = begunAt.get(taskId);
    const end = ENDS[state];
    if (end !== undefined) {
      begunAt.delete(taskId);
      log.info({ ...ids, ...(start === undefined ? {} : { ms: Date.now() - start }) }, end);
    } else if (start === undefined) {
      begunAt.set(taskId, Date.now());
      log.info(ids, "a task is begun");
    }
  };
}
