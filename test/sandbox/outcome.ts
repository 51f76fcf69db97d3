// What a run gave, for tests that expect one of the two.
import type { ExecuteResult, GuestError } from "#src/core/guest";

/** The value of a run that must have succeeded. */
export function valueOf(result: ExecuteResult): unknown {
  if (!result.ok) throw new Error(`The run failed (${result.error.failure}): ${result.error.message}`);
  return result.value;
}

/** The error of a run that must have failed. */
export function errorOf(result: ExecuteResult): GuestError {
  if (result.ok) throw new Error(`The run succeeded with ${JSON.stringify(result.value)}.`);
  return result.error;
}
