// The workflows of a running mesh: their desk, joined to the desk of its tasks.
// Invariant: a step is a task like any other; what is told of a workflow is told to whoever hears of the mesh.
import { approvalWait } from "../src/approval-wait.ts";
import { UnknownError } from "../src/core/errors.ts";
import { createSubjects } from "../src/core/subjects.ts";
import type { Telemetry, WorkflowTelemetry } from "../src/core/telemetry.ts";
import type { WorkflowEvent } from "../src/core/workflow-event.ts";
import { Leases } from "../src/lease.ts";
import { scopeLedger } from "../src/scoped-ledger.ts";
import type { Inspect } from "./parts.ts";
import type { MeshEvent } from "./mesh-event.ts";
import type { Runtime } from "./runtime.ts";
import { WorkflowDesk } from "./workflow-desk.ts";

/** Opens the desk for a mesh's workflows. */
export function openWorkflows(
  running: Runtime,
  {
    inspect,
    publish,
  }: { readonly inspect: Inspect | undefined; readonly publish: (event: MeshEvent) => void },
): WorkflowDesk {
  const { desk, resources, teller } = running;
  const { clock, log, fabric, name, node, telemetry } = resources;
  const measured = new MeasuredWorkflows(telemetry);
  const isGone = (other: string) => running.isGone(other);
  return new WorkflowDesk({
    clock,
    log,
    inspect,
    ledger: scopeLedger(fabric.ledger, name),
    leases: new Leases(fabric.keyValue, { scope: `${name}.workflow`, node, isGone, clock, log }),
    queue: resources.taskQueue ?? null,
    checkRole: (role) => desk.checkRole(role),
    track: (work) => desk.track(work),
    accept: ({ id: workflowId, trace }) => telemetry.accept({ workflowId, trace }),
    begun: (workflowId, trace) => measured.begin(workflowId, trace),
    over: (workflowId) => measured.end(workflowId),
    publish: (event) => {
      measured.hear(event);
      publish(event);
      teller?.tell(event);
    },
    runTask: (role, task, options) =>
      desk.execute(role, task, { ...options, trace: measured.traceOf(options.step.workflowId) }),
    cancelTask: (taskId) =>
      desk.cancel(taskId).catch((thrown: unknown) => {
        if (thrown instanceof UnknownError) return null;
        throw thrown;
      }),
    approvalWait: (taskId, from) =>
      approvalWait(fabric.ledger, createSubjects(name).journal(taskId), { from, to: clock.now() }),
    leaveTask: (taskId) => desk.disown(taskId),
    refuseTask: (role, task, error) => desk.refuse(role, task, error),
  });
}

/** Who measures the workflows that are worked on here. */
class MeasuredWorkflows {
  readonly #telemetry: Telemetry;
  readonly #underWay = new Map<string, WorkflowTelemetry>();

  constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry;
  }

  /** This process begins to work on it. */
  begin(workflowId: string, trace: string | undefined): void {
    this.#underWay.set(workflowId, this.#telemetry.workflow({ workflowId, trace }));
  }

  hear(event: WorkflowEvent): void {
    this.#underWay.get(event.workflowId)?.heard(event);
  }

  /** This process works on it no longer. */
  end(workflowId: string): void {
    this.#underWay.get(workflowId)?.end();
    this.#underWay.delete(workflowId);
  }

  /** The trace that a workflow's tasks belong to; undefined for none. */
  traceOf(workflowId: string): string | undefined {
    return this.#underWay.get(workflowId)?.trace;
  }
}
