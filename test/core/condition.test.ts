import { describe, expect, it } from "vitest";
import { holds, type Condition } from "#src/core/condition";

const scope = {
  outputs: {
    review: { approved: true, score: 7, tags: ["a", { b: 1 }], note: "fine", none: null },
    list: [1, 2],
  },
  context: { limit: 5 },
};
const review = (path: string, test: object): Condition => ({ step: "review", path, ...test });

describe("a condition", () => {
  it.each<readonly [Condition, boolean]>([
    [review("approved", { equals: true }), true],
    [review("approved", { equals: 1 }), false],
    [review("tags.1", { equals: { b: 1 } }), true],
    [review("tags", { equals: ["a", { b: 1 }] }), true],
    [review("missing", { equals: undefined }), false],
    [review("missing", { notEquals: 1 }), true],
    [review("note", { notEquals: "fine" }), false],
    [review("score", { exists: true }), true],
    [review("none", { exists: true }), false],
    [review("missing", { exists: false }), true],
    [review("score", { greaterThan: 6, lessThan: 8 }), true],
    [review("score", { greaterThan: 7 }), false],
    [review("score", { atLeast: 7, atMost: 7 }), true],
    [review("score", { greaterThan: "6" }), false],
    [review("note", { greaterThan: "apple" }), true],
    [review("score", { in: [1, 7] }), true],
    [review("tags", { contains: { b: 1 } }), true],
    [review("note", { contains: "in" }), true],
    [review("score", { contains: 7 }), false],
    [{ step: "list", path: [1], equals: 2 }, true],
    [{ step: "list", equals: [1, 2] }, true],
    [{ step: "gone", exists: true }, false],
    [{ path: "limit", atMost: 5 }, true],
    [{ not: { path: "limit", atMost: 5 } }, false],
    [{ all: [{ path: "limit", exists: true }, review("approved", { equals: false })] }, false],
    [{ any: [{ path: "limit", exists: false }, review("approved", { equals: true })] }, true],
  ])("%j is %s", (condition, expected) => {
    expect(holds(condition, scope)).toBe(expected);
  });

  it("does not reach what a value inherits", () => {
    expect(holds({ step: "review", path: "constructor.name", exists: true }, scope)).toBe(false);
    expect(holds({ step: "list", path: "length", exists: true }, scope)).toBe(true);
    expect(holds({ step: "toString", exists: true }, scope)).toBe(false);
  });
});
