// The effect behind `generating` and `repairing`: asks the model and takes the code out of its answer.
import { isModel, type ModelChoice, type PromptAgent } from "../src/core/agent.ts";
import { extractCode } from "../src/core/answer.ts";
import type { Draft, DraftRequest } from "../src/core/attempt.ts";
import type { Model, ModelAnswer, ModelRequest } from "../src/core/model.ts";
import { conversation } from "../src/core/prompt.ts";
import type { TaskFailure } from "../src/core/task.ts";
import type { Assignment } from "./assignment.ts";
import { answerOnce } from "./recorded.ts";

/** Writes the first code of a task, or mends the last; rejects where no model answers. */
export async function writeDraft(
  agent: PromptAgent,
  fallback: () => Model,
  options: {
    readonly assignment: Assignment;
    /** The agent's system part: the same for all its tasks. */
    readonly system: string;
    readonly request: DraftRequest;
    readonly signal: AbortSignal;
    readonly timeoutMs: number;
  },
): Promise<Draft> {
  const { assignment, system, request, signal, timeoutMs } = options;
  const [model, choice] = chooseModel(agent, fallback);
  const asked: ModelRequest = {
    purpose: request.repair === 0 ? "generate" : "repair",
    system,
    messages: conversation(assignment.task, assignment.context, request.attempts),
    temperature: choice.temperature,
    maxOutputTokens: choice.maxOutputTokens,
    model: choice.name,
  };
  const { repair } = request;
  const callId = `${assignment.taskId}-m${repair}`;
  const answer = await answerOnce(assignment.journal, { repair, callId, signal }, () =>
    model.ask(asked, {
      signal,
      timeoutMs,
      onText: (text) => assignment.tell({ type: "text", text }),
      onRestart: (reason) => assignment.tell({ type: "text-void", reason: reason.message }),
    }),
  );
  const draft = draftOf(answer);
  if (draft.code !== null) assignment.tell({ type: "code", code: draft.code });
  return draft;
}

/** What a model's answer comes to. */
export function draftOf(answer: ModelAnswer): Draft {
  const { code, problem } = readAnswer(answer);
  return {
    code,
    problem,
    answer: answer.text,
    model: `${answer.provider}/${answer.model}`,
    tokens: answer.tokens,
    costUsd: answer.costUsd,
    replayed: answer.replayed,
  };
}

function chooseModel(agent: PromptAgent, fallback: () => Model): [Model, ModelChoice] {
  if (agent.model === undefined) return [fallback(), {}];
  return isModel(agent.model) ? [agent.model, {}] : [fallback(), agent.model];
}

function readAnswer(answer: ModelAnswer): { code: string | null; problem: TaskFailure | null } {
  if (answer.finish === "refusal") return noCode("The model declined to answer.");
  const extracted = extractCode(answer.text);
  if (!extracted.ok) return noCode(extracted.problem);
  if (answer.finish === "length") {
    return noCode("The answer was cut off at the output limit: write a shorter program.");
  }
  return { code: extracted.code, problem: null };
}

function noCode(message: string): { code: null; problem: TaskFailure } {
  return { code: null, problem: { name: "NoCodeError", message, category: "no-code" } };
}
