// What a model call may cost at most, from its text alone, before it is made.
// Invariant: rather too much than too little: what is not used is given back when the call is settled.
//
// The rule: each byte of the text counts one token, a lower-case ASCII letter or a space three fifths of one. A token of
// the byte-level tokenizers that models use is never less than a byte, and in running words it is four; what comes close
// to a token a byte is rare scripts, signs and random capitals. Against two such tokenizers (o200k, cl100k) the rule
// gives 2.2 to 3.1 times the true count for prose, code and JSON, 3 for Chinese and Japanese, and never less than it for
// random letters, digits, signs, base64 and cuneiform.
import type { ModelRequest, TokenUsage } from "./model.ts";

/** What a message may cost beyond its text: the marks of its role and of its ends. */
const MESSAGE_TOKENS = 16;

/** What a call may use at most. */
export interface CallEstimate {
  readonly tokens: number;
  /** US dollars; null where the price is unknown. */
  readonly usd: number | null;
  readonly modelCalls: 1;
}

/** What {@link estimateCall} needs to know of the model. */
export interface EstimateOptions {
  /** The longest answer of the model, in tokens, where the request names none. */
  readonly maxOutputTokens: number;
  /** What a usage costs in US dollars; null where the price is unknown. */
  readonly costOf: (tokens: TokenUsage) => number | null;
}

/** What a model call may use at most: its text, and the longest answer that it allows. */
export function estimateCall(request: ModelRequest, options: EstimateOptions): CallEstimate {
  const texts = [request.system, ...request.messages.map(({ content }) => content)];
  const input = texts.reduce((sum, text) => sum + estimateTokens(text) + MESSAGE_TOKENS, 0);
  const output = request.maxOutputTokens ?? options.maxOutputTokens;
  return { tokens: input + output, usd: dearest(input, output, options.costOf), modelCalls: 1 };
}

/** A prompt may be written to the provider's cache, which some charge more for than for reading it. */
function dearest(input: number, output: number, costOf: EstimateOptions["costOf"]): number | null {
  const plain = costOf({ input, output, cacheRead: 0, cacheWrite: 0 });
  const cached = costOf({ input: 0, output, cacheRead: 0, cacheWrite: input });
  return plain === null ? null : Math.max(plain, cached ?? 0);
}

/** The most tokens that a text is likely to take, by the rule that opens this file. */
export function estimateTokens(text: string): number {
  let fifths = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if ((code >= 97 && code <= 122) || code === 32) fifths += 3;
    else if (code < 0x80) fifths += 5;
    else if (code < 0x800 || (code >= 0xd800 && code < 0xe000)) fifths += 10;
    else fifths += 15;
  }
  return Math.ceil(fifths / 5);
}
