// Tells what states a task comes to and which tries fail, as its chart goes from one to the next.
// Invariant: a state is journaled once, also where the task is taken up again.
import type { TaskActorRef } from "../machines/task-machine.ts";
import type { Assignment } from "./assignment.ts";
import { leafOf } from "./state-path.ts";

/**
 * Tells a task's listener of each failed try and each state it comes to, the states' parents left out, and journals
 * the states that it has not come to before.
 */
export function tellStates(task: TaskActorRef, assignment: Assignment): void {
  let last = "";
  let failures = 0;
  let known = assignment.journal.entries.filter(({ type }) => type === "state").length;
  const tell = () => {
    const { value, status, context } = task.getSnapshot();
    for (const { error } of context.attempts.slice(failures)) {
      failures += 1;
      if (error !== null) assignment.tell({ type: "error", error });
    }
    const state = leafOf(value);
    if (state === last) return;
    last = state;
    if (status === "active") {
      if (known > 0) known -= 1;
      else {
        assignment.entry.update({ state, attempts: context.attempts });
        assignment.journal.note({ type: "state", state });
      }
    }
    assignment.tell({ type: "state", state });
  };
  tell();
  task.subscribe({ next: tell, complete: tell, error: () => undefined });
}
