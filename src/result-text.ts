// Results as text: JSON that any program can read, which gives the exact value back to ours.
// Invariant: `output` is plain JSON; where JSON cannot say the value, `outputExact` holds the codec's text beside it.
import { encode } from "./core/codec.ts";
import type { TaskResult } from "./core/task.ts";
import { toReadable } from "./readable.ts";

/**
 * An output for readers, and exactly where that loses something.
 *
 * @throws ValueError where it cannot be encoded.
 */
export function readableOutput(output: unknown): { output: unknown; outputExact?: string } {
  const exact = encode(output);
  const readable = toReadable(output);
  return exact === JSON.stringify(readable) ? { output: readable } : { output: readable, outputExact: exact };
}

/** A result as one JSON document. @throws ValueError where its output cannot be encoded. */
export function resultText(result: TaskResult): string {
  return JSON.stringify({ ...result, ...readableOutput(result.output) });
}

/** Where a result is stored, among the blobs of its fabric. */
export function resultBlob({ role, resultId }: Pick<TaskResult, "role" | "resultId">): string {
  return `${role}/${resultId}.json`;
}
