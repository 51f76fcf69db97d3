// Estimates of model calls: never less than what the text may take, no more than a call can cost.
import { describe, expect, it } from "vitest";
import { estimateCall, estimateTokens } from "#src/core/estimate";
import type { ModelRequest, TokenUsage } from "#src/core/model";
import { costOf } from "#src/model/prices";

const request: ModelRequest = {
  purpose: "generate",
  system: "You compute.",
  messages: [{ role: "user", content: "Add 1 and 2." }],
};

describe("the estimate of a text", () => {
  it("counts a token for each byte, but three fifths for a lower-case letter or a space", () => {
    const samples = ["", "a", "aaaaa", "A1{}\n", "é", "智", "😀"];
    expect(samples.map(estimateTokens)).toEqual([0, 1, 3, 5, 2, 3, 4]);
  });

  it("is never more than the bytes of the text, nor less than three fifths of them", () => {
    for (let code = 1; code < 0x10ffff; code += 997) {
      if (code >= 0xd800 && code < 0xe000) continue;
      const text = String.fromCodePoint(code).repeat(5);
      const bytes = new TextEncoder().encode(text).length;
      const estimate = estimateTokens(text);
      expect(estimate <= bytes && estimate >= Math.ceil(bytes * 0.6), `U+${code.toString(16)}`).toBe(true);
    }
  });

  it("is linear in the text's length", () => {
    expect(estimateTokens("word ".repeat(200_000))).toBe(600_000);
  });
});

describe("the estimate of a call", () => {
  const free = () => 0;

  it("is its text, its messages' marks and the longest answer", () => {
    const estimate = estimateCall(request, { maxOutputTokens: 1000, costOf: free });
    const input = estimateTokens("You compute.") + estimateTokens("Add 1 and 2.") + 32;
    expect(estimate).toEqual({ tokens: input + 1000, usd: 0, modelCalls: 1 });
  });

  it("takes the answer's limit from the request, where it has one", () => {
    const long = estimateCall(request, { maxOutputTokens: 1000, costOf: free }).tokens;
    const short = estimateCall({ ...request, maxOutputTokens: 10 }, { maxOutputTokens: 1000, costOf: free });
    expect(long - short.tokens).toBe(990);
  });

  it("costs what the dearer of reading the prompt and of caching it costs", () => {
    const at = (tokens: TokenUsage) => costOf("anthropic", "claude-haiku-4-5", tokens);
    const { tokens, usd } = estimateCall(request, { maxOutputTokens: 1000, costOf: at });
    expect(usd).toBeCloseTo(((tokens - 1000) * 1.25 + 1000 * 5) / 1e6, 12);
    const noCache = (kinds: TokenUsage) => (kinds.cacheWrite > 0 ? null : 2);
    expect(estimateCall(request, { maxOutputTokens: 1, costOf: noCache }).usd).toBe(2);
  });

  it("has no cost where the price is unknown", () => {
    expect(estimateCall(request, { maxOutputTokens: 1000, costOf: () => null }).usd).toBeNull();
  });
});
