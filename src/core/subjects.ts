// The one builder of names: what something is published, queued or journaled under is made here.
// Invariant: all parts are names (letters, digits, `_`, `-`), so that no caller can add tokens or wildcards.
import type { Address } from "./address.ts";
import { requireName } from "./names.ts";

/** The subjects, queues and ledgers of one mesh. */
export interface Subjects {
  /** The subject of one actor's mailbox. */
  actor(address: Address): string;
  /** The queue of a role's tasks. */
  tasks(role: string): string;
  /** The ledger of one task; without an id, what all of them start with. */
  journal(taskId?: string): string;
  /** The key of one approval; without an id, what all of them start with. */
  approval(approvalId?: string): string;
}

/**
 * The subjects of a mesh, all below `fettle.<mesh>`.
 *
 * @throws DefinitionError where the mesh's name is no name.
 */
export function createSubjects(mesh: string): Subjects {
  requireName(mesh, "The mesh's name");
  const root = `fettle.${mesh}`;
  return Object.freeze({
    actor: (address: Address) => `${root}.actor.${address}`,
    tasks: (role: string) => `${mesh}.task.${role}`,
    journal: (taskId = "") => `${mesh}.task.${taskId}`,
    approval: (approvalId = "") => `${mesh}.${approvalId}`,
  });
}
