import { describe, expect, it } from "vitest";
import { defineAgent, type WorkflowStep } from "fettle";
import { TestMesh } from "fettle/testing";

const order: string[] = [];
let together = 0;
let most = 0;

/** Answers with its task and what it saw; fails where the task says so. */
const worker = defineAgent({
  role: "worker",
  capabilities: ["work"],
  handle: async (message, actor) => {
    if (message.type !== "task") return null;
    order.push(message.task);
    most = Math.max(most, ++together);
    try {
      await new Promise<void>((resolve, reject) => {
        if (message.task !== "hang") setTimeout(resolve, 5);
        actor.signal.addEventListener("abort", () => reject(new Error("aborted")));
      });
      if (message.task.startsWith("fail")) throw new Error("asked to fail");
      return { did: message.task, saw: message.context };
    } finally {
      together--;
    }
  },
});

async function run(steps: readonly WorkflowStep[], signal?: AbortSignal) {
  order.length = 0;
  most = 0;
  await using mesh = await new TestMesh().add(worker).start();
  const { steps: results } = await mesh.workflow("w1", steps, { signal });
  return results;
}

const step = (id: string, task: string, ...dependsOn: (string | number)[]): WorkflowStep => ({
  id,
  agent: "worker",
  task,
  dependsOn,
});

describe("a workflow", () => {
  it("gives results in the order of the steps, and each step the outputs of all that came before", async () => {
    const results = await run([
      { ...step("last", "write", "mid"), context: { style: "short" } },
      step("first", "research"),
      step("mid", "outline", "first"),
    ]);
    expect(order).toEqual(["research", "outline", "write"]);
    expect(results.map(({ tasks }) => tasks[0]?.taskId)).toEqual(["w1-last", "w1-first", "w1-mid"]);
    expect(results[1]?.output).toEqual({ did: "research", saw: {} });
    const saw = (results[0]?.output as { saw: { style: string; previousStepResults: object } }).saw;
    expect(saw.style).toBe("short");
    expect(Object.keys(saw.previousStepResults)).toEqual(["first", "mid"]);
    expect(saw.previousStepResults).toMatchObject({ first: { did: "research" }, mid: { did: "outline" } });
  });

  it("runs independent steps at once", async () => {
    await run([step("a", "one"), step("b", "two"), step("c", "three"), step("d", "merge", 0, 1, 2)]);
    expect(most).toBe(3);
    expect(order.at(-1)).toBe("merge");
  });

  it("fails what depends on a failed step, directly or through others, and nothing else", async () => {
    const results = await run([
      step("bad", "fail now"),
      step("child", "never", "bad"),
      step("grandchild", "never", "child"),
      step("other", "fine"),
      step("heir", "fine too", "other"),
    ]);
    expect(results.map(({ status }) => status)).toEqual([
      "failure",
      "failure",
      "failure",
      "success",
      "success",
    ]);
    expect(results[0]?.error).toMatchObject({ category: "handler" });
    expect(results[1]?.error).toMatchObject({ name: "DependencyError", category: "dependency" });
    expect(results[1]?.error?.message).toContain('step "bad"');
    expect(results[2]?.error?.message).toContain('step "bad"');
    expect(order).not.toContain("never");
  });

  it("stores a result for each step, those that were not run too", async () => {
    const mesh = await new TestMesh().add(worker).start();
    const { steps } = await mesh.workflow("w2", [step("bad", "fail"), step("child", "never", "bad")]);
    for (const { resultId, status } of steps.flatMap(({ tasks }) => tasks)) {
      expect(await mesh.results.read("worker", resultId)).toMatchObject({ status });
    }
    await mesh.stop();
  });

  it.each([
    ["an unknown agent", [{ agent: "nobody", task: "x" }], { code: "AGENT_UNKNOWN" }],
    ["an unknown dependency", [step("a", "x", "zzz")], { code: "WORKFLOW_INVALID" }],
    ["a circle", [step("a", "x", "b"), step("b", "x", "a")], { code: "WORKFLOW_INVALID" }],
    ["no steps", [], { code: "WORKFLOW_INVALID" }],
    [
      "a context that cannot cross",
      [{ ...step("a", "x"), context: { fn: () => 1 } }],
      { code: "TASK_INVALID" },
    ],
  ])("is refused with %s before anything runs", async (_, steps, error) => {
    await expect(run(steps)).rejects.toMatchObject(error);
    expect(order).toEqual([]);
  });

  it("stops its running steps and starts no more when it is cancelled", async () => {
    const controller = new AbortController();
    const running = run([step("a", "hang"), step("b", "after", "a")], controller.signal);
    while (order.length === 0) await new Promise(setImmediate);
    controller.abort();
    const results = await running;
    expect(results.map(({ status }) => status)).toEqual(["cancelled", "cancelled"]);
    expect(order).toEqual(["hang"]);
  });

  it("is joined by whoever asks for the same again, and refuses another under its id", async () => {
    order.length = 0;
    await using mesh = await new TestMesh().add(worker).start();
    const both = [mesh.workflow("same", [step("a", "one")]), mesh.workflow("same", [step("a", "one")])];
    await expect(mesh.workflow("same", [step("a", "two")])).rejects.toMatchObject({
      code: "WORKFLOW_INVALID",
      message: expect.stringContaining(
        'step "a" has another task ("one" in the record, "two" now)',
      ) as string,
    });
    const [first, second] = await Promise.all(both);
    expect(first).toEqual(second);
    expect(order).toEqual(["one"]);
  });
});
