// Counts what is told of a workflow: that it is gone on with, and how it ends.
// Invariant: what is taken from a record was counted when it was done.
import type { WorkflowTelemetry } from "../core/telemetry.ts";
import type { WorkflowEvent } from "../core/workflow-event.ts";
import type { Meters } from "./meters.ts";

/** Counts for one workflow. */
export class WorkflowMeter implements WorkflowTelemetry {
  readonly trace = undefined;
  readonly #meters: Meters;
  /** Whether it goes on from a record, and has not done anything yet. */
  #isResumed = false;

  constructor(meters: Meters) {
    this.#meters = meters;
  }

  end(): void {
    // There is nothing to end.
  }

  heard(event: WorkflowEvent): void {
    if (event.type === "workflow-started") this.#isResumed = event.resumed;
    else if (this.#isResumed && isNew(event)) {
      this.#isResumed = false;
      this.#meters.takeovers.inc({ kind: "workflow" });
    }
    if (event.type !== "workflow-finished" || event.recorded) return;
    const { status, executionTime } = event;
    this.#meters.workflows.inc({ status });
    this.#meters.workflowSeconds.observe({ status }, Math.max(0, executionTime));
  }
}

/** Whether something is done, and not taken from the record. */
function isNew(event: WorkflowEvent): boolean {
  if (event.type === "step-finished" || event.type === "workflow-finished") return !event.recorded;
  return event.type === "step-task" || event.type === "step-retry";
}
