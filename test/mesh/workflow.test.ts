import { describe, expect, it } from "vitest";
import {
  createMemoryFabric,
  defineAgent,
  loadConfig,
  Mesh,
  type Fabric,
  type WorkflowEvent,
  type WorkflowStep,
} from "fettle";
import { TestMesh } from "fettle/testing";
import { scopeLedger } from "#src/scoped-ledger";
import { unfinishedWorkflows } from "#src/workflow-record";

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

interface Seen {
  readonly id: string;
  readonly task: string;
  readonly context: Readonly<Record<string, unknown>>;
}

/** An agent that does what a function says, and notes what it was given. */
function scripted(work: (seen: Seen, signal: AbortSignal) => unknown) {
  const seen: Seen[] = [];
  const agent = defineAgent({
    role: "worker",
    capabilities: ["work"],
    handle: (message, actor) => {
      if (message.type !== "task") return null;
      seen.push(message);
      return work(message, actor.signal);
    },
  });
  return { agent, seen, ids: () => seen.map(({ id }) => id) };
}

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("aborted")));
  });

describe("a step with forEach", () => {
  it("is a task for each item, so many at once, its output their outputs in order", async () => {
    let atOnce = 0;
    let peak = 0;
    const { agent, seen } = scripted(async ({ task, context }) => {
      if (task === "list") return { rows: [5, 1, 3, 2, 4] };
      peak = Math.max(peak, ++atOnce);
      await new Promise((resolve) => setTimeout(resolve, Number(context["item"])));
      atOnce--;
      return Number(context["item"]) * 10 + Number(context["index"]);
    });
    await using mesh = await new TestMesh().add(agent).start();
    const { outputs, status } = await mesh.workflow("fan", [
      { id: "list", agent: "worker", task: "list" },
      { id: "each", agent: "worker", task: "do", forEach: { step: "list", path: "rows" }, concurrency: 2 },
    ]);
    expect(status).toBe("success");
    expect(outputs["each"]).toEqual([50, 11, 32, 23, 44]);
    expect(peak).toBe(2);
    expect(seen.map(({ id }) => id).sort()).toEqual([
      "fan-each-0",
      "fan-each-1",
      "fan-each-2",
      "fan-each-3",
      "fan-each-4",
      "fan-list",
    ]);
  });

  it("has one failure for each poisoned item, and fails unless so many may", async () => {
    const { agent } = scripted(({ context }) => {
      if (context["item"] === "poison") throw new Error("poisoned");
      return context["item"];
    });
    const list = ["a", "poison", "c", "poison"];
    const each = { agent: "worker", task: "do", forEach: list };
    await using mesh = await new TestMesh().add(agent).start();
    const { status, steps, failures } = await mesh.workflow("poison", [
      { ...each, id: "none" },
      { ...each, id: "one", allowFailures: 1 },
      { ...each, id: "two", allowFailures: 2 },
      { ...each, id: "any", allowFailures: true },
    ]);
    expect(status).toBe("failure");
    expect(steps.map((one) => one.status)).toEqual(["failure", "failure", "success", "success"]);
    for (const { output } of steps) expect(output).toEqual(["a", null, "c", null]);
    expect(steps[0]?.error).toMatchObject({
      category: "handler",
      message: 'Of 4 items of step "none", 2 failed; the first, item 1: poisoned',
    });
    expect(steps[2]?.failures).toMatchObject([
      { index: 1, item: "poison", taskId: "poison-two-1", error: { message: "poisoned" } },
      { index: 3, taskId: "poison-two-3" },
    ]);
    expect(failures.filter(({ step }) => step === "two").map(({ index }) => index)).toEqual([1, 3]);
  });

  it("says so where the list is none, is skipped where its step was, and does nothing for an empty list", async () => {
    const { agent, seen } = scripted(({ task }) => (task === "list" ? "no list" : 1));
    await using mesh = await new TestMesh().add(agent).start();
    const { steps } = await mesh.workflow("lists", [
      { id: "list", agent: "worker", task: "list" },
      { id: "gone", agent: "worker", task: "list", when: () => false },
      { id: "a", agent: "worker", task: "do", forEach: { step: "list" } },
      { id: "b", agent: "worker", task: "do", forEach: { step: "gone" } },
      { id: "c", agent: "worker", task: "do", forEach: { path: "rows" }, context: { rows: [] } },
    ]);
    expect(steps.map(({ status, output }) => [status, output])).toEqual([
      ["success", "no list"],
      ["skipped", null],
      ["failure", null],
      ["skipped", null],
      ["success", []],
    ]);
    expect(steps[2]?.error?.message).toBe(
      'Step "a" goes through a list that is not there: the output of step "list" is a value of type string.',
    );
    expect(seen).toHaveLength(1);
  });

  it("waits where the agent's queue is full, in place of failing", async () => {
    const agent = defineAgent({
      role: "worker",
      capabilities: ["work"],
      concurrency: 1,
      mailboxSize: 1,
      handle: async (message) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        return message.type === "task" ? message.context["item"] : null;
      },
    });
    await using mesh = await new TestMesh().add(agent).start();
    const items = [1, 2, 3, 4, 5, 6];
    const { outputs } = await mesh.workflow("full", [
      { id: "each", agent: "worker", task: "do", forEach: items, concurrency: 6 },
    ]);
    expect(outputs["each"]).toEqual(items);
  });
});

describe("a step that fails", () => {
  it("is tried again, each time as a task of its own, and its cost counts all tries", async () => {
    const { agent, ids } = scripted(({ id }) => {
      if (!id.endsWith("-r3")) throw new Error(`failed as ${id}`);
      return "worked";
    });
    await using mesh = await new TestMesh().add(agent).start();
    const events: WorkflowEvent[] = [];
    const { steps } = await mesh.workflow(
      "again",
      [{ id: "a", agent: "worker", task: "do", retries: { max: 2, backoffMs: 1 } }],
      { onEvent: (event) => "workflowId" in event && events.push(event) },
    );
    expect(ids()).toEqual(["again-a", "again-a-r2", "again-a-r3"]);
    expect(steps[0]).toMatchObject({ status: "success", output: "worked", error: null });
    expect(steps[0]?.tasks.map(({ status }) => status)).toEqual(["failure", "failure", "success"]);
    expect(events.filter(({ type }) => type === "step-retry")).toMatchObject([
      { step: "a", index: null, attempt: 2, delayMs: 1, error: { message: "failed as again-a" } },
      { attempt: 3, delayMs: 2 },
    ]);
  });

  it("is not tried again where a try could not mend it", async () => {
    const { agent, ids } = scripted((_, signal) => untilAborted(signal));
    await using mesh = await new TestMesh().add(agent).start();
    const running = mesh.workflow("final", [{ id: "a", agent: "worker", task: "do", retries: 5 }]);
    while (ids().length === 0) await new Promise(setImmediate);
    await mesh.cancel("final-a");
    expect((await running).steps[0]).toMatchObject({ status: "cancelled" });
    expect(ids()).toEqual(["final-a"]);
  });

  it("is stopped when its time is over, and may be tried again", async () => {
    const { agent, ids } = scripted(({ id }, signal) => (id === "late-a" ? untilAborted(signal) : "in time"));
    await using mesh = await new TestMesh().add(agent).start();
    const { steps } = await mesh.workflow("late", [
      { id: "a", agent: "worker", task: "do", timeoutMs: 250, retries: { max: 1, backoffMs: 1 } },
    ]);
    expect(ids()).toEqual(["late-a", "late-a-r2"]);
    expect(steps[0]).toMatchObject({ status: "success", output: "in time" });
    expect(steps[0]?.tasks[0]).toMatchObject({
      status: "failure",
      error: {
        name: "TimeoutError",
        category: "timeout",
        message: expect.stringContaining("0.25 s") as string,
      },
    });
  });
});

describe("a step with when", () => {
  it("is skipped where it does not hold, and what depends on it runs without its output", async () => {
    const { agent, seen } = scripted(({ task }) =>
      task === "review" ? { approved: false, score: 7 } : task,
    );
    await using mesh = await new TestMesh().add(agent).start();
    const events: string[] = [];
    const { status, steps, outputs } = await mesh.workflow(
      "conditions",
      [
        { id: "review", agent: "worker", task: "review" },
        {
          id: "publish",
          agent: "worker",
          task: "publish",
          when: { step: "review", path: "approved", equals: true },
        },
        {
          id: "mend",
          agent: "worker",
          task: "mend",
          when: { not: { step: "review", path: "approved", equals: true } },
        },
        {
          id: "asked",
          agent: "worker",
          task: "asked",
          dependsOn: ["review"],
          when: ({ review }) => review === null,
        },
        { id: "end", agent: "worker", task: "end", dependsOn: ["publish", "mend"] },
      ],
      { onEvent: (event) => event.type === "step-skipped" && events.push(event.step) },
    );
    expect(status).toBe("success");
    expect(steps.map((one) => one.status)).toEqual(["success", "skipped", "success", "skipped", "success"]);
    expect(Object.keys(outputs)).toEqual(["review", "mend", "end"]);
    const last = seen.at(-1)?.context["previousStepResults"] as object;
    expect(Object.keys(last)).toEqual(["review", "mend"]);
    expect(events.sort()).toEqual(["asked", "publish"]);
  });

  it("fails where its function throws, and is not run", async () => {
    const { agent, seen } = scripted(() => 1);
    const when = () => {
      throw new TypeError("no such field");
    };
    await using mesh = await new TestMesh().add(agent).start();
    const { steps } = await mesh.workflow("throws", [{ id: "a", agent: "worker", task: "x", when }]);
    expect(steps[0]).toMatchObject({ status: "failure", error: { name: "TypeError", category: "handler" } });
    expect(seen).toEqual([]);
  });
});

describe("a cancelled workflow", () => {
  it("stops what runs, begins nothing more, and gives what was done", async () => {
    const { agent, ids } = scripted(({ context }, signal) =>
      context["item"] === 2 ? untilAborted(signal) : (context["item"] ?? "one"),
    );
    await using mesh = await new TestMesh().add(agent).start();
    const running = mesh.workflow("stopped", [
      { id: "one", agent: "worker", task: "do" },
      { id: "each", agent: "worker", task: "do", forEach: [1, 2, 3, 4], concurrency: 1, dependsOn: ["one"] },
      { id: "after", agent: "worker", task: "do", dependsOn: ["each"] },
    ]);
    while (!ids().includes("stopped-each-1")) await new Promise(setImmediate);
    const result = await mesh.cancelWorkflow("stopped", "enough");
    expect(await running).toEqual(result);
    expect(result.status).toBe("cancelled");
    expect(result.steps.map(({ status, output }) => [status, output])).toEqual([
      ["success", "one"],
      ["cancelled", [1, null, null, null]],
      ["cancelled", null],
    ]);
    expect(result.steps[1]?.failures.map(({ index, taskId }) => [index, taskId])).toEqual([
      [1, "stopped-each-1"],
      [2, null],
      [3, null],
    ]);
    expect(ids()).toEqual(["stopped-one", "stopped-each-0", "stopped-each-1"]);
    await expect(mesh.cancelWorkflow("stopped")).rejects.toMatchObject({ code: "TASK_UNKNOWN" });
  });

  it("gives the same when it is asked for again", async () => {
    const { agent, ids } = scripted((_, signal) => untilAborted(signal));
    await using mesh = await new TestMesh().add(agent).start();
    const steps = [{ id: "a", agent: "worker", task: "do" }, { ...step("b", "do", "a") }];
    const running = mesh.workflow("gone", steps);
    while (ids().length === 0) await new Promise(setImmediate);
    await mesh.cancelWorkflow("gone");
    const { steps: first, status } = await running;
    const again = await mesh.workflow("gone", steps);
    expect(again).toMatchObject({ status, recorded: true });
    expect(again.steps).toEqual(first.map((one) => ({ ...one, recorded: true })));
    expect(ids()).toEqual(["gone-a"]);
  });
});

/** A fabric whose workflows cannot be recorded any more after so many entries, as if the process had died there. */
function dyingFabric(fabric: Fabric, after: number): Fabric {
  let left = after;
  const { ledger } = fabric;
  const append: typeof ledger.append = (name, payload, expected) => {
    if (name.startsWith("default.workflow.") && left-- <= 0) return Promise.reject(new Error("died"));
    return ledger.append(name, payload, expected);
  };
  const bound = (method: keyof typeof ledger) =>
    (ledger[method] as (...args: never[]) => unknown).bind(ledger);
  const wrapped = {
    append,
    read: bound("read"),
    last: bound("last"),
    names: bound("names"),
    delete: bound("delete"),
  } as unknown as typeof ledger;
  return {
    ...fabric,
    keyValue: fabric.keyValue,
    blobs: fabric.blobs,
    messages: fabric.messages,
    ledger: wrapped,
  };
}

const config = loadConfig({ env: { LOG_LEVEL: "silent" }, envFile: null });

describe("a workflow that was broken off", () => {
  const flow: readonly WorkflowStep[] = [
    { id: "list", agent: "worker", task: "list" },
    { id: "each", agent: "worker", task: "do", forEach: { step: "list" }, concurrency: 1, allowFailures: 1 },
    { id: "shaky", agent: "worker", task: "shaky", retries: { max: 1, backoffMs: 0 } },
    { id: "skip", agent: "worker", task: "do", when: { step: "list", path: "0", equals: "z" } },
    { id: "end", agent: "worker", task: "end", dependsOn: ["each", "shaky", "skip"] },
  ];
  const worker = () =>
    scripted(({ id, task, context }) => {
      if (task === "list") return ["a", "poison", "c"];
      if (context["item"] === "poison" || id.endsWith("-shaky")) throw new Error("asked to fail");
      return task === "do" ? context["item"] : task;
    });

  it("goes on where it was, wherever that was: nothing recorded is done again, and the end is the same", async () => {
    const whole = await runOn(createMemoryFabric());
    expect(whole.result).toMatchObject({ status: "success", recorded: false });
    let points = 0;
    for (; ; points += 1) {
      const fabric = createMemoryFabric();
      const broken = await runOn(dyingFabric(fabric, points)).catch((thrown: unknown) => thrown);
      if (!(broken instanceof Error)) break;
      expect(broken.message).toBe("died");
      const recorded = await recordedTasks(fabric);
      const { result, ids } = await runOn(fabric);
      expect(ids.filter((id) => recorded.includes(id))).toEqual([]);
      expect(result).toMatchObject({ status: "success", outputs: whole.result.outputs });
      expect(result.failures).toEqual(whole.result.failures);
      expect(result.steps.flatMap(({ tasks }) => tasks.map(({ taskId }) => taskId))).toEqual(
        whole.result.steps.flatMap(({ tasks }) => tasks.map(({ taskId }) => taskId)),
      );
    }
    // The definition, 7 tasks, a decision, 5 steps and the end.
    expect(points).toBe(15);
  });

  it("runs nothing once it has ended, and gives the same results", async () => {
    const fabric = createMemoryFabric();
    const first = await runOn(fabric);
    const second = await runOn(fabric);
    expect(second.ids).toEqual([]);
    expect(second.result).toEqual({
      ...first.result,
      recorded: true,
      steps: first.result.steps.map((one) => ({ ...one, recorded: true })),
    });
  });

  it("refuses another definition under its id, and says what differs", async () => {
    const fabric = createMemoryFabric();
    await runOn(fabric);
    const { agent } = worker();
    await using mesh = await new Mesh({ config, fabric }).add(agent).start();
    const refused = async (steps: readonly WorkflowStep[], context = {}) =>
      mesh.workflow("durable", steps, { context }).catch((thrown: unknown) => String(thrown));
    const [first, ...rest] = flow;
    expect(await refused(rest.slice(1))).toMatch(/step "end" depends on "each"|Step "skip" depends on/);
    expect(await refused(flow.slice(0, 4))).toMatch(/step "end" of the record is missing/);
    expect(await refused([...flow, { id: "more", agent: "worker", task: "x" }])).toMatch(
      /step "more" is not in/,
    );
    expect(await refused([{ ...step("list", "list"), timeoutMs: 5 }, ...rest])).toMatch(
      /step "list" has another timeoutMs \(none in the record, 5 now\)/,
    );
    expect(await refused([...rest, ...(first === undefined ? [] : [first])])).toMatch(
      /step "each" stands elsewhere/,
    );
    expect(await refused(flow, { other: 1 })).toMatch(/the workflow has another context/);
  });

  it("is gone on with by start, unasked, where it is data alone and its agents are there", async () => {
    const fabric = createMemoryFabric();
    await runOn(dyingFabric(fabric, 4)).catch(() => undefined);
    const { agent: other } = scripted(() => 1);
    const stranger = defineAgent({ role: "stranger", capabilities: ["x"], handle: () => 1 });
    const withFunction: readonly WorkflowStep[] = [{ ...step("a", "x"), when: () => true }];
    const dying = await new Mesh({ config, fabric: dyingFabric(fabric, 2) }).add(other).start();
    await expect(dying.workflow("function", withFunction)).rejects.toThrow("died");
    await dying.stop();
    await using idle = await new Mesh({ config, fabric }).add(stranger).start();
    await idle.stop();
    expect(await unfinishedIds(fabric)).toEqual(["durable", "function"]);

    const { agent, ids } = worker();
    await using mesh = new Mesh({ config, fabric }).add(agent);
    const finished = new Promise<WorkflowEvent>((resolve) => {
      mesh.subscribe((event) => event.type === "workflow-finished" && resolve(event));
    });
    await mesh.start();
    expect(await finished).toMatchObject({ workflowId: "durable", status: "success" });
    expect(ids()).not.toContain("durable-list");
    expect(await unfinishedIds(fabric)).toEqual(["function"]);
    expect(await mesh.workflow("function", withFunction)).toMatchObject({ status: "success" });
    expect(await unfinishedIds(fabric)).toEqual([]);
  });

  it("is left as it is by a mesh that went on with it unasked and is stopped", async () => {
    const fabric = createMemoryFabric();
    await runOn(dyingFabric(fabric, 4)).catch(() => undefined);
    const hanging = scripted((_, signal) => untilAborted(signal));
    const passing = await new Mesh({ config, fabric }).add(hanging.agent).start();
    while (hanging.ids().length === 0) await new Promise(setImmediate);
    await passing.stop({ mode: "cancel" });
    expect(await unfinishedIds(fabric)).toEqual(["durable"]);
    const { result, ids } = await runOn(fabric);
    expect(result).toMatchObject({ status: "success", recorded: false });
    expect(ids).not.toContain("durable-list");
  });

  it("is neither ended nor failed by suspend, and gone on with afterwards", async () => {
    const fabric = createMemoryFabric();
    const hanging = scripted(({ task }, signal) => (task === "list" ? ["a"] : untilAborted(signal)));
    const first = await new Mesh({ config, fabric }).add(hanging.agent).start();
    const running = first.workflow("durable", flow).catch((thrown: unknown) => thrown);
    while (hanging.ids().length < 3) await new Promise(setImmediate);
    await first.stop({ mode: "suspend" });
    expect(await running).toMatchObject({ code: "MESH_STATE" });
    const { agent, ids } = scripted(({ task }) => task);
    await using mesh = await new Mesh({ config, fabric }).add(agent).start();
    expect(await mesh.workflow("durable", flow)).toMatchObject({
      status: "success",
      outputs: { list: ["a"], each: ["do"], shaky: "shaky", end: "end" },
    });
    expect(ids()).not.toContain("durable-list");
  });

  it("goes on from what is there where another writes its record meanwhile", async () => {
    const fabric = createMemoryFabric();
    const { agent } = scripted(async () => {
      const last = await fabric.ledger.last("default.workflow.durable");
      await fabric.ledger.append(
        "default.workflow.durable",
        '{"type":"cancelled","reason":"other"}',
        last?.sequence ?? 0,
      );
      return 1;
    });
    await using mesh = await new Mesh({ config, fabric }).add(agent).start();
    expect(await mesh.workflow("durable", [step("a", "x")])).toMatchObject({ status: "cancelled" });
  });

  async function runOn(fabric: Fabric) {
    const { agent, ids } = worker();
    await using mesh = await new Mesh({ config, fabric }).add(agent).start();
    return { result: await mesh.workflow("durable", flow), ids: ids() };
  }

  async function unfinishedIds(fabric: Fabric): Promise<readonly string[]> {
    return (await unfinishedWorkflows(scopeLedger(fabric.ledger, "default"))).map(({ id }) => id);
  }

  async function recordedTasks(fabric: Fabric): Promise<readonly string[]> {
    const entries = await fabric.ledger.read("default.workflow.durable");
    return entries.flatMap(({ payload }) => /"taskId":"([^"]+)"/.exec(payload)?.[1] ?? []);
  }
});
