// What models cost, in US dollars per million tokens. Gathered on 2026-11-22 from the pages named below, or from
// sources that quote them; providers change prices, so whoever needs them exact passes a table of their own.
// Invariant: a price is here because it was published, never inferred: what is not in the table, or not in the caller's,
// costs null. A kind of token without a price makes the whole cost null as soon as such tokens were used.
import type { TokenUsage } from "../core/model.ts";

/** One model's price: US dollars per million tokens. */
export interface Price {
  /** Tokens read as they are. */
  readonly input: number;
  /** Tokens written. */
  readonly output: number;
  /** Tokens read from the provider's cache. */
  readonly cacheRead?: number | undefined;
  /** Tokens written to the provider's cache. */
  readonly cacheWrite?: number | undefined;
  /** Holds for prompts of at most this many tokens, cached ones included. */
  readonly upTo?: number | undefined;
  /** The last day on which it holds, such as `2026-12-31` (UTC). */
  readonly until?: string | undefined;
}

/** Prices by `provider/model`; of several for one model the first that holds counts. */
export type PriceTable = Readonly<Record<string, Price | readonly Price[]>>;

function price(input: number, output: number, cacheRead?: number, cacheWrite?: number): Price {
  return { input, output, cacheRead, cacheWrite };
}

/** With Anthropic's published multipliers: 0.1 for cache reads where a model has no rate of its own, 1.25 for writes. */
function claude(input: number, output: number, cacheRead = input / 10): Price {
  return price(input, output, cacheRead, input * 1.25);
}

const GEMINI_FLASH = [{ ...price(0.75, 3.75, 0.075), until: "2026-12-31" }, price(1.5, 7.5, 0.15)];

/** The built-in table; a caller's own entries go before it. */
export const PRICES: PriceTable = Object.freeze({
  // platform.claude.com/docs/en/about-claude/pricing
  "anthropic/claude-fable-5-1": claude(10, 50, 0.25),
  "anthropic/claude-fable-5": claude(10, 50),
  "anthropic/claude-opus-5-5": claude(4, 20, 0.2),
  "anthropic/claude-opus-5": claude(5, 25),
  "anthropic/claude-opus-4-8": claude(5, 25),
  "anthropic/claude-opus-4-7": claude(5, 25),
  "anthropic/claude-opus-4-6": claude(5, 25),
  "anthropic/claude-opus-4-5": claude(5, 25),
  // Cache reads were cut from 0.20 to 0.10 on 2026-10-07.
  "anthropic/claude-sonnet-5-5": claude(2, 10, 0.1),
  "anthropic/claude-sonnet-5": claude(2, 10),
  "anthropic/claude-sonnet-4-6": claude(3, 15),
  "anthropic/claude-sonnet-4-5": { ...claude(3, 15), upTo: 200_000 },
  "anthropic/claude-haiku-5-5": [{ ...claude(0.1, 0.5), upTo: 100_000 }, claude(0.5, 2.5)],
  "anthropic/claude-haiku-4-5": claude(1, 5),
  // developers.openai.com/api/docs/pricing and the models' own pages, standard tier. Above 272,000 tokens a request
  // pays double for input and cache and half more for output; where that was not read, such a request has no price.
  "openai/gpt-6.1-terra": [{ ...price(1, 5, 0.05, 1.25), upTo: 272_000 }, price(2, 7.5, 0.1, 2.5)],
  "openai/gpt-6-sol": [{ ...price(2, 10, 0.2, 2.5), upTo: 272_000 }, price(4, 15, 0.4, 5)],
  "openai/gpt-6-luna": [{ ...price(0.1, 0.5, 0.01, 0.125), upTo: 272_000 }, price(0.2, 0.75, 0.02, 0.25)],
  "openai/gpt-5.6-terra": { ...price(2, 12, 0.2), upTo: 272_000 },
  "openai/gpt-5.6-luna": { ...price(0.2, 1.2, 0.02), upTo: 272_000 },
  "openai/gpt-5.5": { ...price(5, 30, 0.5), upTo: 270_000 },
  "openai/gpt-5.4": { ...price(2.5, 15, 0.25), upTo: 270_000 },
  "openai/gpt-5.4-mini": { ...price(0.75, 4.5, 0.075), upTo: 270_000 },
  "openai/gpt-5.4-nano": { ...price(0.2, 1.25, 0.02), upTo: 270_000 },
  // ai.google.dev/gemini-api/docs/pricing, paid tier.
  "gemini/gemini-3.8-flash": GEMINI_FLASH,
  "gemini/gemini-3.6-flash": GEMINI_FLASH,
  "gemini/gemini-3.5-flash": price(1.5, 9, 0.15),
  "gemini/gemini-2.5-pro": [{ ...price(1.25, 10, 0.125), upTo: 200_000 }, price(2.5, 15, 0.25)],
});

/**
 * What an answer cost in US dollars; null where the table has no price that holds for it.
 *
 * A model is looked up by its exact name, then without the date at its end (`-20251001`, `-2026-03-05`), by which
 * providers name the snapshots of a model.
 */
export function costOf(
  provider: string,
  model: string,
  tokens: TokenUsage,
  options: { readonly prices?: PriceTable | undefined; readonly now?: number | undefined } = {},
): number | null {
  const { prices = PRICES, now = Date.now() } = options;
  const name = model.replace(/^models\//, "");
  const entry =
    prices[`${provider}/${name}`] ?? prices[`${provider}/${name.replace(/-(\d{8}|\d{4}-\d{2}-\d{2})$/, "")}`];
  if (entry === undefined) return null;
  const prompt = tokens.input + tokens.cacheRead + tokens.cacheWrite;
  const holds = (candidate: Price): boolean =>
    prompt <= (candidate.upTo ?? Infinity) &&
    (candidate.until === undefined || now < Date.parse(candidate.until) + 86_400_000);
  const found = (isList(entry) ? entry : [entry]).find(holds);
  if (found === undefined) return null;
  const parts = (["input", "output", "cacheRead", "cacheWrite"] as const).map((kind) =>
    tokens[kind] === 0 ? 0 : tokens[kind] * (found[kind] ?? Number.NaN),
  );
  const total = parts.reduce((sum, part) => sum + part, 0) / 1_000_000;
  return Number.isNaN(total) ? null : total;
}

function isList(entry: Price | readonly Price[]): entry is readonly Price[] {
  return Array.isArray(entry);
}
