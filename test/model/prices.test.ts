import { expect, test } from "vitest";
import { costOf, PRICES, type PriceTable } from "#src/model/prices";
import { DEFAULT_MODELS } from "#src/model/resolve";

const MILLION = 1_000_000;
const none = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
const now = Date.parse("2026-11-22T12:00:00Z");

test("each kind of token costs its own price", () => {
  const prices: PriceTable = { "p/m": { input: 1, output: 2, cacheRead: 4, cacheWrite: 8 } };
  const all = { input: MILLION, output: MILLION, cacheRead: MILLION, cacheWrite: MILLION };
  expect(costOf("p", "m", all, { prices })).toBe(15);
  expect(costOf("p", "m", none, { prices })).toBe(0);
});

test("a model or a kind of token without a price costs an unknown sum, never a guess", () => {
  const prices: PriceTable = { "p/m": { input: 1, output: 2 } };
  expect(costOf("p", "m2", none, { prices })).toBeNull();
  expect(costOf("q", "m", none, { prices })).toBeNull();
  expect(costOf("p", "m", { ...none, input: 5, cacheRead: 1 }, { prices })).toBeNull();
  expect(costOf("vllm", "anything", none)).toBeNull();
});

test("a model is found by its exact name or without the date at its end, by nothing looser", () => {
  const prices: PriceTable = {
    "p/m": { input: 1, output: 1 },
    "p/m-20260101": { input: 2, output: 1 },
  };
  const cost = (model: string): number | null => costOf("p", model, { ...none, input: MILLION }, { prices });
  expect(cost("m-20251231")).toBe(1);
  expect(cost("m-2025-12-31")).toBe(1);
  expect(cost("models/m")).toBe(1);
  expect(cost("m-20260101")).toBe(2);
  expect(cost("m-preview")).toBeNull();
  expect(cost("m-2025")).toBeNull();
});

test("long prompts have their own price, counted with what was cached", () => {
  const cost = (input: number, cacheRead: number): number | null =>
    costOf("anthropic", "claude-haiku-5-5", { ...none, input, cacheRead }, { now });
  expect(cost(100_000, 0)).toBeCloseTo(0.01, 9);
  expect(cost(100_000, 1)).toBeCloseTo(0.05, 6);
  expect(costOf("openai", "gpt-5.4", { ...none, input: 300_000 }, { now })).toBeNull();
});

test("a price that ends on a day holds through that day", () => {
  const cost = (at: string): number | null =>
    costOf("gemini", "gemini-3.8-flash", { ...none, input: MILLION }, { now: Date.parse(at) });
  expect(cost("2026-12-31T23:59:59Z")).toBe(0.75);
  expect(cost("2027-01-01T00:00:00Z")).toBe(1.5);
});

test("the models asked by default have a price for every kind of token that their provider reports", () => {
  const tokens = { input: 1_000, output: 1_000, cacheRead: 1_000, cacheWrite: 0 };
  expect(
    costOf("anthropic", DEFAULT_MODELS.claude, { ...tokens, cacheWrite: 1_000 }, { now }),
  ).toBeGreaterThan(0);
  expect(costOf("gemini", DEFAULT_MODELS.gemini, tokens, { now })).toBeGreaterThan(0);
  expect(costOf("openai", DEFAULT_MODELS.openai, { ...tokens, cacheWrite: 1_000 }, { now })).toBeGreaterThan(
    0,
  );
});

test("no price of the table is dearer to read from the cache than to send, or cheaper to receive", () => {
  for (const [name, entry] of Object.entries(PRICES)) {
    for (const price of [entry].flat()) {
      expect(price.output, name).toBeGreaterThan(price.input);
      expect(price.cacheRead ?? 0, name).toBeLessThan(price.input);
      expect(price.cacheWrite ?? Infinity, name).toBeGreaterThan(price.input);
    }
  }
});
