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

describe("ancestorsOf", () => {
  it("gives all steps that come before, each once, in the plan's order", () => {
    const plan = planWorkflow([step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c"), step("e")]);
    const found = plan.filter(({ id }) => id === "d").flatMap((one) => ancestorsOf(one, plan));
    expect(found.map(({ id }) => id)).toEqual(["a", "b", "c"]);
  });
});
