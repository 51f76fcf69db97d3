// What the inspector looks at: a mesh that runs in this process, or the data that one keeps.
// Invariant: looking changes nothing; what cannot be done or known from where it looks is null.
import type { Approval } from "../../core/approval.ts";
import type { Unsubscribe } from "../../core/ports.ts";
import type { MeshSystem } from "../../mesh.ts";
import type { HeardEvent } from "../../mesh-view.ts";
import type { NodeLine } from "../../node-line.ts";
import type { TaskList } from "../../task-list.ts";
import type { WorkflowList } from "../../workflow-list.ts";
import { packageManifest } from "../package-root.ts";
import type { StoredMesh } from "../stored-mesh.ts";
import type { MeshOverview } from "./shapes.ts";

/** A mesh as it is looked at. */
export interface Inspected {
  readonly name: string;
  readonly mode: MeshOverview["mode"];
  readonly version: string;
  readonly tasks: TaskList;
  readonly workflows: WorkflowList;
  /** The line to its nodes. */
  readonly nodes: NodeLine | null;
  approvals(): Promise<readonly Approval[]>;
  answer(
    approvalId: string,
    decision: "approved" | "rejected",
    options: { readonly note: string | undefined },
  ): Promise<unknown>;
  /** Resolves once the task has ended. */
  readonly cancel: ((taskId: string, reason: string) => Promise<unknown>) | null;
  /** Hears what tasks and workflows do. */
  readonly hear: ((listener: (event: HeardEvent) => void) => Unsubscribe) | null;
  /** Tasks of a role that wait in its queue. */
  readonly queued: ((role: string) => Promise<number>) | null;
  /** The roles that the mesh knows, whether or not anybody has them now. */
  roles(): Promise<readonly { readonly role: string; readonly capabilities: readonly string[] }[]>;
}

/** Who answers, in the journal. */
const BY = "inspector";

/** A mesh that has started. */
export function inspectMesh(mesh: MeshSystem): Inspected {
  const { view } = mesh;
  return {
    name: view.name,
    mode: view.isDistributed ? "distributed" : "embedded",
    version: packageManifest().version,
    tasks: view.tasks,
    workflows: view.workflows,
    nodes: view.nodes,
    approvals: () => mesh.pending(),
    answer: (id, decision, { note }) => {
      const answerer = { by: BY, note };
      return decision === "approved" ? mesh.approve(id, answerer) : mesh.reject(id, answerer);
    },
    cancel: (taskId, reason) => mesh.cancel(taskId, reason),
    hear: (listener) => view.hearAll(listener),
    queued: async (role) => (await view.queued(role)).waiting,
    roles: async () =>
      view.isDistributed
        ? view.roles()
        : mesh.agents.map(({ role, capabilities }) => ({ role, capabilities })),
  };
}

/** What a mesh keeps in its data folder, whoever works on it. */
export function inspectStored(stored: StoredMesh): Inspected {
  return {
    name: stored.name,
    mode: "stored",
    version: packageManifest().version,
    tasks: stored.tasks,
    workflows: stored.workflows,
    nodes: null,
    approvals: () => stored.approvals.pending(),
    answer: (id, decision, { note }) => stored.approvals.answer(id, decision, { by: BY, note }),
    cancel: null,
    hear: null,
    queued: null,
    roles: async () => (await stored.tasks.roles()).map((role) => ({ role, capabilities: [] })),
  };
}
