// OpenAI and everything that speaks its Chat Completions API: vLLM and its like, Azure OpenAI, Gemini.
// Invariant: one client and one reading of answers for all; a preset says only where to ask and in what dialect.
import type OpenAI from "openai";
import type { ChatCompletion, ChatCompletionCreateParams } from "openai/resources/chat/completions";
import type { CompletionUsage } from "openai/resources/completions";
import { ConfigError } from "../core/errors.ts";
import type { Model, ModelAnswer, ModelCallOptions, ModelRequest, TokenUsage } from "../core/model.ts";
import { malformed, network, toModelError, type FailureContext } from "./failure.ts";
import { createProvider, guardStream, type ProviderOptions } from "./provider.ts";
import { retryModel } from "./retry.ts";

/** The services that this client knows how to ask. */
export type OpenAiPreset = "openai" | "vllm" | "azure" | "gemini";

/** The options of {@link createOpenAiModel}. */
export interface OpenAiOptions extends ProviderOptions {
  /** Default `openai`. */
  readonly preset?: OpenAiPreset | undefined;
  /** Needed by all but `vllm`. */
  readonly apiKey?: string | undefined;
  /**
   * Where to ask: needed by `vllm` (with or without `/v1`) and `azure` (the resource, such as
   * `https://name.openai.azure.com`); the service's own address for the others.
   */
  readonly baseURL?: string | undefined;
  /** For `azure`, where `model` is the deployment. Default `2024-10-21`. */
  readonly apiVersion?: string | undefined;
}

/** Azure's newest version of the data plane that is no preview (2026-11). */
const AZURE_API_VERSION = "2024-10-21";

interface Dialect {
  readonly baseURL: string | undefined;
  /** The hosts whose prices the built-in table has. */
  readonly officialHost: string | undefined;
  /** Reasoning models refuse `max_tokens`; older compatible servers know nothing else. */
  readonly limit: "max_tokens" | "max_completion_tokens";
  normalize(url: string): string;
}

const DIALECTS: Readonly<Record<OpenAiPreset, Dialect>> = {
  openai: {
    baseURL: "https://api.openai.com/v1",
    officialHost: "api.openai.com",
    limit: "max_completion_tokens",
    normalize: withVersion,
  },
  vllm: { baseURL: undefined, officialHost: undefined, limit: "max_tokens", normalize: withVersion },
  azure: {
    baseURL: undefined,
    officialHost: undefined,
    limit: "max_completion_tokens",
    normalize: (url) => url.replace(/\/openai(\/.*)?$/, "").replace(/\/+$/, ""),
  },
  gemini: {
    baseURL: "https://generativelanguage.googleapis.com/v1beta/openai",
    officialHost: "generativelanguage.googleapis.com",
    limit: "max_tokens",
    normalize: (url) => url.replace(/\/+$/, ""),
  },
};

/**
 * A model behind the Chat Completions API: streamed with its usage, retried as `retry` says.
 *
 * @throws ConfigError where the key, the model or the URL is missing or cannot be right.
 */
export function createOpenAiModel(options: OpenAiOptions): Model {
  const preset = options.preset ?? "openai";
  const dialect = DIALECTS[preset];
  const given = options.baseURL ?? dialect.baseURL;
  if (given === undefined) {
    throw new ConfigError(`${options.settings?.endpoint ?? "baseURL"} is missing: say where ${preset} is.`);
  }
  const endpoint = dialect.normalize(given.trim());
  if ((options.apiKey ?? "") === "" && preset !== "vllm") {
    throw new ConfigError(`${options.settings?.key ?? "apiKey"} is missing: ${preset} needs a key.`);
  }
  const provider = createProvider(preset, options, {
    endpoint,
    official: URL.canParse(endpoint) && new URL(endpoint).host === dialect.officialHost,
    secrets: options.apiKey === undefined ? [] : [options.apiKey],
  });
  // Loading the SDK takes longer than all the rest of a start: it waits for the first call.
  let connecting: Promise<OpenAI> | undefined;
  const connect = (): Promise<OpenAI> => (connecting ??= createClient(preset, endpoint, options));

  const once: Model = {
    name: `${preset}/${options.model}`,
    costOf: (tokens, model = options.model) => provider.cost(model, model, tokens),
    async ask(request, call = {}) {
      const model = request.model ?? options.model;
      const context = provider.context(model);
      const body = bodyOf(request, model, dialect, options);
      const client = await connect();
      await call.beforeSend?.();
      const read = options.stream === false ? readWhole : readStream;
      const received = await read(client, body, call, context);
      const tokens = tokensOf(received.usage);
      const standard = received.usage !== undefined && isStandardTier(received.serviceTier);
      return {
        text: received.text,
        provider: preset,
        model: received.model,
        tokens,
        costUsd: standard ? provider.cost(received.model, model, tokens) : null,
        finish: received.finish,
        replayed: false,
      };
    },
  };
  return retryModel(once, { ...options.retry, clock: provider.clock });
}

async function createClient(preset: OpenAiPreset, endpoint: string, options: OpenAiOptions): Promise<OpenAI> {
  const sdk = await import("openai");
  const shared = {
    maxRetries: 0,
    logLevel: "off" as const,
    organization: null,
    project: null,
    adminAPIKey: null,
    webhookSecret: null,
    ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
  };
  if (preset === "azure") {
    return new sdk.AzureOpenAI({
      ...shared,
      apiKey: options.apiKey,
      // `endpoint` would be refused beside an OPENAI_BASE_URL that the SDK finds in the environment.
      baseURL: `${endpoint}/openai`,
      apiVersion: options.apiVersion ?? AZURE_API_VERSION,
    });
  }
  if (options.apiKey === undefined) {
    // The SDK insists on a key; a server without one must not be sent a made-up one.
    return new sdk.OpenAI({
      ...shared,
      apiKey: "none",
      baseURL: endpoint,
      defaultHeaders: { Authorization: null },
    });
  }
  return new sdk.OpenAI({ ...shared, apiKey: options.apiKey, baseURL: endpoint });
}

/** Adds `/v1` to an address that names no version, and takes off what is pasted too much. */
function withVersion(url: string): string {
  const base = url.replace(/\/+$/, "").replace(/\/chat\/completions$/, "");
  if (!URL.canParse(base)) return base;
  const versioned = new URL(base).pathname.split("/").some((part) => /^v\d/.test(part));
  return versioned ? base : `${base}/v1`;
}

/** The parts of a completion that make an answer. */
interface Received {
  readonly model: string;
  readonly text: string;
  readonly finish: ModelAnswer["finish"];
  readonly usage: CompletionUsage | undefined;
  readonly serviceTier: string | null | undefined;
}

function bodyOf(
  request: ModelRequest,
  model: string,
  dialect: Dialect,
  options: OpenAiOptions,
): ChatCompletionCreateParams {
  const limit = request.maxOutputTokens ?? options.maxOutputTokens;
  return {
    model,
    messages: [
      ...(request.system === "" ? [] : [{ role: "system" as const, content: request.system }]),
      ...request.messages.map(({ role, content }) => ({ role, content })),
    ],
    ...(limit === undefined ? {} : { [dialect.limit]: limit }),
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
  };
}

async function readWhole(
  client: OpenAI,
  body: ChatCompletionCreateParams,
  call: ModelCallOptions,
  context: FailureContext,
): Promise<Received> {
  const completion: unknown = await client.chat.completions
    .create({ ...body, stream: false }, requestOptions(call))
    .catch((thrown: unknown) => {
      throw toModelError(thrown, context);
    });
  return takeWhole(completion, call, context);
}

function takeWhole(completion: unknown, call: ModelCallOptions, context: FailureContext): Received {
  const choice = isCompletion(completion) ? completion.choices[0] : undefined;
  if (!isCompletion(completion) || choice === undefined) {
    throw malformed("it is not a completion with a choice and a finish reason", context);
  }
  const refusal = choice.message.refusal ?? undefined;
  const text = choice.message.content ?? refusal ?? "";
  if (text !== "") call.onText?.(text);
  return {
    model: completion.model,
    text,
    finish: refusal === undefined ? finishOf(choice.finish_reason) : "refusal",
    usage: completion.usage,
    serviceTier: completion.service_tier,
  };
}

/** A chunk as servers really send it: the SDK's type promises more than compatible servers keep. */
interface WireChunk {
  readonly model?: string | null;
  readonly usage?: CompletionUsage | null;
  readonly service_tier?: string | null;
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string | null; readonly refusal?: string | null } | null;
    readonly finish_reason?: string | null;
  }[];
}

async function readStream(
  client: OpenAI,
  body: ChatCompletionCreateParams,
  call: ModelCallOptions,
  context: FailureContext,
): Promise<Received> {
  const { data: stream, response } = await client.chat.completions
    .create({ ...body, stream: true, stream_options: { include_usage: true } }, requestOptions(call))
    .withResponse()
    .catch((thrown: unknown) => {
      throw toModelError(thrown, context);
    });
  const form = response.headers.get("content-type") ?? "nothing that has a type";
  if (form.includes("json")) {
    // Small servers, and some proxies, know no streams: they answer in one piece.
    const completion: unknown = await response.json().catch((thrown: unknown) => {
      throw toModelError(thrown, context);
    });
    return takeWhole(completion, call, context);
  }
  let model = "";
  let text = "";
  let refused = false;
  let reason: string | undefined;
  let usage: CompletionUsage | undefined;
  let serviceTier: string | null | undefined;
  let chunks = 0;
  for await (const chunk of guardStream<WireChunk | null>(stream, context)) {
    chunks += 1;
    if (typeof chunk !== "object" || chunk === null) throw malformed("a chunk is no object", context);
    model ||= chunk.model ?? "";
    usage = chunk.usage ?? usage;
    serviceTier = chunk.service_tier ?? serviceTier;
    const choice = chunk.choices?.[0];
    if (choice === undefined) continue;
    const { content, refusal } = choice.delta ?? {};
    refused ||= typeof refusal === "string" && refusal !== "";
    const delta = `${content ?? ""}${refusal ?? ""}`;
    if (delta !== "") {
      text += delta;
      call.onText?.(delta);
    }
    reason = choice.finish_reason ?? reason;
  }
  if (call.signal?.aborted === true) throw toModelError(new DOMException("aborted", "AbortError"), context);
  if (chunks === 0) throw malformed(`it is no event stream, but ${form}`, context);
  if (reason === undefined) throw network("the stream ended before the answer did", context);
  return {
    model: model === "" ? context.model : model,
    text,
    finish: refused ? "refusal" : finishOf(reason),
    usage,
    serviceTier,
  };
}

function requestOptions(call: ModelCallOptions): OpenAI.RequestOptions {
  // The retry around us keeps the time; the SDK's own timer must only not be shorter.
  return { timeout: 2 ** 31 - 1, ...(call.signal === undefined ? {} : { signal: call.signal }) };
}

/**
 * Counts as ours: the provider's prompt tokens include what came from or went to its cache, ours do not; and what
 * Gemini spends on thinking is in its total only, though it is billed as output.
 */
function tokensOf(usage: CompletionUsage | undefined): TokenUsage {
  const cacheRead = usage?.prompt_tokens_details?.cached_tokens ?? 0;
  const cacheWrite = usage?.prompt_tokens_details?.cache_write_tokens ?? 0;
  return {
    input: Math.max(0, (usage?.prompt_tokens ?? 0) - cacheRead - cacheWrite),
    output: Math.max(usage?.completion_tokens ?? 0, (usage?.total_tokens ?? 0) - (usage?.prompt_tokens ?? 0)),
    cacheRead,
    cacheWrite,
  };
}

/** Whether the list price holds: other tiers are priced apart. */
function isStandardTier(tier: string | null | undefined): boolean {
  return tier === undefined || tier === null || tier === "default" || tier === "auto";
}

function finishOf(reason: string): ModelAnswer["finish"] {
  if (reason === "stop") return "stop";
  if (reason === "length") return "length";
  return reason === "content_filter" ? "refusal" : "other";
}

function isCompletion(value: unknown): value is ChatCompletion {
  if (typeof value !== "object" || value === null) return false;
  const choices: unknown = (value as Partial<ChatCompletion>).choices;
  if (!Array.isArray(choices)) return false;
  const choice = choices[0] as Partial<ChatCompletion.Choice> | undefined;
  return typeof choice?.finish_reason === "string" && typeof choice.message === "object";
}
