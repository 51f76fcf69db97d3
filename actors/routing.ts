// The effects behind `routing` and `recalling`: which profile a task is worked on with, and whether proven code can do
// it without a model.
// Invariant: what was decided is in the journal before the chart acts on it, and is not decided again.
import type { PromptAgent } from "../src/core/agent.ts";
import type { Recall, Routed } from "../src/core/attempt.ts";
import { routeFully } from "../src/core/kernel.ts";
import { ROUTING } from "../src/core/journal.ts";
import { addTokens, NO_TOKENS, type ModelRequest, type TokenUsage } from "../src/core/model.ts";
import { profileOf, type ProfileName } from "../src/core/profile.ts";
import { instructionsOf } from "../src/core/prompt.ts";
import type { Assignment } from "./assignment.ts";
import { chooseModel, type AskOptions } from "./draft.ts";
import type { ActorParts } from "./parts.ts";
import { answerOnce } from "./recorded.ts";

/** Chooses the profile of a task; what that usually may cost holds from here on. */
export async function routeTask(
  agent: PromptAgent,
  parts: Pick<ActorParts, "model" | "tiers" | "clock">,
  options: RouteOptions,
): Promise<Routed> {
  const { journal, spending } = options.assignment;
  let routed = journal.find("routed")?.routing;
  if (routed === undefined) {
    routed = await decide(agent, parts, options);
    await journal.append({ type: "routed", routing: routed });
  }
  spending.useUsual(profileOf(routed.profile).budget);
  return routed;
}

interface RouteOptions extends AskOptions {
  /** How often a person was asked until now. */
  readonly approvals: number;
}

async function decide(
  agent: PromptAgent,
  parts: Pick<ActorParts, "model" | "tiers" | "clock">,
  { assignment, approvals, signal, timeoutMs }: RouteOptions,
): Promise<Routed> {
  let tokens: TokenUsage = NO_TOKENS;
  let costUsd: number | null = 0;
  const ask = async (request: ModelRequest) => {
    const { model, choice, tiers } = chooseModel(agent, parts);
    const answer = await answerOnce(assignment, {
      call: "route-0",
      repair: ROUTING,
      approvals,
      request: { ...request, model: tiers.fast ?? choice.name },
      model,
      cheaper: tiers.fast,
      clock: parts.clock,
      signal,
      timeoutMs,
    });
    tokens = addTokens(tokens, answer.tokens);
    costUsd = answer.costUsd;
    return answer.text;
  };
  const explicit = (assignment.profile ?? undefined) as ProfileName | undefined;
  const routing = await routeFully({ task: assignment.task, agent }, { explicit, ask });
  return { ...routing, tokens, costUsd };
}

/** Looks for proven code that may do exactly this task. */
export async function recallFunction(
  agent: PromptAgent,
  { registry }: Pick<ActorParts, "registry">,
  { assignment, profile: name }: { readonly assignment: Assignment; readonly profile: string | null },
): Promise<Recall | null> {
  const { journal, task, context } = assignment;
  const known = journal.find("recalled");
  if (known !== undefined) return known.recall;
  const profile = profileOf(name);
  const found =
    profile.draft === "prose"
      ? null
      : (
          await registry.matchExact({
            role: agent.role,
            task,
            context,
            instructions: instructionsOf(agent, profile),
          })
        ).match;
  const recall =
    found === null ? null : { functionId: found.functionId, version: found.version, code: found.code };
  await journal.append({ type: "recalled", recall });
  return recall;
}
