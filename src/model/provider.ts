// What every provider's adapter needs beside its SDK: checked options, an error context, a cost, a guarded stream.
// Invariant: prices of the built-in table are applied only to the provider's own endpoint; behind any other URL
// the price is what the caller's table says, or unknown.
import { systemClock, type Clock } from "../core/clock.ts";
import { ConfigError } from "../core/errors.ts";
import type { TokenUsage } from "../core/model.ts";
import { toModelError, type FailureContext } from "./failure.ts";
import { costOf, PRICES, type PriceTable } from "./prices.ts";
import type { RetryOptions } from "./retry.ts";

/** What a user calls the settings of a provider, so that errors can name them. */
export type SettingNames = FailureContext["settings"];

/** The options that all providers share. */
export interface ProviderOptions {
  /** The model's name at the provider. */
  readonly model: string;
  /** False asks for the whole answer at once; `onText` then gets it in one piece. Default true. */
  readonly stream?: boolean | undefined;
  /** The limit of one answer, where a request names none, in tokens. */
  readonly maxOutputTokens?: number | undefined;
  /** USD per million tokens by `provider/model`; goes before the built-in table. */
  readonly prices?: PriceTable | undefined;
  /** How calls that fail are tried again; four tries where absent. */
  readonly retry?: Omit<RetryOptions, "clock"> | undefined;
  /** The time that retries and deadlines go by; the machine's where absent. */
  readonly clock?: Clock | undefined;
  /** In place of the runtime's own, for proxies. */
  readonly fetch?: typeof fetch | undefined;
  /** What the user calls these settings; the options' own names where absent. */
  readonly settings?: SettingNames | undefined;
}

/** An adapter's options after checking. */
export interface Provider {
  readonly id: string;
  readonly clock: Clock;
  context(model: string): FailureContext;
  cost(answered: string, asked: string, tokens: TokenUsage): number | null;
}

/** Checks what all providers need. @throws ConfigError */
export function createProvider(
  id: string,
  options: ProviderOptions,
  more: { readonly endpoint: string; readonly official: boolean; readonly secrets: readonly string[] },
): Provider {
  const settings = options.settings ?? { key: "apiKey", model: "model", endpoint: "baseURL" };
  const clock = options.clock ?? systemClock;
  if (options.model.trim() === "")
    throw new ConfigError(`${settings.model} is empty: name the model to ask.`);
  requireUrl(more.endpoint, settings.endpoint);
  for (const secret of more.secrets) requireHeaderValue(secret, settings.key);
  const prices = { ...(more.official ? PRICES : {}), ...options.prices };
  return {
    id,
    clock,
    context: (model) => ({
      provider: id,
      model,
      endpoint: more.endpoint,
      secrets: more.secrets,
      now: () => clock.now(),
      settings,
    }),
    cost: (answered, asked, tokens) => {
      const at = { prices, now: clock.now() };
      return costOf(id, answered, tokens, at) ?? costOf(id, asked, tokens, at);
    },
  };
}

/** Passes a stream on; what its source throws becomes a ModelError, what its reader throws does not. */
export async function* guardStream<T>(source: AsyncIterable<T>, context: FailureContext): AsyncGenerator<T> {
  try {
    yield* source;
  } catch (thrown) {
    throw toModelError(thrown, context);
  }
}

function requireUrl(url: string, setting: string): void {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new ConfigError(
      `${setting} is not a URL that begins with http:// or https://: ${JSON.stringify(url)}.`,
    );
  }
}

function requireHeaderValue(secret: string, setting: string): void {
  if (!/^[\x21-\x7e]+$/.test(secret)) {
    throw new ConfigError(
      `${setting} has characters that no key has, such as a space or a line break: copy it again.`,
    );
  }
}
