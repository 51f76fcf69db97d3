// A task that a client of any language asked for, on the client's terms.
// Invariant: whoever asked and set a deadline hears at that time at the latest; the task is cancelled then.
import type { Clock } from "../src/core/clock.ts";
import type { RequestTerms } from "../src/core/request-headers.ts";
import type { Task, TaskResult } from "../src/core/task.ts";
import { withinDeadline } from "./deadline.ts";
import type { TaskListener } from "./held-task.ts";
import type { TaskDesk } from "./task-desk.ts";

/** A request that was understood. */
export interface ClientTask {
  readonly role: string;
  readonly task: Task & { readonly id: string };
  /** Whether the id was made here. */
  readonly isNew: boolean;
  readonly terms: RequestTerms;
}

/** Runs it. @throws DeliveryError `ASK_TIMEOUT` at its deadline; else as {@link TaskDesk.execute} does */
export function runForClient(
  { role, task, isNew, terms: { deadline, trace } }: ClientTask,
  { desk, clock }: { readonly desk: TaskDesk; readonly clock: Clock },
  onEvent: TaskListener | undefined,
): Promise<TaskResult> {
  const cancelling = new AbortController();
  const running = desk.execute(role, task, { signal: cancelling.signal, isNew, trace, onEvent });
  return withinDeadline(running, { deadline, clock, cancelling });
}
