// What whoever gives a task can ask for beside the task itself.
import type { TaskListener } from "./held-task.ts";

/** The options of one task. */
export interface ExecuteOptions {
  /** Cancels the task when aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Told of states, text, code, console output and tool calls as they come. */
  readonly onEvent?: TaskListener | undefined;
}
