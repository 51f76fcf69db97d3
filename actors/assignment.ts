// A task as an actor holds it while it is queued and runs: what was asked, its journal, and who listens.
import type { Release } from "../src/admission.ts";
import type { Journal } from "../src/journal.ts";
import type { ResultEntry } from "../src/results.ts";
import type { Memory } from "../src/core/memory.ts";
import type { SolvedTask } from "../src/core/prompt.ts";
import type { Spending } from "./spending.ts";
import type { StepOf } from "../src/core/journal.ts";
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
  readonly step: StepOf | null;
  /** The profile that was asked for with the task; null where none was. */
  readonly profile: string | null;
  readonly spending: Spending;
  readonly memory: Memory;
  /** Code of like tasks, once it was looked up. */
  references: Promise<readonly SolvedTask[]> | null;
  /** Milliseconds since 1970. */
  readonly acceptedAt: number;
  readonly journal: Journal;
  /** Its stored result, begun. */
  readonly entry: ResultEntry;
  readonly tell: (progress: Progress) => void;
  /** Stops working on it: somebody else has it now. */
  readonly leave: () => void;
  /** Gives back the place among the running tasks; null while it waits for one. */
  release: Release | null;
}
