// The one builder of subjects: every name that something is published under is made here.
// Invariant: all parts are names (letters, digits, `_`, `-`), so that no caller can add tokens or wildcards.
import type { Address } from "./address.ts";
import { requireName } from "./names.ts";

/** The subjects of one mesh. */
export interface Subjects {
  /** The mailbox of one actor. */
  actor(address: Address): string;
}

/**
 * The subjects of a mesh, all below `fettle.<mesh>`.
 *
 * @throws DefinitionError where the mesh's name is no name.
 */
export function createSubjects(mesh: string): Subjects {
  requireName(mesh, "The mesh's name");
  const root = `fettle.${mesh}`;
  return Object.freeze({ actor: (address: Address) => `${root}.actor.${address}` });
}
