// Tasks as clients of any language send them: plain text, or a JSON object that says more.
// Invariant: what is read here is a task or a TaskError that says what is wrong with the text; fields of later versions
// are passed over.
import { z } from "zod";
import { TaskError } from "./errors.ts";
import { readRequestJson } from "./request-json.ts";
import type { Task } from "./task.ts";

const requestSchema = z.object({
  task: z.string(),
  id: z.string().optional(),
  context: z.record(z.string(), z.unknown()).optional(),
  profile: z.string().optional(),
  budget: z.record(z.string(), z.unknown()).optional(),
});

const FORM = {
  name: "task",
  schema: requestSchema,
  form: 'send plain text, or JSON as in {"task": "…", "id": "…", "context": {…}}',
  wrapped: '{"task": "…"}',
};

/**
 * Reads a request: a text that begins with `{` or `[` is JSON, any other is the task itself.
 *
 * @throws TaskError
 */
export function readTaskRequest(text: string): Task {
  const trimmed = text.trim();
  if (trimmed === "") throw new TaskError(`The request is empty: ${FORM.form}.`);
  if (!/^[{[]/.test(trimmed)) return { task: text };
  const { task, id, context, profile, budget } = readRequestJson(trimmed, FORM);
  // What a profile and a budget may be is checked with the task itself.
  return {
    task,
    ...(id === undefined ? {} : { id }),
    ...(context === undefined ? {} : { context }),
    ...(profile === undefined ? {} : { profile: profile as NonNullable<Task["profile"]> }),
    ...(budget === undefined ? {} : { budget }),
  };
}
