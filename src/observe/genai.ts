// The names of OpenTelemetry's conventions for generative AI, and of Fettle's own beside them; docs/tracing.md lists them.
// Invariant: what people, models and guests wrote is in none of them unless it is asked for, and then without secrets.
import type { Attributes, HrTime } from "@opentelemetry/api";
import type { ModelAnswer, ModelRequest } from "../core/model.ts";

/** Attributes of spans. */
export const ATTRIBUTE = Object.freeze({
  operation: "gen_ai.operation.name",
  provider: "gen_ai.provider.name",
  agent: "gen_ai.agent.name",
  conversation: "gen_ai.conversation.id",
  workflow: "gen_ai.workflow.name",
  requestModel: "gen_ai.request.model",
  temperature: "gen_ai.request.temperature",
  maxTokens: "gen_ai.request.max_tokens",
  responseModel: "gen_ai.response.model",
  finishReasons: "gen_ai.response.finish_reasons",
  inputTokens: "gen_ai.usage.input_tokens",
  outputTokens: "gen_ai.usage.output_tokens",
  cacheRead: "gen_ai.usage.cache_read.input_tokens",
  cacheWrite: "gen_ai.usage.cache_creation.input_tokens",
  tokenType: "gen_ai.token.type",
  tool: "gen_ai.tool.name",
  toolType: "gen_ai.tool.type",
  toolCall: "gen_ai.tool.call.id",
  toolInput: "gen_ai.tool.call.arguments",
  toolOutput: "gen_ai.tool.call.result",
  system: "gen_ai.system_instructions",
  inputMessages: "gen_ai.input.messages",
  outputMessages: "gen_ai.output.messages",
  error: "error.type",
  node: "fettle.node",
  step: "fettle.workflow.step",
  workflowId: "fettle.workflow.id",
  status: "fettle.status",
  purpose: "fettle.model.purpose",
  costUsd: "fettle.cost_usd",
  replayed: "fettle.replayed",
  recorded: "fettle.played_back",
  repeated: "fettle.run.repeated",
  takeover: "fettle.takeover",
  left: "fettle.left",
  interrupted: "fettle.interrupted",
  attempt: "fettle.attempt",
  repair: "fettle.repair",
  repairs: "fettle.repairs",
  cpuMs: "fettle.sandbox.cpu_ms",
  memory: "fettle.sandbox.memory_bytes",
  toolCalls: "fettle.sandbox.tool_calls",
  subject: "fettle.approval.subject",
  decision: "fettle.approval.decision",
  category: "fettle.error.category",
});

/** Providers by the names that the conventions give them, where these are others than ours. */
const PROVIDERS: Readonly<Record<string, string>> = {
  claude: "anthropic",
  azure: "azure.ai.openai",
  gemini: "gcp.gemini",
};

/** A provider's name as the conventions have it. */
export function providerName(provider: string): string {
  return PROVIDERS[provider] ?? provider;
}

/** What is said of a request before it is answered; `name` is the model's, as `provider/model`. */
export function requestAttributes(request: ModelRequest, name: string): Attributes {
  const { temperature, maxOutputTokens, purpose } = request;
  return {
    [ATTRIBUTE.requestModel]: request.model ?? name.replace(/^[^/]*\//, ""),
    [ATTRIBUTE.purpose]: purpose,
    ...(temperature === undefined ? {} : { [ATTRIBUTE.temperature]: temperature }),
    ...(maxOutputTokens === undefined ? {} : { [ATTRIBUTE.maxTokens]: maxOutputTokens }),
  };
}

/** What is said of an answer; what it used only where it was paid for now. */
export function answerAttributes(answer: ModelAnswer, isPaid: boolean): Attributes {
  const { provider, model, finish, tokens, costUsd, replayed } = answer;
  const { input, output, cacheRead, cacheWrite } = tokens;
  const usage = {
    // The conventions count what a cache gave or took as input too.
    [ATTRIBUTE.inputTokens]: input + cacheRead + cacheWrite,
    [ATTRIBUTE.outputTokens]: output,
    [ATTRIBUTE.cacheRead]: cacheRead,
    [ATTRIBUTE.cacheWrite]: cacheWrite,
    ...(costUsd === null ? {} : { [ATTRIBUTE.costUsd]: costUsd }),
  };
  return {
    [ATTRIBUTE.provider]: providerName(provider),
    [ATTRIBUTE.responseModel]: model,
    [ATTRIBUTE.finishReasons]: [finish],
    ...(replayed ? { [ATTRIBUTE.recorded]: true } : {}),
    ...(isPaid && !replayed ? usage : {}),
  };
}

/** Messages as the conventions write them, as JSON. */
export function messagesText(
  messages: readonly { readonly role: string; readonly content: string }[],
): string {
  return JSON.stringify(messages.map(({ role, content }) => ({ role, parts: [{ type: "text", content }] })));
}

/** Milliseconds since 1970 as spans have them: a plain number would be taken for another clock's. */
export function timeOf(milliseconds: number): HrTime {
  const seconds = Math.floor(milliseconds / 1000);
  return [seconds, Math.round((milliseconds - seconds * 1000) * 1e6)];
}
