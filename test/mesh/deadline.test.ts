// How much time a task has, over approvals and restarts, and what its journal tells of it afterwards.
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { defineAgent, defineTool, type Fabric, type ModelRequest, type TaskResult } from "fettle";
import { createSandbox } from "fettle/sandbox";
import { createMemoryFabric, TestClock, TestMesh, type TestMeshOptions } from "fettle/testing";
import { replayTask } from "#actors/replay";
import type { Clock } from "#src/core/clock";
import { defer } from "#src/core/deferred";
import { createSubjects } from "#src/core/subjects";
import { TaskList } from "#src/task-list";
import { dyingAtEnd } from "../harness/dying-fabric.ts";

const sandbox = createSandbox({ isolates: 1 });
afterAll(() => sandbox.close());

const DAY = 86_400_000;
const tokens = { input: 3, output: 4, cacheRead: 0, cacheWrite: 0 };
const answer = {
  provider: "test",
  model: "paid",
  costUsd: 0.5,
  finish: "stop",
  replayed: false,
} as const;
const fenced = (code: string) => `\`\`\`js\n${code}\n\`\`\``;
const overdue = {
  status: "failure",
  error: {
    name: "TimeoutError",
    category: "timeout",
    message: expect.stringContaining("within 10 s") as string,
  },
};

/** An agent with ten seconds for a task, and a tool that takes what it is told. */
function worker(work: (ms: number, signal: AbortSignal) => Promise<void> | void, needsApproval = false) {
  const wait = defineTool({
    description: "Takes its time.",
    input: z.object({ ms: z.number() }),
    needsApproval,
    execute: async ({ ms }, { signal }) => {
      await work(ms, signal);
      return ms;
    },
  });
  const limits = { taskMs: 10_000 };
  return defineAgent({ role: "worker", capabilities: ["x"], systemPrompt: "x", tools: { wait }, limits });
}

async function replayOf(fabric: Fabric) {
  const entries = await new TaskList(fabric.ledger, { subjects: createSubjects("test") }).read("t1");
  const { verdict, isEnded, outcome, states } = await replayTask(entries, sandbox);
  return { verdict, isEnded, outcome, states: states.filter(({ same }) => !same) };
}

const same = { verdict: "same", isEnded: true, outcome: [], states: [] };

describe("the deadline of a submitted task", () => {
  it("is kept by the next process, too, and what was begun is stopped at it", async () => {
    await using fabric = createMemoryFabric();
    const clock = new TestClock();
    const begun = [defer<null>(), defer<null>()];
    let turn = 0;
    const agent = defineAgent({
      role: "worker",
      capabilities: ["x"],
      handle: (_, { signal }) => {
        begun[turn++]?.resolve(null);
        return new Promise((__, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
        });
      },
    });
    const first = await new TestMesh({ fabric, clock }).add(agent).start();
    const headers = { "Fettle-Deadline": new Date(clock.now() + 60_000).toISOString() };
    const queue = createSubjects("test").tasks("worker");
    await fabric.queue.publish(queue, '{ "id": "t1", "task": "x" }', { headers });
    await begun[0]?.promise;
    await first.stop({ mode: "suspend" });
    clock.advance(59_000);
    await using second = await new TestMesh({ fabric, clock }).add(agent).start();
    const result = second.execute("worker", { id: "t1", task: "x" });
    await begun[1]?.promise;
    clock.advance(1_000);
    expect(await result).toMatchObject({
      status: "cancelled",
      error: { message: expect.stringMatching(/^The task's deadline, .+Z, is over\.$/) as string },
    });
  });
});

describe("the time of a task", () => {
  /** The model takes six seconds, somebody a day to allow the call, and the call what is given. */
  async function afterApproval(ms: number): Promise<TaskResult> {
    await using fabric = createMemoryFabric();
    const clock = new TestClock();
    const model = () => {
      clock.advance(6_000);
      return fenced(`result = await tools.wait({ ms: ${ms} })`);
    };
    const agent = worker((time) => clock.advance(time), true);
    await using mesh = await new TestMesh({ sandbox, fabric, clock, model }).add(agent).start();
    mesh.subscribe((event) => {
      if (event.type !== "approval") return;
      clock.advance(DAY);
      void mesh.approve(event.approvalId);
    });
    const result = await mesh.execute("worker", { id: "t1", task: "x" });
    expect(await replayOf(fabric)).toEqual(same);
    return result;
  }

  it("does not begin anew after an approval, and the waiting does not count", async () => {
    expect(await afterApproval(3_000)).toMatchObject({ status: "success", output: 3_000 });
    expect(await afterApproval(5_000)).toMatchObject(overdue);
  });

  /** The first process takes six seconds and is left; the next one starts a day later and takes what is given. */
  async function afterRestart(ms: number): Promise<TaskResult> {
    await using fabric = createMemoryFabric();
    const clock = new TestClock();
    const asked = defer<null>();
    let isFirst = true;
    const model = async ({ purpose }: ModelRequest) => {
      if (purpose === "generate") {
        clock.advance(6_000);
        return fenced("throw new Error('no')");
      }
      asked.resolve(null);
      if (isFirst) await new Promise(() => undefined);
      clock.advance(ms);
      return fenced("result = 1");
    };
    const options: TestMeshOptions = { sandbox, fabric, clock, model };
    const agent = worker(() => undefined);
    const first = await new TestMesh(options).add(agent).start();
    first.execute("worker", { id: "t1", task: "x" }).catch(() => undefined);
    await asked.promise;
    await first.stop({ mode: "suspend" });
    isFirst = false;
    clock.advance(DAY);
    await using second = await new TestMesh(options).add(agent).start();
    const result = await second.execute("worker", { id: "t1", task: "x" });
    expect(await replayOf(fabric)).toEqual(same);
    return result;
  }

  it("does not begin anew in the next process, and the time between the two does not count", async () => {
    expect(await afterRestart(3_000)).toMatchObject({ status: "success", output: 1, repairs: 1 });
    expect(await afterRestart(5_000)).toMatchObject({ ...overdue, repairs: 1, attempts: [{}] });
  });

  it("that is up when the next process takes the task ends it, with all in its result that is recorded", async () => {
    await using fabric = createMemoryFabric();
    const clock = new TestClock();
    const called = defer<null>();
    const agent = worker((_, signal) => {
      called.resolve(null);
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    });
    const text = fenced("result = await tools.wait({ ms: 1 })");
    const model = { name: "paid", ask: async () => ({ ...answer, text, tokens }) };
    // Its timers come late: it works on for longer than it may.
    const late: Clock = { now: () => clock.now(), setTimeout: () => null, clearTimeout: () => undefined };
    const first = await new TestMesh({ sandbox, fabric, clock: late, model }).add(agent).start();
    first.execute("worker", { id: "t1", task: "x" }).catch(() => undefined);
    await called.promise;
    clock.advance(20_000);
    await first.stop({ mode: "suspend" });
    await using second = await new TestMesh({ sandbox, fabric, clock, model }).add(agent).start();
    const running = second.execute("worker", { id: "t1", task: "x" });
    const moving = setInterval(() => clock.advance(1), 5);
    const result = await running.finally(() => clearInterval(moving));
    expect(result).toMatchObject({
      ...overdue,
      tokens,
      costUsd: 0.5,
      code: "result = await tools.wait({ ms: 1 })",
    });
    expect(await replayOf(fabric)).toEqual(same);
  });
});

describe("a task whose process died between its deadline and its end", () => {
  it("is ended by the next process, which asks no model again", async () => {
    const fabric = createMemoryFabric();
    const { dying, settled } = dyingAtEnd(fabric);
    const clock = new TestClock();
    const asked = defer<null>();
    const model = async () => {
      asked.resolve(null);
      return new Promise<never>(() => undefined);
    };
    const agent = worker(() => undefined);
    const first = await new TestMesh({ sandbox, fabric: dying, clock, model }).add(agent).start();
    first.execute("worker", { id: "t1", task: "x" }).catch(() => undefined);
    await asked.promise;
    clock.advance(10_000);
    await settled;
    await first.stop({ mode: "suspend" });
    await using second = await new TestMesh({ sandbox, fabric, clock, model: [] }).add(agent).start();
    expect(await second.execute("worker", { id: "t1", task: "x" })).toMatchObject({
      ...overdue,
      attempts: [],
    });
    expect(await replayOf(fabric)).toEqual(same);
  });
});

describe("a task that is cancelled between an answer's record and its news", () => {
  it("has the answer and its price in its result, as its journal has", async () => {
    const { keyValue, ...rest } = createMemoryFabric();
    const [settling, gate] = [defer<null>(), defer<null>()];
    let isAnswered = false;
    const held = async <T>(write: () => Promise<T>): Promise<T> => {
      if (isAnswered) {
        settling.resolve(null);
        await gate.promise;
      }
      return write();
    };
    const fabric: Fabric = {
      ...rest,
      close: () => rest.close(),
      keyValue: {
        get: (bucket, key) => keyValue.get(bucket, key),
        create: (...args) => held(() => keyValue.create(...args)),
        put: (...args) => held(() => keyValue.put(...args)),
        update: (...args) => held(() => keyValue.update(...args)),
        delete: (...args) => keyValue.delete(...args),
        keys: (...args) => keyValue.keys(...args),
        watch: (...args) => keyValue.watch(...args),
      },
    };
    const model = {
      name: "paid",
      ask: async () => {
        isAnswered = true;
        return { ...answer, text: fenced("result = 1"), tokens };
      },
    };
    const agent = worker(() => undefined);
    await using mesh = await new TestMesh({ sandbox, fabric, model }).add(agent).start();
    const running = mesh.execute("worker", { id: "t1", task: "x", budget: { modelCalls: 2 } });
    await settling.promise;
    const cancelled = mesh.cancel("t1", "no more");
    gate.resolve(null);
    expect(await cancelled).toEqual(await running);
    expect(await running).toMatchObject({
      status: "cancelled",
      error: { message: "no more" },
      code: "result = 1",
      tokens,
      costUsd: 0.5,
      attempts: [],
    });
    expect(await replayOf(fabric)).toEqual(same);
  });
});
