// The one builder of names: what something is published, queued or journaled under is made here.
// Invariant: all parts are names (letters, digits, `_`, `-`), so that no caller can add tokens or wildcards.
import type { Address } from "./address.ts";
import { requireName } from "./names.ts";

/** The subjects, queues and ledgers of one mesh. */
export interface Subjects {
  /** The task queue of this mesh; null for the common one. */
  readonly taskQueue: string | null;
  /** The subject of one actor's mailbox. */
  actor(address: Address): string;
  /** Where any client asks for a task to be done by a role. */
  task(role: string): string;
  /** Where any client asks for a task to be done by whoever has a capability. */
  capability(name: string): string;
  /** Where the events of a task, or of a workflow and all its tasks, are told. */
  event(id: string): string;
  /** Where the events of all tasks and workflows are heard. */
  events(): string;
  /** Where one node is asked for something, as to cancel a task that it works on. */
  node(node: string, verb: string): string;
  /** Where all nodes are asked for something at once. */
  nodes(verb: string): string;
  /** Where runs of guest code are asked for; `part` is for what belongs to one run. */
  sandbox(part: string): string;
  /** The queue of a role's tasks: of this mesh's task queue, where no other is named. */
  tasks(role: string, taskQueue?: string | null): string;
  /** The queue of a role's durable mailbox. */
  mail(role: string): string;
  /** The ledger of one task; without an id, what all of them start with. */
  journal(taskId?: string): string;
  /** The key of one approval; without an id, what all of them start with. */
  approval(approvalId?: string): string;
}

/**
 * The subjects of a mesh, all below `fettle.<mesh>`.
 *
 * @throws DefinitionError where the mesh's name, or its task queue's, is no name.
 */
export function createSubjects(
  mesh: string,
  { taskQueue: own = null }: { readonly taskQueue?: string | null | undefined } = {},
): Subjects {
  requireName(mesh, "The mesh's name");
  if (own !== null) requireName(own, "The task queue");
  const root = `fettle.${mesh}`;
  return Object.freeze({
    taskQueue: own,
    actor: (address: Address) => `${root}.actor.${address}`,
    task: (role: string) => `${root}.task.${role}`,
    capability: (name: string) => `${root}.capability.${name}`,
    event: (id: string) => `${root}.event.${id}`,
    events: () => `${root}.event.>`,
    node: (node: string, verb: string) => `${root}.node.${node}.${verb}`,
    nodes: (verb: string) => `${root}.nodes.${verb}`,
    sandbox: (part: string) => `${root}.sandbox.${part}`,
    tasks: (role: string, taskQueue: string | null = own) =>
      `${mesh}.task.${role}${taskQueue === null ? "" : `.${taskQueue}`}`,
    mail: (role: string) => `${mesh}.mail.${role}`,
    journal: (taskId = "") => `${mesh}.task.${taskId}`,
    approval: (approvalId = "") => `${mesh}.${approvalId}`,
  });
}
