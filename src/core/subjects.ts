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
  /** The queue of a role's tasks: of this mesh's task queue, where no other is named. */
  tasks(role: string, taskQueue?: string | null): string;
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
    tasks: (role: string, taskQueue: string | null = own) =>
      `${mesh}.task.${role}${taskQueue === null ? "" : `.${taskQueue}`}`,
    journal: (taskId = "") => `${mesh}.task.${taskId}`,
    approval: (approvalId = "") => `${mesh}.${approvalId}`,
  });
}
