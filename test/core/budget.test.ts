// Budgets as they are written, and the names of their scopes.
import { describe, expect, it } from "vitest";
import {
  addAmounts,
  budgetKey,
  checkBudget,
  describeAmount,
  isLimited,
  type ScopeName,
} from "#src/core/budget";
import { requireKey } from "#src/core/grammar";

describe("a budget", () => {
  it("is taken as it was written, and frozen", () => {
    const budget = checkBudget({ tokens: 1000, usd: 0.25, wallMs: 0, onExceeded: "ask" }, 'Agent "coder"');
    expect(budget).toEqual({ tokens: 1000, usd: 0.25, wallMs: 0, onExceeded: "ask" });
    expect(Object.isFrozen(budget)).toBe(true);
  });

  it.each([
    [null, "budget must be an object"],
    [[1], "budget must be an object"],
    ["1 USD", "budget must be an object"],
    [{ dollars: 1 }, 'unknown budget option "dollars"; known are: tokens, usd'],
    [{ tokens: -1 }, "budget.tokens must be a whole number from 0, not -1"],
    [{ modelCalls: 1.5 }, "budget.modelCalls must be a whole number from 0, not 1.5"],
    [{ usd: Number.NaN }, "budget.usd must be a number from 0, not NaN"],
    [{ usd: Infinity }, "budget.usd must be a number from 0, not Infinity"],
    [{ toolCalls: "3" }, 'budget.toolCalls must be a whole number from 0, not "3"'],
    [{ tokens: 1, onExceeded: "stop" }, 'budget.onExceeded must be "fail", "ask" or "cheaper", not "stop"'],
    [{}, "budget limits nothing"],
    [{ onExceeded: "ask" }, "budget limits nothing"],
  ])("that is %j is refused by name", (value, message) => {
    expect(() => checkBudget(value, 'Agent "coder"')).toThrow(
      expect.objectContaining({
        code: "DEFINITION_INVALID",
        message: expect.stringContaining(message) as string,
      }),
    );
    expect(() => checkBudget(value, 'Agent "coder"')).toThrow(/^Agent "coder"/);
  });

  it("limits something where any measure has a number, 0 included", () => {
    expect([{ toolCalls: 0 }, {}, undefined, { usd: undefined }].map(isLimited)).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});

describe("a scope's name", () => {
  it("gives a key that every fabric takes, one for each scope", () => {
    const names: ScopeName[] = ["mesh", "agent:coder", "workflow:a-1", `task:${"x".repeat(128)}`];
    const keys = names.map(budgetKey);
    for (const key of keys) expect(() => requireKey(key)).not.toThrow();
    expect(new Set(keys).size).toBe(names.length);
  });

  it.each(["", "meshes", "task:", "task:a:b", "task:a.b", "agent:../x", "task:a\nb", "tool:x"])(
    "that is %j is refused",
    (name) => {
      expect(() => budgetKey(name as ScopeName)).toThrow(
        expect.objectContaining({ code: "DEFINITION_INVALID" }),
      );
    },
  );
});

describe("amounts", () => {
  it("add up as decimal fractions do", () => {
    let sum = {};
    for (let index = 0; index < 10; index += 1) sum = addAmounts(sum, { usd: 0.1, tokens: 3 });
    expect(sum).toEqual({ usd: 1, tokens: 30 });
  });

  it("are told in their unit", () => {
    expect([
      describeAmount(1, "modelCalls"),
      describeAmount(2, "toolCalls"),
      describeAmount(1, "tokens"),
      describeAmount(0.5, "usd"),
      describeAmount(1, "wallMs"),
    ]).toEqual(["1 model call", "2 tool calls", "1 token", "0.5 USD", "1 ms"]);
  });
});
