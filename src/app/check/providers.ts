// Checks the model providers: which are configured, and, where asked to, whether each really answers.
// Invariant: a provider is asked only with --validate-llm, since that may cost money; no key is shown whole.
import { FettleError, messageOf } from "../../core/errors.ts";
import type { Model, ModelRequest } from "../../core/model.ts";
import { createReplayModel } from "../../model/replay.ts";
import {
  describeProviders,
  resolveModel,
  resolveModels,
  type ProviderDescription,
  type ProviderName,
} from "../../model/resolve.ts";
import type { Config } from "../config.ts";
import { findingsOf, type Finding } from "./finding.ts";

const TITLES: Readonly<Record<ProviderName, string>> = {
  claude: "Claude",
  vllm: "vLLM or compatible",
  azure: "Azure OpenAI",
  gemini: "Gemini",
  openai: "OpenAI",
};

const DEADLINE_MS = 30_000;

/** Room for a model that thinks before it says its one word. */
const REQUEST: ModelRequest = {
  purpose: "check",
  system: "",
  messages: [{ role: "user", content: "Answer with one word: ready" }],
  maxOutputTokens: 512,
};

/** A finding for each provider, then one for all of them. */
export async function checkProviders(
  config: Config,
  options: { readonly validate: boolean },
): Promise<readonly Finding[]> {
  const providers = describeProviders(config.models);
  const findings = await Promise.all(providers.map((provider) => checkProvider(provider, config, options)));
  const hasModel = providers.some((one) => one.configured && isUsed(one.name, config));
  const played = config.replay === undefined ? [] : [checkReplay(config.replay)];
  if (hasModel || (played.length > 0 && !options.validate)) return [...findings, ...played];
  const { warning, failed } = findingsOf("Models");
  const advice = adviceOf(config);
  return [...findings, ...played, options.validate ? failed(advice) : warning(advice)];
}

/** A recording goes before every provider: whoever has set one is told so. */
function checkReplay(file: string): Finding {
  const { ok, failed } = findingsOf("Recorded answers");
  try {
    createReplayModel(file);
    return ok(`FETTLE_REPLAY plays back ${file}; no provider is asked`);
  } catch (thrown) {
    return failed(messageOf(thrown));
  }
}

async function checkProvider(
  provider: ProviderDescription,
  config: Config,
  { validate }: { readonly validate: boolean },
): Promise<Finding> {
  const { name, configured, missing, model, endpoint, key } = provider;
  const { ok, failed, absent } = findingsOf(TITLES[name]);
  const described = [model, endpoint, key === null ? "no key" : `key ${key}`]
    .filter((part) => part !== null)
    .join(", ");
  if (!configured && missing.length === 0) return absent("not configured");
  if (!isUsed(name, config)) return absent("configured, but FETTLE_MODEL_ORDER leaves it out");
  let asked: Model | undefined;
  try {
    [asked] = resolveModels(config.models, { order: [name], retry: { attempts: 2 } });
  } catch (thrown) {
    if (thrown instanceof FettleError) return failed(thrown.message);
    throw thrown;
  }
  if (!validate || asked === undefined) return ok(described);
  const startedAt = performance.now();
  try {
    const { tokens, model: answered } = await asked.ask(REQUEST, { timeoutMs: DEADLINE_MS });
    const ms = Math.round(performance.now() - startedAt);
    return ok(
      `${answered} answered in ${ms} ms, ${tokens.input} tokens in, ${tokens.output} out; ${described}`,
    );
  } catch (thrown) {
    return failed(`${messageOf(thrown)}\n${described}`);
  }
}

function isUsed(name: ProviderName, { modelOrder }: Config): boolean {
  return modelOrder === undefined || modelOrder.includes(name);
}

/** What to set, in the words of the error that a program would get. */
function adviceOf(config: Config): string {
  try {
    resolveModel(config.models, { order: config.modelOrder });
  } catch (thrown) {
    if (thrown instanceof FettleError) return thrown.message;
    throw thrown;
  }
  return "No model provider is configured.";
}
