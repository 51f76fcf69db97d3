// A task as an actor holds it while it is queued and runs: what was asked, and who listens.
import type { Release } from "../src/admission.ts";
import type { ResultEntry } from "../src/results.ts";
import type { TaskEvent } from "../src/core/task.ts";

/** What a listener is told; the task and role are added by the actor. */
export type Progress = TaskEvent extends infer E
  ? E extends TaskEvent
    ? Omit<E, "taskId" | "role">
    : never
  : never;

/** One accepted task. */
export interface Assignment {
  readonly taskId: string;
  readonly task: string;
  readonly context: Readonly<Record<string, unknown>>;
  /** Milliseconds since 1970. */
  readonly acceptedAt: number;
  /** Its stored result, begun. */
  readonly entry: ResultEntry;
  readonly tell: (progress: Progress) => void;
  /** Gives back the place among the running tasks; null while it waits for one. */
  release: Release | null;
}
