// The effects behind `routing` and `recalling`: which profile a task is worked on with, and whether proven code can do
// it without a model.
// Invariant: what was decided is in the journal before the chart acts on it, and is not decided again.
import type { PromptAgent } from "../src/core/agent.ts";
import type { Recall, Routed } from "../src/core/attempt.ts";
import { routeFully } from "../src/core/kernel.ts";
import { addTokens, NO_TOKENS, type TokenUsage } from "../src/core/model.ts";
import { profileOf, type ProfileName } from "../src/core/profile.ts";
import { instructionsOf } from "../src/core/prompt.ts";
import type { Assignment } from "./assignment.ts";
import { chooseModel, type AskOptions } from "./draft.ts";
import type { ActorParts } from "./parts.ts";
import { answerOnce } from "./recorded.ts";

/** Chooses the profile of a task. */
export async function routeTask(
  agent: PromptAgent,
  parts: Pick<ActorParts, "model" | "tiers" | "clock">,
  { assignment, signal, timeoutMs }: AskOptions,
): Promise<Routed> {
  const { journal, task } = assignment;
  const known = journal.find("routed");
  if (known !== undefined) return known.routing;
  let tokens: TokenUsage = NO_TOKENS;
  let costUsd: number | null = 0;
  const explicit = (assignment.profile ?? undefined) as ProfileName | undefined;
  const routing = await routeFully(
    { task, agent },
    {
      explicit,
      ask: async (request) => {
        const [model] = chooseModel(agent, parts.model);
        const call = { call: "route-0", repair: -1, model, cheaper: parts.tiers.fast, clock: parts.clock };
        const asked = { ...request, model: parts.tiers.fast };
        const answer = await answerOnce(assignment, { ...call, request: asked, signal, timeoutMs });
        tokens = addTokens(tokens, answer.tokens);
        costUsd = answer.costUsd;
        return answer.text;
      },
    },
  );
  const routed = { ...routing, tokens, costUsd };
  await journal.append({ type: "routed", routing: routed });
  return routed;
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
