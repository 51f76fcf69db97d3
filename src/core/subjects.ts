// The one builder of subjects: every name that something is published under is made here.
// Invariant: all parts are names (letters, digits, `_`, `-`), so that no caller can add tokens or wildcards.
import { FettleError } from "./errors.ts";
import { isName } from "./names.ts";

function token(value: string): string {
  if (!isName(value)) {
    throw new FettleError("MESSAGE_INVALID", `"${value}" cannot be part of a subject: it is not a name.`);
  }
  return value;
}

/** The subjects of one mesh, below `fettle.<mesh>`. */
export function createSubjects(mesh: string) {
  const root = `fettle.${token(mesh)}`;
  return Object.freeze({
    /** Events of one task. */
    event: (taskId: string) => `${root}.event.${token(taskId)}`,
    /** Events of all tasks. */
    events: `${root}.event.*`,
  });
}

/** The subjects of one mesh. */
export type Subjects = ReturnType<typeof createSubjects>;
