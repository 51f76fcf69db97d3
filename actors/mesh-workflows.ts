// The workflows of a running mesh: their desk, joined to the desk of its tasks.
// Invariant: a step is a task like any other; what is told of a workflow is told to whoever hears of the mesh.
import { approvalWait } from "../src/approval-wait.ts";
import { UnknownError } from "../src/core/errors.ts";
import { createSubjects } from "../src/core/subjects.ts";
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
  const { clock, log, fabric, name, node } = resources;
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
    publish: (event) => {
      publish(event);
      teller?.tell(event);
    },
    runTask: (role, task, options) => desk.execute(role, task, options),
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
