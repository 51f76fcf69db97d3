// What a task must be to be accepted: checked before anything is stored, queued or paid.
import { checkBudget, type Budget } from "../src/core/budget.ts";
import { encode } from "../src/core/codec.ts";
import { messageOf, TaskError } from "../src/core/errors.ts";
import { DEFAULT_LIMITS } from "../src/core/guest.ts";
import { isName } from "../src/core/names.ts";
import { PROFILE_NAMES, type ProfileName } from "../src/core/profile.ts";
import type { Task } from "../src/core/task.ts";

/** A context that could not cross into a guest is refused before a model is asked and paid. */
export function checkContext(
  context: Readonly<Record<string, unknown>>,
  maxBytes = DEFAULT_LIMITS.contextBytes,
): void {
  try {
    encode(context, { maxBytes });
  } catch (thrown) {
    throw new TaskError(`The task's context cannot be handed on: ${messageOf(thrown)}`, { cause: thrown });
  }
}

/** A task with all its parts; null for what it does not say. */
export interface CheckedTask {
  readonly id: string;
  readonly task: string;
  readonly context: Readonly<Record<string, unknown>>;
  readonly profile: ProfileName | null;
  readonly budget: Budget | null;
}

const OPTIONS: readonly string[] = ["id", "task", "context", "profile", "budget"];

/** A task with all its parts. @throws TaskError that says what is wrong with it. */
export function checkTask(given: string | Task): CheckedTask {
  const task = typeof given === "string" ? { task: given } : given;
  if (typeof task !== "object" || task === null || typeof task.task !== "string" || task.task.trim() === "") {
    throw new TaskError('A task is a text, or an object { task: "…", context?, id? }; this one has no text.');
  }
  for (const key of Object.keys(task)) {
    if (!OPTIONS.includes(key)) {
      throw new TaskError(`Unknown task option "${key}"; known are: ${OPTIONS.join(", ")}.`);
    }
  }
  const id = task.id ?? crypto.randomUUID();
  if (!isName(id)) {
    throw new TaskError(
      `The task id ${JSON.stringify(id)} is not valid: use 1 to 128 letters, digits, "_" and "-".`,
    );
  }
  const context = task.context ?? {};
  if (typeof context !== "object" || Array.isArray(context)) {
    throw new TaskError("A task's context is an object of named values.");
  }
  const { profile = null, budget } = task;
  if (profile !== null && !PROFILE_NAMES.includes(profile)) {
    throw new TaskError(
      `The task's profile is ${JSON.stringify(profile)}: it must be one of ${PROFILE_NAMES.join(", ")}.`,
    );
  }
  return {
    id,
    task: task.task,
    context,
    profile,
    budget: budget === undefined ? null : checkBudget(budget, `Task "${id}"`),
  };
}
