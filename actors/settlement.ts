// The effect behind `settling`: working code is registered, the result is stored and the journal closed with it.
// Invariant: a result that cannot be stored is still given to the caller, as a failure that says so and keeps the
// code of each try; it rejects only where another process has the task.
import type { AgentDefinition } from "../src/core/agent.ts";
import type { Outcome } from "../src/core/attempt.ts";
import { messageOf, OwnershipError } from "../src/core/errors.ts";
import { profileOf } from "../src/core/profile.ts";
import { instructionsOf } from "../src/core/prompt.ts";
import type { TaskResult } from "../src/core/task.ts";
import type { Assignment } from "./assignment.ts";
import { withCompressions } from "./compressing.ts";
import { returnsOf } from "./trial.ts";
import { functionIdOf, normalizeTask } from "../src/function-record.ts";
import { dropNotes } from "../src/memory.ts";
import type { ActorParts } from "./parts.ts";

/** Turns an outcome into the stored result. */
export async function settleTask(
  agent: AgentDefinition,
  parts: ActorParts,
  options: { readonly assignment: Assignment; readonly outcome: Outcome },
): Promise<TaskResult> {
  const { assignment, outcome } = options;
  const result = (functionId: string | null): TaskResult => ({
    status: outcome.status,
    output: outcome.output,
    code: isProse(outcome) ? null : outcome.code,
    repairs: outcome.repairs,
    executionTime: (parts.clock.now() - assignment.acceptedAt) / 1000,
    ...withCompressions(assignment.journal.entries, outcome),
    resultId: assignment.entry.resultId,
    functionId,
    error: outcome.error,
    taskId: assignment.taskId,
    role: agent.role,
    attempts: outcome.attempts,
    model: outcome.model,
    replayed: outcome.replayed,
    reused: outcome.reused,
    profile: outcome.profile,
  });
  const ended = assignment.journal.find("finished");
  if (ended !== undefined) return ended.result;
  try {
    const stored = result(functionOf(agent, assignment, outcome));
    await together(
      registerCode(agent, parts, assignment, outcome),
      assignment.entry.finish(stored),
      assignment.spending.settleAll(),
      dropNotes(parts.stores, assignment.taskId),
      withdrawApprovals(parts, assignment),
    );
    await assignment.journal.append({ type: "finished", result: stored });
    await closeBooks(parts, assignment);
    return stored;
  } catch (thrown) {
    if (thrown instanceof OwnershipError) throw thrown;
    const { taskId } = assignment;
    parts.log.error({ err: thrown, taskId, role: agent.role }, "cannot store the result of a task");
    const message =
      `The task ended with status "${outcome.status}" but its result could not be stored: ${messageOf(thrown)} ` +
      "Its code is in the attempts; run the task again once the storage works.";
    const error = { name: "StorageError", message, category: "internal" as const };
    const failed: TaskResult = { ...result(null), status: "failure", output: null, error };
    // What could not be stored may be the output alone: then this can be, and the file does not say "running".
    await assignment.entry.finish(failed).catch(() => undefined);
    await assignment.journal.append({ type: "finished", result: failed }).catch(() => undefined);
    return failed;
  }
}

/** Only once the end is recorded: a task that died before would begin anew at nothing spent. */
async function closeBooks({ log }: ActorParts, { spending, taskId }: Assignment): Promise<void> {
  await spending
    .close()
    .catch((thrown: unknown) => log.warn({ err: thrown, taskId }, "cannot close the books of a task"));
}

/** Resolves when all have ended, and rejects as the first of them that failed: what comes after finds none under way. */
async function together(...work: readonly Promise<unknown>[]): Promise<void> {
  const ended = await Promise.allSettled(work);
  for (const one of ended) if (one.status === "rejected") throw one.reason;
}

/** The function that an outcome's code becomes; null where there is none. */
function functionOf({ role }: AgentDefinition, { task }: Assignment, outcome: Outcome): string | null {
  const hasProven = outcome.status === "success" && outcome.code !== null && !isProse(outcome);
  return hasProven ? functionIdOf(role, normalizeTask(task)) : null;
}

async function registerCode(
  agent: AgentDefinition,
  parts: ActorParts,
  assignment: Assignment,
  outcome: Outcome,
): Promise<void> {
  const { role } = agent;
  const { task, entry } = assignment;
  if (isProse(outcome)) return;
  // A task that is settled again after a crash counts each of its tries once.
  const tryIdOf = (number: number) => `${entry.resultId}-${number}`;
  for (const [index, { code, error, entropy }] of outcome.attempts.entries()) {
    // Only a program that really ran says something about itself.
    if (error === null || entropy === null) continue;
    await parts.registry.recordFailure({ role, task, code, tryId: tryIdOf(index + 1) });
  }
  if (outcome.status !== "success" || outcome.code === null) return;
  await parts.registry.recordSuccess({
    role,
    task,
    code: outcome.code,
    tryId: tryIdOf(outcome.attempts.length),
    context: assignment.context,
    output: outcome.output,
    ...(agent.kind === "prompt" ? { instructions: instructionsOf(agent, profileOf(outcome.profile)) } : {}),
    toolReturns: returnsOf(assignment.journal),
  });
}

/** Prose is its own output: it has no code, and nothing that could be used again. */
function isProse({ profile }: Outcome): boolean {
  return profileOf(profile).draft === "prose";
}

/** What a task that ended meanwhile had asked for is asked no more. */
async function withdrawApprovals({ approvals }: ActorParts, { journal }: Assignment): Promise<void> {
  for (const asked of journal.entries) {
    if (asked.type !== "approval-asked") continue;
    const { approvalId } = asked;
    if (journal.find("approval-answered", (answer) => answer.approvalId === approvalId) === undefined) {
      await approvals.close(approvalId);
    }
  }
}
