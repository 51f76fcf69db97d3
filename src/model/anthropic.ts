// Claude, through Anthropic's own SDK and its Messages API.
// Invariant: one ask is one request per try; only a message that arrived whole, with its stop reason, is an answer.
import type Anthropic from "@anthropic-ai/sdk";
import type {
  Message,
  MessageCreateParamsBase,
  MessageDeltaUsage,
  RawMessageStreamEvent,
  StopReason,
  Usage,
} from "@anthropic-ai/sdk/resources/messages";
import type { Model, ModelAnswer, ModelCallOptions, ModelRequest, TokenUsage } from "../core/model.ts";
import { malformed, network, toModelError, type FailureContext } from "./failure.ts";
import { createProvider, guardStream, type ProviderOptions } from "./provider.ts";
import { retryModel } from "./retry.ts";

const OFFICIAL = "https://api.anthropic.com";

/** The API wants a limit in each request; all models in service allow at least this much (2026-11). */
const MAX_OUTPUT_TOKENS = 32_000;

/** The options of {@link createAnthropicModel}. */
export interface AnthropicOptions extends ProviderOptions {
  /** Sent with each request; never in a log, an error or a recording. */
  readonly apiKey: string;
  /** Default `https://api.anthropic.com`. */
  readonly baseURL?: string | undefined;
}

/**
 * Claude as a {@link Model}: streamed, its system prompt cached by the provider, retried as `retry` says.
 *
 * @throws ConfigError where the key, the model or the URL cannot be right.
 */
export function createAnthropicModel(options: AnthropicOptions): Model {
  // The SDK adds /v1 itself.
  const baseURL = (options.baseURL ?? OFFICIAL).replace(/\/+$/, "").replace(/\/v1$/, "");
  const provider = createProvider("anthropic", options, {
    endpoint: baseURL,
    official: baseURL === OFFICIAL,
    secrets: [options.apiKey],
  });
  // Loading the SDK takes longer than all the rest of a start: it waits for the first call.
  let connecting: Promise<Anthropic> | undefined;
  const connect = (): Promise<Anthropic> =>
    (connecting ??= import("@anthropic-ai/sdk").then(
      ({ default: Client }) =>
        new Client({
          apiKey: options.apiKey,
          webhookKey: null,
          baseURL,
          maxRetries: 0,
          logLevel: "off",
          ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
        }),
    ));

  const once: Model = {
    name: `anthropic/${options.model}`,
    costOf: (tokens, model = options.model) => provider.cost(model, model, tokens),
    async ask(request, call = {}) {
      const model = request.model ?? options.model;
      const context = provider.context(model);
      const body = bodyOf(request, model, options);
      const client = await connect();
      await call.beforeSend?.();
      const read = options.stream === false ? readWhole : readStream;
      const message = await read(client, body, call, context);
      return toAnswer(message, (tokens) => provider.cost(message.model, model, tokens));
    },
  };
  return retryModel(once, { ...options.retry, clock: provider.clock });
}

/** The parts of a message that make an answer. */
interface Received {
  readonly model: string;
  readonly text: string;
  readonly stopReason: StopReason;
  readonly usage: Partial<Usage>;
}

function bodyOf(request: ModelRequest, model: string, options: AnthropicOptions): MessageCreateParamsBase {
  return {
    model,
    max_tokens: request.maxOutputTokens ?? options.maxOutputTokens ?? MAX_OUTPUT_TOKENS,
    // The system prompt is the same for all tasks of an agent: the provider caches all that stands up to the mark.
    ...(request.system === ""
      ? {}
      : { system: [{ type: "text", text: request.system, cache_control: { type: "ephemeral" } }] }),
    messages: request.messages.map(({ role, content }) => ({ role, content })),
  };
}

async function readWhole(
  client: Anthropic,
  body: MessageCreateParamsBase,
  call: ModelCallOptions,
  context: FailureContext,
): Promise<Received> {
  const message: unknown = await client.messages
    .create({ ...body, stream: false }, requestOptions(call))
    .catch((thrown: unknown) => {
      throw toModelError(thrown, context);
    });
  if (!isMessage(message)) throw malformed("it is not a message with content and a stop reason", context);
  const text = message.content.map((block) => (block.type === "text" ? block.text : "")).join("");
  if (text !== "") call.onText?.(text);
  return { model: message.model, text, stopReason: message.stop_reason, usage: message.usage };
}

async function readStream(
  client: Anthropic,
  body: MessageCreateParamsBase,
  call: ModelCallOptions,
  context: FailureContext,
): Promise<Received> {
  const stream = await client.messages
    .create({ ...body, stream: true }, requestOptions(call))
    .catch((thrown: unknown) => {
      throw toModelError(thrown, context);
    });
  let model: string | undefined;
  let text = "";
  let stopReason: StopReason | null = null;
  let usage: Partial<Usage> = {};
  let events = 0;
  let ended = false;
  for await (const event of guardStream<RawMessageStreamEvent>(stream, context)) {
    events += 1;
    if (event.type === "message_start") {
      model = event.message.model;
      usage = event.message.usage;
    } else if (event.type === "content_block_delta" && event.delta.type === "text_delta") {
      text += event.delta.text;
      call.onText?.(event.delta.text);
    } else if (event.type === "message_delta") {
      stopReason = event.delta.stop_reason;
      usage = mergeUsage(usage, event.usage);
    } else if (event.type === "message_stop") {
      ended = true;
    }
  }
  if (call.signal?.aborted === true) throw toModelError(new DOMException("aborted", "AbortError"), context);
  if (events === 0) throw malformed("it is no event stream", context);
  if (!ended || stopReason === null || model === undefined) {
    throw network("the stream ended before the message did", context);
  }
  return { model, text, stopReason, usage };
}

function requestOptions(call: ModelCallOptions): Anthropic.RequestOptions {
  // The retry around us keeps the time; the SDK's own timer must only not be shorter.
  return { timeout: 2 ** 31 - 1, ...(call.signal === undefined ? {} : { signal: call.signal }) };
}

/** The counts of a stream's end are cumulative and replace those of its start, where they are given. */
function mergeUsage(start: Partial<Usage>, end: MessageDeltaUsage): Partial<Usage> {
  return {
    ...start,
    output_tokens: end.output_tokens,
    input_tokens: end.input_tokens ?? start.input_tokens ?? 0,
    cache_read_input_tokens: end.cache_read_input_tokens ?? start.cache_read_input_tokens ?? 0,
    cache_creation_input_tokens: end.cache_creation_input_tokens ?? start.cache_creation_input_tokens ?? 0,
  };
}

function toAnswer(message: Received, cost: (tokens: TokenUsage) => number | null): ModelAnswer {
  const { usage } = message;
  const tokens: TokenUsage = {
    input: usage.input_tokens ?? 0,
    output: usage.output_tokens ?? 0,
    cacheRead: usage.cache_read_input_tokens ?? 0,
    cacheWrite: usage.cache_creation_input_tokens ?? 0,
  };
  return {
    text: message.text,
    provider: "anthropic",
    model: message.model,
    tokens,
    costUsd: isStandardRate(usage) ? cost(tokens) : null,
    finish: FINISH[message.stopReason] ?? "other",
    replayed: false,
  };
}

/** Whether the list price holds: usage that names a tier, a speed or a region priced apart is of unknown price. */
function isStandardRate(usage: Partial<Usage>): boolean {
  return (
    usage.output_tokens !== undefined &&
    (usage.service_tier ?? "standard") === "standard" &&
    (usage.speed ?? "standard") === "standard" &&
    usage.inference_geo !== "us"
  );
}

const FINISH: Partial<Record<StopReason, ModelAnswer["finish"]>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  refusal: "refusal",
};

function isMessage(value: unknown): value is Message & { readonly stop_reason: StopReason } {
  if (typeof value !== "object" || value === null) return false;
  const message = value as Partial<Message>;
  return (
    Array.isArray(message.content) &&
    typeof message.model === "string" &&
    typeof message.stop_reason === "string" &&
    typeof message.usage === "object" &&
    (message.usage as unknown) !== null
  );
}
