// What whoever gives a task can ask for beside the task itself.
import type { TaskListener } from "./held-task.ts";

/** The options of one task. */
export interface ExecuteOptions {
  /** Cancels the task when aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Told of states, text, code, console output and tool calls as they come. */
  readonly onEvent?: TaskListener | undefined;
  /** Called once the task is accepted: from then on it ends in a result, whatever becomes of this process. */
  readonly onAccepted?: (() => void) | undefined;
  /** The trace of whoever asks for it, as W3C Trace Context writes it; told with its events. */
  readonly trace?: string | undefined;
}
