// The kernel: routes a task to a profile, by explicit choice, else by rules, else, where that is allowed, by a model.
// Invariant: a routing always says by what it was decided, how surely and why; where nothing is sure enough it is the
// coder, and says that too. Rules that are not sure say nothing.
import { z } from "zod";
import type { PromptAgent } from "./agent.ts";
import type { ModelRequest } from "./model.ts";
import { PROFILE_NAMES, PROFILES, type ProfileName } from "./profile.ts";
import { LEAST_CONFIDENCE, type RoutingRule } from "./routing.ts";
import { toJsonSchema } from "./schema.ts";
import { flattenTools } from "./tool.ts";

/** Which profile a task goes to, and why. */
export interface Routing {
  readonly profile: ProfileName;
  readonly decidedBy: "explicit" | "rule" | "model" | "default";
  /** From 0 to 1. */
  readonly confidence: number;
  readonly reason: string;
}

/** What is routed. */
export interface Step {
  readonly task: string;
  readonly agent: PromptAgent;
}

/**
 * Routes a task without a model: by `explicit`, else by the agent's own profile, else by rules; null where none is
 * sure, and a model may be asked with {@link routingRequest}.
 */
export function route(
  step: Step,
  options: { readonly explicit?: ProfileName | undefined } = {},
): Routing | null {
  const { explicit } = options;
  const { profile, routing } = step.agent;
  if (explicit !== undefined) return chosen(explicit, "the task asked for it");
  if (profile === undefined) return byDefault("the agent names no profile");
  if (profile !== "auto") return chosen(profile, "the agent names it");
  const rules = routing?.rules ?? [];
  const index = rules.findIndex(({ when }) => fits(when, step.task));
  const rule = rules[index];
  if (rule !== undefined) {
    return {
      profile: rule.profile,
      decidedBy: "rule",
      confidence: 1,
      reason: `rule ${index + 1} of the agent fits`,
    };
  }
  return byBuiltInRule(step);
}

/** Routes a task all the way; `ask` puts the request to a model where the agent allows that, and gives its text. */
export async function routeFully(
  step: Step,
  options: {
    readonly explicit?: ProfileName | undefined;
    readonly ask: (request: ModelRequest) => Promise<string>;
  },
): Promise<Routing> {
  const routed = route(step, options);
  if (routed !== null) return routed;
  const { model = false, confidence: least = LEAST_CONFIDENCE } = step.agent.routing ?? {};
  if (!model) return byDefault("no rule was sure, and no model may be asked");
  const answer = readRouting(await options.ask(routingRequest(step)));
  if (answer === null) return byDefault("the model's answer named no profile");
  const unfit = unfitness(answer.profile, step.agent);
  if (unfit !== null) return byDefault(`the model chose the ${answer.profile}, but ${unfit}`);
  if (answer.confidence >= least) return answer;
  return byDefault(
    `the model was ${answer.confidence} sure of the ${answer.profile}, and ${least} is the least (${answer.reason})`,
  );
}

function chosen(profile: ProfileName, reason: string): Routing {
  return { profile, decidedBy: "explicit", confidence: 1, reason };
}

function byDefault(reason: string): Routing {
  return { profile: "coder", decidedBy: "default", confidence: 0, reason };
}

function fits(when: RoutingRule["when"], task: string): boolean {
  // `search` begins at the start whatever a global or sticky pattern remembers.
  return when instanceof RegExp ? task.search(when) >= 0 : when(task);
}

const RESEARCH =
  /\b(?:research|investigate|look up|search for|sources?|cite|citations?|literature|evidence)\b/i;
const RESEARCHER = /^(?:research|search|retrieval|lookup|browse|investigat)/i;
const WRITING =
  /\b(?:write|draft|compose|rewrite|rephrase|summari[sz]e|translate|proofread|e-?mail|letter|memo|announcement|newsletter|blog post)\b/i;
const WRITER = /^(?:writ|communicat|report|edit|translat|summar|copywrit)/i;
const PROGRAMMING = /\b(?:code|function|script|program|regex|regular expression|query|SQL)\b/i;
const COMPUTING =
  /\b(?:calculate|compute|count|sum|total|average|mean|median|sort|convert|factorial|primes?|percentage|how many|how much)\b/i;

/** The rules for all agents: sure only where what the agent is and what the task says point one way. */
function byBuiltInRule({ task, agent }: Step): Routing | null {
  const is = (pattern: RegExp) => agent.capabilities.some((capability) => pattern.test(capability));
  const computes = COMPUTING.test(task) || PROGRAMMING.test(task);
  const researches = RESEARCH.test(task) || is(RESEARCHER);
  const writes = WRITING.test(task) || is(WRITER);
  const rule = (profile: ProfileName, reason: string): Routing => ({
    profile,
    decidedBy: "rule",
    confidence: 0.9,
    reason,
  });
  if (computes && !researches && !writes) return rule("coder", "the task is to compute");
  if (computes) return null;
  if (researches && !writes && unfitness("researcher", agent) === null) {
    return rule("researcher", "the agent has tools, and it or the task is about research");
  }
  if (writes && !researches && unfitness("communicator", agent) === null) {
    return rule("communicator", "the task or the agent is about writing, and the output is a text");
  }
  return null;
}

/** Why a profile cannot serve an agent; null where it can. */
function unfitness(profile: ProfileName, agent: PromptAgent): string | null {
  const hasTools = Object.keys({ ...agent.tools, ...agent.mcp }).length > 0;
  if (profile === "researcher" && !hasTools) return "the agent has no tools to find out by";
  if (profile !== "communicator") return null;
  if (hasTools) return "the agent has tools, which prose cannot call";
  return agent.format !== undefined || isText(agent) ? null : "the agent's output is no text";
}

function isText({ output }: PromptAgent): boolean {
  return output === undefined || toJsonSchema(output, "input")?.["type"] === "string";
}

const ROUTER = `You decide how a task is to be solved. There are these ways:
${PROFILE_NAMES.map((name) => `- ${name}: ${PROFILES[name].purpose}`).join("\n")}

Answer with one JSON object and nothing else:
{"profile": "coder" | "researcher" | "communicator", "confidence": a number from 0 to 1, "reason": "a few words"}`;

/** What a model is asked where no rule was sure; {@link readRouting} reads its answer. */
export function routingRequest({ task, agent }: Step): ModelRequest {
  const tools = [...flattenTools(agent.tools).keys()];
  const output = agent.output === undefined ? "anything" : isText(agent) ? "a text" : "structured data";
  const lines = [
    `Agent: ${agent.role} (${agent.capabilities.join(", ")})`,
    `Its tools: ${tools.length === 0 ? "none" : tools.join(", ")}`,
    `Its output: ${output}`,
    `Task:\n${task}`,
  ];
  return {
    purpose: "route",
    system: ROUTER,
    messages: [{ role: "user", content: lines.join("\n") }],
    temperature: 0,
  };
}

const answerSchema = z.object({
  profile: z.enum(PROFILE_NAMES),
  confidence: z.number().min(0).max(1),
  reason: z.string().default("no reason given"),
});

/** The routing that a model's answer gives, prose or fences around it aside; null where it gives none. */
export function readRouting(answer: string): Routing | null {
  const text = answer.replace(/^\s*<think>[^]*?(?:<\/think>|$)/, "");
  for (const [json] of text.matchAll(/\{[^{}]*\}/g)) {
    try {
      const { profile, confidence, reason } = answerSchema.parse(JSON.parse(json));
      return { profile, decidedBy: "model", confidence, reason: reason.slice(0, 300) };
    } catch {
      // Not the object that was asked for; there may be another.
    }
  }
  return null;
}
