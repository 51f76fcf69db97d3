// Makes what an actor is given of a task: its journal and result, its books and its memory.
import type { AgentDefinition } from "../src/core/agent.ts";
import type { Memory, Outputs } from "../src/core/memory.ts";
import { profileOf } from "../src/core/profile.ts";
import { createMemory } from "../src/memory.ts";
import type { ResultEntry } from "../src/results.ts";
import type { Assignment } from "./assignment.ts";
import { meterOfTask, type Meter } from "./compressing.ts";
import type { TaskIdentity } from "./held-task.ts";
import { taskMsOf, type ActorParts } from "./parts.ts";
import { Spending } from "./spending.ts";

/** What the desk knows of a task. */
export interface AssignmentParts extends Pick<Assignment, "journal" | "tell" | "leave"> {
  /** Its stored result; null where it was begun by another process. */
  readonly entry: ResultEntry | null;
}

/** Makes an assignment. */
export function makeAssignment(
  parts: ActorParts,
  agent: AgentDefinition,
  { entry, ...given }: AssignmentParts,
): Assignment {
  const { accepted } = given.journal;
  const spending = spendingOf(parts, agent, accepted);
  const { taskId, role, task, context, step, profile, resultId } = accepted;
  const timeoutMs = taskMsOf(agent, parts);
  const meter = meterOfTask({ taskId, spending, journal: given.journal }, { clock: parts.clock, timeoutMs });
  return {
    taskId,
    task,
    context,
    step,
    profile,
    acceptedAt: accepted.at,
    ...given,
    entry: entry ?? parts.results.resume({ taskId, role, task, resultId, startedAt: accepted.at }),
    spending,
    memory: memoryOf(parts, accepted, meter),
    references: null,
    release: null,
  };
}

function spendingOf(
  { book, budget: mesh }: ActorParts,
  agent: AgentDefinition,
  { taskId, role, step, budget, profile }: TaskIdentity,
): Spending {
  const usual = agent.kind === "prompt" ? profileOf(profile ?? agent.profile).budget : undefined;
  const workflow = step?.budget === undefined ? null : { id: step.workflowId, budget: step.budget };
  return new Spending(book, { taskId, role }, { task: budget ?? usual, workflow, agent: agent.budget, mesh });
}

function memoryOf(
  { stores, model }: ActorParts,
  { taskId, role, step, context }: TaskIdentity,
  meter: Meter,
): Memory {
  const scope = { role, taskId, ...(step === null ? {} : { workflowId: step.workflowId }) };
  return createMemory({ ...stores, model, meter, scope, outputs: outputsIn(context) });
}

/** What earlier steps of a workflow gave, as it stands in the context. */
function outputsIn(context: TaskIdentity["context"]): Outputs {
  const { previousStepResults: results } = context;
  const earlier = typeof results === "object" && results !== null ? (results as Record<string, unknown>) : {};
  return {
    get: (id) => (Object.hasOwn(earlier, id) ? earlier[id] : undefined),
    keys: () => Object.keys(earlier),
  };
}
