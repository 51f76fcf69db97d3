// Names that become parts of subjects, keys and paths: roles, capabilities, step ids, tool names.
// Invariant: only letters, digits, `_` and `-`, so that no name can add a token, a wildcard or a folder.
import { DefinitionError } from "./errors.ts";

const NAME = /^[A-Za-z0-9_-]{1,128}$/;
const IDENTIFIER = /^[A-Za-z_$][A-Za-z0-9_$]{0,127}$/;

/** Whether a string may stand in a subject: 1 to 128 letters, digits, `_` or `-`. */
export function isName(value: unknown): value is string {
  return typeof value === "string" && NAME.test(value);
}

/** Whether a string can be called from guest code as `tools.<name>`. */
export function isIdentifier(value: unknown): value is string {
  return typeof value === "string" && IDENTIFIER.test(value);
}

/** Throws a {@link DefinitionError} that says what the name is of, unless it is a valid name. */
export function requireName(value: unknown, what: string): asserts value is string {
  if (value === undefined || value === null || value === "") throw new DefinitionError(`${what} is missing.`);
  if (!isName(value)) {
    throw new DefinitionError(
      `${what} ${JSON.stringify(value)} is not a valid name: use 1 to 128 letters, digits, "_" and "-" ` +
        `(it becomes part of a subject).`,
    );
  }
}
