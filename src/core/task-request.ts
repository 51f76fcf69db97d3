// Tasks as clients of any language send them: plain text, or a JSON object that says more.
// Invariant: what is read here is a task or a TaskError that says what is wrong with the text; fields of later versions
// are passed over.
import { z } from "zod";
import { messageOf, TaskError } from "./errors.ts";
import type { Task } from "./task.ts";

const requestSchema = z.object({
  task: z.string(),
  id: z.string().optional(),
  context: z.record(z.string(), z.unknown()).optional(),
  profile: z.string().optional(),
  budget: z.record(z.string(), z.unknown()).optional(),
});

const FORM = 'send plain text, or JSON as in {"task": "…", "id": "…", "context": {…}}';

/**
 * Reads a request: a text that begins with `{` or `[` is JSON, any other is the task itself.
 *
 * @throws TaskError
 */
export function readTaskRequest(text: string): Task {
  const trimmed = text.trim();
  if (trimmed === "") throw new TaskError(`The request is empty: ${FORM}.`);
  if (!/^[{[]/.test(trimmed)) return { task: text };
  let json: unknown;
  try {
    json = JSON.parse(trimmed);
  } catch (thrown) {
    throw new TaskError(
      `The request begins like JSON and is none (${messageOf(thrown)}): ${FORM}. ` +
        'A task that begins so goes into {"task": "…"}.',
      { cause: thrown },
    );
  }
  const parsed = requestSchema.safeParse(json);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) =>
      path.length === 0 ? message : `${path.join(".")}: ${message}`,
    );
    throw new TaskError(`The request is no task (${problems.join("; ")}): ${FORM}.`);
  }
  const { task, id, context, profile, budget } = parsed.data;
  // What a profile and a budget may be is checked with the task itself.
  return {
    task,
    ...(id === undefined ? {} : { id }),
    ...(context === undefined ? {} : { context }),
    ...(profile === undefined ? {} : { profile: profile as NonNullable<Task["profile"]> }),
    ...(budget === undefined ? {} : { budget }),
  };
}
