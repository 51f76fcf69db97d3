// The effect behind `handling`: a custom agent's own handler does a task.
// Invariant: what it returns must be storable and fit the output schema, like any agent's output.
import type { CustomAgent } from "../src/core/agent.ts";
import type { Trial } from "../src/core/attempt.ts";
import { encode } from "../src/core/codec.ts";
import { messageOf } from "../src/core/errors.ts";
import type { ActorContext } from "../src/core/handler.ts";
import type { ErrorCategory } from "../src/core/task.ts";
import type { Assignment } from "./assignment.ts";
import { checkOutput } from "./trial.ts";

const NO_EVIDENCE = { console: [], usage: null, entropy: null } as const;

/** Runs a task with a custom agent's handler, unless the journal has what came of it. */
export async function handleTask(
  agent: CustomAgent,
  assignment: Assignment,
  context: ActorContext,
): Promise<Trial> {
  const { journal } = assignment;
  const finished = journal.find("handler-finished");
  if (finished !== undefined) {
    journal.telemetry.heard(finished, "replayed");
    return finished.trial;
  }
  await journal.append({ type: "handler-started" });
  await journal.sure();
  const trial = await journal.telemetry.within({ type: "handler" }, () => handle(agent, assignment, context));
  context.signal.throwIfAborted();
  await journal.append({ type: "handler-finished", trial });
  return trial;
}

/** What the handler throws fails the task alone. */
async function handle(agent: CustomAgent, assignment: Assignment, context: ActorContext): Promise<Trial> {
  const { taskId: id, task } = assignment;
  let output: unknown;
  try {
    output = await agent.handle({ type: "task", id, task, context: assignment.context }, context);
  } catch (thrown) {
    const name = thrown instanceof Error ? thrown.name : "Error";
    return failure(name, messageOf(thrown), "handler");
  }
  try {
    encode(output);
  } catch (thrown) {
    return failure("OutputError", `The handler's output cannot be kept: ${messageOf(thrown)}`, "output");
  }
  const checked = await checkOutput(agent.output, output);
  if (!checked.ok) return { ok: false, error: checked.error, ...NO_EVIDENCE };
  return { ok: true, output: checked.value, ...NO_EVIDENCE };
}

function failure(name: string, message: string, category: ErrorCategory): Trial {
  return { ok: false, error: { name, message, category }, ...NO_EVIDENCE };
}
