// What can be watched of a workflow. Its tasks tell of themselves besides, as any other task does.
import type { TokenUsage } from "./model.ts";
import type { TaskFailure, TaskStatus } from "./task.ts";
import type { StepStatus } from "./workflow-result.ts";

/** What a workflow is doing; each names it in `workflowId`. */
export type WorkflowEvent =
  | {
      readonly type: "workflow-started";
      readonly workflowId: string;
      readonly steps: readonly {
        readonly id: string;
        readonly agent: string;
        readonly dependsOn: readonly string[];
      }[];
      /** Whether it goes on from a record, where there was one. */
      readonly resumed: boolean;
    }
  | {
      readonly type: "step-started";
      readonly workflowId: string;
      readonly step: string;
      /** How many items it has; null where it is one task. */
      readonly items: number | null;
    }
  /** A task of a step begins, by its first try or a later one. */
  | {
      readonly type: "step-task";
      readonly workflowId: string;
      readonly step: string;
      readonly index: number | null;
      readonly taskId: string;
      readonly attempt: number;
    }
  /** An item ended. */
  | {
      readonly type: "step-progress";
      readonly workflowId: string;
      readonly step: string;
      readonly index: number | null;
      readonly done: number;
      readonly failed: number;
      readonly total: number;
    }
  /** A try failed and is followed by another. */
  | {
      readonly type: "step-retry";
      readonly workflowId: string;
      readonly step: string;
      readonly index: number | null;
      /** The number of the try that follows, and when it begins. */
      readonly attempt: number;
      readonly delayMs: number;
      readonly error: TaskFailure;
    }
  | { readonly type: "step-skipped"; readonly workflowId: string; readonly step: string }
  | {
      readonly type: "step-finished";
      readonly workflowId: string;
      readonly step: string;
      readonly status: Exclude<StepStatus, "skipped">;
      readonly error: TaskFailure | null;
      /** Seconds. */
      readonly executionTime: number;
      readonly tokens: TokenUsage;
      readonly costUsd: number | null;
      /** Whether it was taken from the record. */
      readonly recorded: boolean;
    }
  | {
      readonly type: "workflow-finished";
      readonly workflowId: string;
      readonly status: TaskStatus;
      readonly executionTime: number;
      readonly tokens: TokenUsage;
      readonly costUsd: number | null;
      readonly recorded: boolean;
    };
