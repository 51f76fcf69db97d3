import { describe, expect, it } from "vitest";
import { similarity, trigramsOf } from "#src/core/similarity";

const alike = (left: string, right: string) => similarity(trigramsOf(left), trigramsOf(right));

describe("the similarity of tasks", () => {
  it.each([
    ["Sum of the primes below 100", "sum of the primes below 2000!"],
    ["Add the numbers", "the numbers: add"],
  ])("is 1 for %j and %j, where only order, case, marks and numbers differ", (left, right) => {
    expect(alike(left, right)).toBe(1);
  });

  it.each([
    ["Average price per category", "Compute the average price of each category"],
    ["Sum the revenue by region", "Sum revenues by region and year"],
  ])("is above a half for %j and %j", (left, right) => {
    expect(alike(left, right)).toBeGreaterThan(0.5);
  });

  it.each([
    ["Average price per category", "List all prime numbers below 100"],
    ["Translate the letter", "Compute the factorial of 10"],
    ["", "anything"],
    ["", ""],
  ])("is below a half for %j and %j", (left, right) => {
    expect(alike(left, right)).toBeLessThan(0.5);
    expect(alike(left, right)).toBe(alike(right, left));
  });
});
