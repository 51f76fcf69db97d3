import { describe, expect, it } from "vitest";
import { ancestorsOf, planWorkflow, type WorkflowStep } from "#src/core/dag";

const step = (id: string, ...dependsOn: (string | number)[]): WorkflowStep => ({
  id,
  agent: "clerk",
  task: `do ${id}`,
  dependsOn,
});

describe("planWorkflow", () => {
  it("resolves ids and indices, and names steps that have no id", () => {
    const plan = planWorkflow([{ agent: "clerk", task: "first" }, step("b", 0), step("c", "b", "step0")]);
    expect(plan.map(({ id, dependsOn }) => [id, dependsOn])).toEqual([
      ["step0", []],
      ["b", ["step0"]],
      ["c", ["b", "step0"]],
    ]);
  });

  it("allows a step to depend on one that stands later", () => {
    expect(planWorkflow([step("a", "b"), step("b")])).toHaveLength(2);
  });

  it.each([
    ["no steps", [], /at least one step/],
    ["an id used twice", [step("a"), step("a")], /Two steps have the id "a"/],
    ["an id that is no name", [step("a.b")], /"a\.b" is not valid/],
    ["an unknown dependency", [step("a", "x")], /Step "a" depends on "x", which is no step.*steps: a/],
    ["an index out of range", [step("a", 3)], /depends on 3/],
    ["a step that waits for itself", [step("a", "a")], /a → a/],
    ["a circle", [step("a", "c"), step("b", "a"), step("c", "b")], /a → c → b → a/],
    ["a step with no task", [{ agent: "clerk", task: " " }], /"step0" has no task/],
  ])("refuses %s", (_, steps, message) => {
    expect(() => planWorkflow(steps)).toThrow(message);
  });

  it("plans a long chain and a wide fan without trouble", () => {
    const chain = Array.from({ length: 2000 }, (_, i) => (i === 0 ? step("s0") : step(`s${i}`, i - 1)));
    expect(planWorkflow(chain)).toHaveLength(2000);
  });
});

describe("planWorkflow, of what a step may say", () => {
  const plan = (...steps: readonly object[]) =>
    planWorkflow(steps.map((one, index) => ({ id: `s${index}`, agent: "clerk", task: "do", ...one })));

  it("fills in what is left out", () => {
    expect(plan({})[0]).toMatchObject({
      forEach: null,
      concurrency: 8,
      allowFailures: 0,
      timeoutMs: null,
      retries: { max: 0, backoffMs: 1000 },
      when: null,
    });
    expect(plan({ forEach: [1], allowFailures: true, retries: 3 })[0]).toMatchObject({
      allowFailures: Infinity,
      retries: { max: 3, backoffMs: 1000 },
    });
  });

  it("makes dependencies of the steps that forEach and when speak of", () => {
    const when = {
      all: [{ step: "s0", exists: true }, { not: { any: [{ step: "s1", path: "a", equals: 1 }] } }],
    };
    const planned = plan({}, {}, { when }, { forEach: { step: "s2", path: "rows" }, dependsOn: ["s2", 0] });
    expect(planned.map(({ dependsOn }) => dependsOn)).toEqual([[], [], ["s0", "s1"], ["s2", "s0"]]);
    expect(() => plan({ when: { step: "s0", exists: true } })).toThrow(/s0 → s0/);
    expect(() => plan({ forEach: { step: "none" } })).toThrow(/"s0" depends on "none", which is no step/);
  });

  it.each([
    [{ retry: 1 }, /Step "s0" cannot be used: retry: unknown option; known are: id, agent, task/],
    [{ agent: 1 }, /agent: expected the role of an agent/],
    [{ retries: "often" }, /retries: expected how often to try again, 0 to 98, or { max, backoffMs }/],
    [{ timeoutMs: 0 }, /timeoutMs: /],
    [{ forEach: "list" }, /forEach: expected a list, or { step, path } where one is found/],
    [{ forEach: {} }, /forEach: expected the step or the path/],
    [{ forEach: { from: "a" } }, /forEach: from: unknown name "from"; known are: step, path/],
    [{ forEach: [], concurrency: 0 }, /concurrency: /],
    [{ concurrency: 2 }, /Step "s0" has concurrency, which is for steps with forEach/],
    [{ allowFailures: 2 }, /Step "s0" has allowFailures, which is for steps with forEach/],
    [{ forEach: [], context: { item: 1 } }, /has "item" in its context, where forEach puts its own/],
    [{ when: true }, /when: expected a condition/],
    [{ when: { step: "s0" } }, /when: expected a test, one of: exists, equals/],
    [
      { when: { step: 1, exists: "yes" } },
      /when: step: expected the id of a step; when: exists: expected true or false/,
    ],
    [{ when: { all: [{ path: "a", in: 1 }] } }, /when: all: 0: in: expected a list of values/],
    [{ when: { not: { path: "a", atLeast: true } } }, /when: not: atLeast: expected a number or a text/],
    [{ when: { any: [] } }, /when: any: expected a list of conditions/],
    [{ when: { any: [{ path: "a", exists: true }], step: "a" } }, /"any" stands alone, without "step"/],
  ])("refuses %j, and says where and what is expected", (step, message) => {
    expect(() => plan(step)).toThrow(message);
  });

  it.each([
    [{ id: "a", forEach: [1] }, "a-0"],
    [{ id: "a", retries: 1 }, "a-r2"],
    [{ id: "a", forEach: [1], retries: 1 }, "a-12-r3"],
  ])("refuses a step that is named as a task of %j will be", (one, id) => {
    expect(() => plan(one, { id })).toThrow(`Step "${id}" is named as a task of step "a" will be`);
    expect(plan({ id: "a" }, { id })).toHaveLength(2);
  });
});

describe("ancestorsOf", () => {
  it("gives all steps that come before, each once, in the plan's order", () => {
    const plan = planWorkflow([step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c"), step("e")]);
    const found = plan.filter(({ id }) => id === "d").flatMap((one) => ancestorsOf(one, plan));
    expect(found.map(({ id }) => id)).toEqual(["a", "b", "c"]);
  });
});
