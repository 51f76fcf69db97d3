// The effect behind `generating` and `repairing`: asks the model and takes the code, or the prose, out of its answer.
import { isModel, type ModelChoice, type PromptAgent } from "../src/core/agent.ts";
import { extractCode } from "../src/core/answer.ts";
import type { Draft, DraftRequest } from "../src/core/attempt.ts";
import type { Model, ModelAnswer } from "../src/core/model.ts";
import { profileOf, type Profile } from "../src/core/profile.ts";
import { conversation, type SolvedTask } from "../src/core/prompt.ts";
import type { TaskFailure } from "../src/core/task.ts";
import type { Assignment } from "./assignment.ts";
import type { ActorParts, ModelTiers } from "./parts.ts";
import { pastCalls } from "./past-calls.ts";
import { answerOnce } from "./recorded.ts";

/** What the effects of a task that ask a model are given. */
export interface AskOptions {
  readonly assignment: Assignment;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** Writes the first draft of a task, or mends the last; rejects where no model answers. */
export async function writeDraft(
  agent: PromptAgent,
  parts: Pick<ActorParts, "model" | "tiers" | "registry" | "clock">,
  options: AskOptions & {
    readonly request: DraftRequest;
    /** The agent's system part: the same for all its tasks of a profile. */
    readonly system: (profile: Profile) => string;
  },
): Promise<Draft> {
  const { assignment, request, signal, timeoutMs } = options;
  const { repair } = request;
  const profile = profileOf(request.profile);
  const { model, choice, tiers } = chooseModel(agent, parts);
  const references = model.isRecorded === true ? [] : await referencesFor(agent, profile, parts, assignment);
  const calls = pastCalls(assignment.journal.entries, request.attempts.length);
  const messages = conversation(assignment.task, assignment.context, request.attempts, {
    profile,
    references,
    calls,
  });
  const answer = await answerOnce(assignment, {
    call: `model-${repair}`,
    repair,
    request: {
      purpose: repair === 0 ? "generate" : "repair",
      system: options.system(profile),
      messages,
      temperature: choice.temperature ?? profile.temperature,
      maxOutputTokens: choice.maxOutputTokens,
      model: choice.name ?? tiers[profile.tier],
    },
    ...(repair === 0 ? { references } : {}),
    model,
    approvals: request.approvals,
    cheaper: tiers.fast,
    clock: parts.clock,
    signal,
    timeoutMs,
    onText: (text) => assignment.tell({ type: "text", text }),
    onRestart: (reason) => assignment.tell({ type: "text-void", reason: reason.message }),
  });
  const draft = draftOf(answer, profile);
  if (draft.code !== null && profile.draft === "code") assignment.tell({ type: "code", code: draft.code });
  return draft;
}

/** What a model's answer comes to. */
export function draftOf(answer: ModelAnswer, profile: Profile): Draft {
  const { code, problem } = readAnswer(answer, profile);
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

/** The model that an agent asks, and what it chooses of it; the mesh's names of models mean nothing to one of its own. */
export function chooseModel(
  { model }: PromptAgent,
  parts: Pick<ActorParts, "model" | "tiers">,
): { readonly model: Model; readonly choice: ModelChoice; readonly tiers: Partial<ModelTiers> } {
  if (model !== undefined && isModel(model)) return { model, choice: {}, tiers: {} };
  return { model: parts.model(), choice: model ?? {}, tiers: parts.tiers };
}

/** Code of like tasks, looked up once a task: a repair's conversation begins as the first draft's did, on any node. */
async function referencesFor(
  agent: PromptAgent,
  profile: Profile,
  { registry }: Pick<ActorParts, "registry">,
  assignment: Assignment,
): Promise<readonly SolvedTask[]> {
  if (agent.reuse !== "offer" || profile.draft === "prose") return [];
  const before = assignment.journal.find("model-asked", ({ repair }) => repair === 0);
  if (before !== undefined) return before.references ?? [];
  assignment.references ??= registry.findNear({ role: agent.role, task: assignment.task });
  return assignment.references;
}

function readAnswer(
  answer: ModelAnswer,
  profile: Profile,
): { code: string | null; problem: TaskFailure | null } {
  if (answer.finish === "refusal") return noCode("The model declined to answer.");
  if (profile.draft === "prose") {
    if (answer.finish !== "length") return { code: answer.text, problem: null };
    return noCode("The answer was cut off at the output limit: write a shorter text.");
  }
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
