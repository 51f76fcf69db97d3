// The charts of workflows alone, their effects scripted: what they begin when, and that they come to the same again.
import { describe, expect, it } from "vitest";
import { createActor, fromPromise, toPromise, type AnyActorRef } from "xstate";
import { itemMachine, stepMachine, workflowMachine } from "fettle/machines";
import { planWorkflow, type WorkflowStep } from "#src/core/dag";
import { NO_TOKENS } from "#src/core/model";
import type { TaskResult } from "#src/core/task";
import { workflowTaskId } from "#src/core/workflow";
import { sumOf, type Decision, type WorkflowResult } from "#src/core/workflow-result";

function result(taskId: string, output: unknown, error: string | null = null): TaskResult {
  return {
    taskId,
    role: "clerk",
    status: error === null ? "success" : "failure",
    output: error === null ? output : null,
    error: error === null ? null : { name: "Error", message: error, category: "handler" },
    code: null,
    repairs: 0,
    executionTime: 0,
    tokens: NO_TOKENS,
    costUsd: 0,
    resultId: taskId,
    functionId: null,
    attempts: [],
    model: null,
    replayed: false,
    reused: false,
    profile: null,
  };
}

/** Runs the charts with tasks that end when the test says so, or at once by `answer`. */
function run(steps: readonly WorkflowStep[], answer?: (taskId: string) => TaskResult) {
  const begun: string[] = [];
  const states: string[] = [];
  const waiting = new Map<string, (result: TaskResult | null) => void>();
  const item = itemMachine.provide({
    actors: {
      task: fromPromise(({ input }) => {
        const taskId = workflowTaskId("w", input);
        begun.push(taskId);
        if (answer !== undefined) return Promise.resolve(answer(taskId));
        return new Promise<TaskResult | null>((resolve) => waiting.set(taskId, resolve));
      }),
      pause: fromPromise(async () => null),
    },
    actions: { abort: (_, one) => waiting.get(workflowTaskId("w", one))?.(null) },
  });
  const step = stepMachine.provide({
    actors: {
      item,
      decide: fromPromise(async (): Promise<Decision> => ({ run: false, error: null })),
      refuse: fromPromise(async ({ input }) => ({
        ...result(input.step.id, null, input.error.message),
        error: input.error,
      })),
      settle: fromPromise(
        async ({
          input: {
            step: { id, agent },
            outcome,
          },
        }) => ({
          id,
          agent,
          ...outcome,
          executionTime: 0,
          ...sumOf(outcome.tasks),
          recorded: false,
        }),
      ),
    },
  });
  const chart = workflowMachine.provide({
    actors: {
      step,
      settle: fromPromise(async ({ input }) => ({ ...input, executionTime: 0, recorded: false })),
    },
  });
  const actor = createActor(chart, {
    id: "workflow",
    input: { id: "w", steps: planWorkflow(steps), context: {} },
    inspect: (event) => {
      if (event.type !== "@xstate.snapshot" || !("value" in event.snapshot)) return;
      const { id } = event.actorRef as AnyActorRef;
      states.push(`${id}: ${JSON.stringify(event.snapshot.value)}`);
    },
  });
  const done = toPromise(actor) as Promise<WorkflowResult>;
  actor.start();
  const end = async (taskId: string, ended = result(taskId, taskId)) => {
    waiting.get(taskId)?.(ended);
    await new Promise(setImmediate);
  };
  return { actor, begun, states, done, end };
}

const a = { id: "a", agent: "clerk", task: "x" };
const b = { ...a, id: "b", dependsOn: ["a"] };
const c = { ...a, id: "c", forEach: [1, 2, 3], concurrency: 2 };

describe("the workflow chart", () => {
  it("begins a step when all that it depends on has ended, and so many items at once", async () => {
    const { begun, done, end, actor } = run([a, b, c]);
    expect(begun).toEqual(["w-a", "w-c-0", "w-c-1"]);
    await end("w-c-1");
    expect(begun.slice(3)).toEqual(["w-c-2"]);
    await end("w-a");
    expect(begun.slice(4)).toEqual(["w-b"]);
    for (const id of ["w-c-2", "w-c-0", "w-b"]) await end(id);
    expect(await done).toMatchObject({
      status: "success",
      outputs: { a: "w-a", b: "w-b", c: ["w-c-0", "w-c-1", "w-c-2"] },
    });
    expect(actor.getSnapshot().value).toBe("done");
    expect(actor.getSnapshot().children).toEqual({});
  });

  it("comes to the same states again when its tasks end the same way", async () => {
    const answer = (taskId: string) => result(taskId, 1, taskId.endsWith("c-1") ? "poisoned" : null);
    const steps = [
      a,
      b,
      c,
      { ...a, id: "d", when: { step: "a", exists: false } },
      { ...a, id: "e", dependsOn: ["c", "d"] },
    ];
    const first = run(steps, answer);
    const second = run(steps, answer);
    expect(await second.done).toEqual(await first.done);
    expect(second.states).toEqual(first.states);
    expect(first.states).toContain('step-e: "refusing"');
    expect((await first.done).steps.map(({ status }) => status)).toEqual([
      "success",
      "success",
      "failure",
      "skipped",
      "failure",
    ]);
  });

  it("tries a failed task again as often as it may", async () => {
    const { begun, done } = run([{ ...a, retries: { max: 2, backoffMs: 0 } }], (taskId) =>
      result(taskId, 1, "no"),
    );
    expect((await done).status).toBe("failure");
    expect(begun).toEqual(["w-a", "w-a-r2", "w-a-r3"]);
  });

  it("stops each task that is under way when it is cancelled", async () => {
    const { actor, done } = run([a, b, c]);
    actor.send({ type: "cancel" });
    // The scripted tasks that come after the cancel are not ended by it: the chart asks for them, effects refuse them.
    await new Promise(setImmediate);
    const { children } = actor.getSnapshot();
    expect(Object.keys(children)).toEqual(["step-c"]);
    actor.send({ type: "cancel" });
    const { steps } = await done;
    expect(steps.map(({ tasks }) => tasks.length)).toEqual([1, 1, 1]);
  });

  it("works through a long list with little at hand", async () => {
    const list = Array.from({ length: 2000 }, (_, index) => index);
    const { done, begun } = run([{ ...a, forEach: list, concurrency: 50 }], (taskId) =>
      result(taskId, taskId),
    );
    expect((await done).outputs["a"]).toHaveLength(2000);
    expect(begun).toHaveLength(2000);
  });

  it("fails at once where a slot is not bound, and names it", async () => {
    const actor = createActor(workflowMachine, { input: { id: "w", steps: planWorkflow([a]), context: {} } });
    const done = toPromise(actor);
    actor.start();
    await expect(done).rejects.toThrow('The slot "task" is not bound');
  });
});
