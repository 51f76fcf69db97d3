// From settings as users know them (CLAUDE_API_KEY, LLM_ENDPOINT, …) to the models they configure, in order.
// Invariant: a provider is configured wholly or not at all; one that is begun and not finished is an error that says
// what is missing, never silently left out. Reading the environment is the application's work, not ours.
import type { Clock } from "../core/clock.ts";
import { ConfigError, NoModelError } from "../core/errors.ts";
import type { Model } from "../core/model.ts";
import { createAnthropicModel } from "./anthropic.ts";
import { chainModels, type ChainOptions } from "./chain.ts";
import { createOpenAiModel } from "./openai.ts";
import type { ProviderOptions } from "./provider.ts";
import { maskKey } from "../core/secret.ts";

/** The settings that choose models, by the names of their environment variables; an empty value counts as absent. */
export interface ModelSettings {
  readonly CLAUDE_API_KEY?: string | undefined;
  /** The same as CLAUDE_API_KEY, which goes before it. */
  readonly ANTHROPIC_API_KEY?: string | undefined;
  readonly CLAUDE_MODEL?: string | undefined;
  readonly CLAUDE_BASE_URL?: string | undefined;
  readonly ANTHROPIC_BASE_URL?: string | undefined;
  /** Any OpenAI-compatible server, such as vLLM; with or without `/v1`. */
  readonly LLM_ENDPOINT?: string | undefined;
  readonly LLM_MODEL?: string | undefined;
  readonly LLM_API_KEY?: string | undefined;
  readonly AZURE_API_KEY?: string | undefined;
  /** The resource, such as `https://name.openai.azure.com`. */
  readonly AZURE_ENDPOINT?: string | undefined;
  readonly AZURE_DEPLOYMENT?: string | undefined;
  readonly AZURE_API_VERSION?: string | undefined;
  readonly GEMINI_API_KEY?: string | undefined;
  readonly GEMINI_MODEL?: string | undefined;
  readonly GEMINI_BASE_URL?: string | undefined;
  readonly OPENAI_API_KEY?: string | undefined;
  readonly OPENAI_MODEL?: string | undefined;
  readonly OPENAI_BASE_URL?: string | undefined;
}

/** A provider as users name it in an order. */
export type ProviderName = "claude" | "vllm" | "azure" | "gemini" | "openai";

/** The order in which configured providers are asked. */
export const PROVIDER_ORDER: readonly ProviderName[] = ["claude", "vllm", "azure", "gemini", "openai"];

/** The models asked where a setting names none: the providers' mid-range models for code (2026-11-22). */
export const DEFAULT_MODELS = Object.freeze({
  claude: "claude-sonnet-5-5",
  gemini: "gemini-3.8-flash",
  openai: "gpt-6.1-terra",
});

/** The options of {@link resolveModel}: what all providers share, and the order. */
export interface ResolveOptions
  extends
    Pick<ProviderOptions, "stream" | "maxOutputTokens" | "prices" | "retry" | "fetch">,
    Pick<ChainOptions, "onFallback"> {
  /** The providers to use, first to last; others are not used. Default `claude`, `vllm`, `azure`, `gemini`, `openai`. */
  readonly order?: readonly string[] | undefined;
  /** The time that retries and deadlines go by; the machine's where absent. */
  readonly clock?: Clock | undefined;
}

/** What is known of a provider from the settings alone; nothing secret is in it. */
export interface ProviderDescription {
  readonly name: ProviderName;
  readonly configured: boolean;
  /** Settings that are missing, where the provider is begun and not finished; else empty. */
  readonly missing: readonly string[];
  /** Null where not configured. */
  readonly model: string | null;
  /** Null where it is the provider's own address, or not configured. */
  readonly endpoint: string | null;
  /** As in `sk-ant-…abcd`; null where there is none. */
  readonly key: string | null;
}

type SettingName = keyof ModelSettings;

/** One provider's settings by what they are for; each need is met by any one of its names, the first going first. */
interface ProviderSettings {
  readonly needs: Readonly<Record<string, readonly SettingName[]>>;
  readonly key: readonly SettingName[];
  readonly model: SettingName;
  readonly endpoint: readonly SettingName[];
  readonly defaultModel: string | undefined;
  /** What to set, in one line. */
  readonly advice: string;
}

const PROVIDERS: Readonly<Record<ProviderName, ProviderSettings>> = {
  claude: {
    needs: { key: ["CLAUDE_API_KEY", "ANTHROPIC_API_KEY"] },
    key: ["CLAUDE_API_KEY", "ANTHROPIC_API_KEY"],
    model: "CLAUDE_MODEL",
    endpoint: ["CLAUDE_BASE_URL", "ANTHROPIC_BASE_URL"],
    defaultModel: DEFAULT_MODELS.claude,
    advice: "Claude: CLAUDE_API_KEY or ANTHROPIC_API_KEY (and CLAUDE_MODEL for another model)",
  },
  vllm: {
    needs: { endpoint: ["LLM_ENDPOINT"], model: ["LLM_MODEL"] },
    key: ["LLM_API_KEY"],
    model: "LLM_MODEL",
    endpoint: ["LLM_ENDPOINT"],
    defaultModel: undefined,
    advice:
      "vLLM or any OpenAI-compatible server: LLM_ENDPOINT and LLM_MODEL (and LLM_API_KEY if it wants one)",
  },
  azure: {
    needs: { key: ["AZURE_API_KEY"], endpoint: ["AZURE_ENDPOINT"], model: ["AZURE_DEPLOYMENT"] },
    key: ["AZURE_API_KEY"],
    model: "AZURE_DEPLOYMENT",
    endpoint: ["AZURE_ENDPOINT"],
    defaultModel: undefined,
    advice: "Azure OpenAI: AZURE_API_KEY, AZURE_ENDPOINT and AZURE_DEPLOYMENT (and AZURE_API_VERSION)",
  },
  gemini: {
    needs: { key: ["GEMINI_API_KEY"] },
    key: ["GEMINI_API_KEY"],
    model: "GEMINI_MODEL",
    endpoint: ["GEMINI_BASE_URL"],
    defaultModel: DEFAULT_MODELS.gemini,
    advice: "Gemini: GEMINI_API_KEY (and GEMINI_MODEL for another model)",
  },
  openai: {
    needs: { key: ["OPENAI_API_KEY"] },
    key: ["OPENAI_API_KEY"],
    model: "OPENAI_MODEL",
    endpoint: ["OPENAI_BASE_URL"],
    defaultModel: DEFAULT_MODELS.openai,
    advice: "OpenAI: OPENAI_API_KEY (and OPENAI_MODEL for another model)",
  },
};

/**
 * The model that the settings configure: the configured providers in order, each followed by the next when it fails.
 *
 * @throws NoModelError where none is configured; ConfigError where one is configured in part or a value is wrong.
 */
export function resolveModel(settings: ModelSettings, options: ResolveOptions = {}): Model {
  const models = resolveModels(settings, options);
  if (models.length > 0) return chainModels(models, options);
  const advice = toOrder(options.order).map((name) => `- ${PROVIDERS[name].advice}`);
  throw new NoModelError(
    `No model provider is configured. Set one of these:\n${advice.join("\n")}\n` +
      'in the environment or in .env. Without one, "fettle demo" plays recorded answers back, and so does FETTLE_REPLAY=answers.json.',
  );
}

/** The configured providers' models, each by itself, in order; empty where none is configured. @throws ConfigError */
export function resolveModels(settings: ModelSettings, options: ResolveOptions = {}): readonly Model[] {
  const models: Model[] = [];
  for (const name of toOrder(options.order)) {
    const { configured, missing } = describe(name, settings);
    if (missing.length > 0) throw incomplete(name, settings, missing);
    if (configured) models.push(create(name, settings, options));
  }
  return models;
}

/** What the settings say of every provider, in the default order. */
export function describeProviders(settings: ModelSettings): readonly ProviderDescription[] {
  return PROVIDER_ORDER.map((name) => describe(name, settings));
}

/** The keys among the settings, for redaction. */
export function secretsOf(settings: ModelSettings): readonly string[] {
  return PROVIDER_ORDER.flatMap((name) => PROVIDERS[name].key)
    .map((setting) => valueOf(settings, [setting]))
    .filter((value) => value !== undefined);
}

function describe(name: ProviderName, settings: ModelSettings): ProviderDescription {
  const provider = PROVIDERS[name];
  const needs = Object.values(provider.needs);
  const unmet = needs.filter((names) => valueOf(settings, names) === undefined);
  const configured = unmet.length === 0;
  const key = valueOf(settings, provider.key);
  return {
    name,
    configured,
    missing: configured || unmet.length === needs.length ? [] : unmet.map((names) => names.join(" or ")),
    model: configured ? (valueOf(settings, [provider.model]) ?? provider.defaultModel ?? null) : null,
    endpoint: configured ? (valueOf(settings, provider.endpoint) ?? null) : null,
    key: key === undefined ? null : maskKey(key),
  };
}

function create(name: ProviderName, settings: ModelSettings, options: ResolveOptions): Model {
  const provider = PROVIDERS[name];
  const apiKey = valueOf(settings, provider.key);
  const baseURL = valueOf(settings, provider.endpoint);
  const shared = {
    stream: options.stream,
    maxOutputTokens: options.maxOutputTokens,
    prices: options.prices,
    retry: options.retry,
    clock: options.clock,
    fetch: options.fetch,
    baseURL,
    model: valueOf(settings, [provider.model]) ?? provider.defaultModel ?? "",
    settings: {
      key: nameOf(settings, provider.key),
      model: provider.model,
      endpoint: nameOf(settings, provider.endpoint),
    },
  };
  if (name === "claude") return createAnthropicModel({ ...shared, apiKey: apiKey ?? "" });
  return createOpenAiModel({
    ...shared,
    preset: name,
    apiKey,
    apiVersion: valueOf(settings, ["AZURE_API_VERSION"]),
  });
}

function toOrder(order: readonly string[] | undefined): readonly ProviderName[] {
  if (order === undefined) return PROVIDER_ORDER;
  const known = new Set<string>(PROVIDER_ORDER);
  for (const [index, name] of order.entries()) {
    if (!known.has(name)) {
      throw new ConfigError(
        `Unknown model provider ${JSON.stringify(name)} in the order: use ${PROVIDER_ORDER.join(", ")}.`,
      );
    }
    if (order.indexOf(name) !== index)
      throw new ConfigError(`Model provider "${name}" is in the order twice.`);
  }
  if (order.length === 0) throw new ConfigError("The order of model providers is empty: name at least one.");
  return order as readonly ProviderName[];
}

function incomplete(name: ProviderName, settings: ModelSettings, missing: readonly string[]): ConfigError {
  const given = Object.values(PROVIDERS[name].needs)
    .filter((names) => valueOf(settings, names) !== undefined)
    .map((names) => nameOf(settings, names));
  const is = missing.length === 1 ? "is" : "are";
  return new ConfigError(
    `${given.join(" and ")} ${given.length === 1 ? "is" : "are"} set, but ${missing.join(" and ")} ${is} missing. ` +
      `Set all of it or none. ${PROVIDERS[name].advice}.`,
  );
}

/** The value of the first of these settings that has one. */
function valueOf(settings: ModelSettings, names: readonly SettingName[]): string | undefined {
  for (const name of names) {
    const value = settings[name]?.trim();
    if (value !== undefined && value !== "") return value;
  }
  return undefined;
}

/** The name of the first of these settings that has a value, else of the first. */
function nameOf(settings: ModelSettings, names: readonly SettingName[]): string {
  return names.find((name) => valueOf(settings, [name]) !== undefined) ?? names[0] ?? "";
}
