import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import {
  defineAgent,
  defineTool,
  StorageError,
  type Fabric,
  type ModelRequest,
  type TaskEvent,
} from "fettle";
import { createSandbox } from "fettle/sandbox";
import { createMemoryFabric, TestMesh, type TestMeshOptions } from "fettle/testing";
import type { AgentDefinition, ModelAnswer } from "fettle";
import { defer } from "#src/core/deferred";
import { FunctionRegistry } from "#src/registry";
import { dyingAtEnd } from "../harness/dying-fabric.ts";

const sandbox = createSandbox({ isolates: 1 });
afterAll(() => sandbox.close());

const fenced = (code: string) => `\`\`\`js\n${code}\n\`\`\``;

function start(fabric: Fabric, agent: AgentDefinition, options: TestMeshOptions = {}) {
  return new TestMesh({ sandbox, fabric, ...options }).add(agent).start();
}

/** Resolves when the mesh tells such an event. */
function heard(mesh: TestMesh, fits: (event: TaskEvent) => boolean): Promise<void> {
  return new Promise((resolve) => {
    mesh.subscribe((event) => {
      if ("taskId" in event && fits(event as TaskEvent)) resolve();
    });
  });
}

async function ended(fabric: Fabric, taskId: string): Promise<string> {
  for (;;) {
    const last = await fabric.ledger.last(`test.task.${taskId}`);
    if (last?.payload.includes('"finished"')) return last.payload;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("a task whose mesh is suspended", () => {
  it("goes on at the next start without being asked: its model is not asked again, its tools not called again", async () => {
    await using fabric = createMemoryFabric();
    const calls: string[] = [];
    let release: () => void = () => undefined;
    let blocked = true;
    const agent = defineAgent({
      role: "worker",
      capabilities: ["x"],
      systemPrompt: "work",
      tools: {
        first: defineTool({
          description: "first",
          input: z.object({}),
          execute: (_, { callId }) => {
            calls.push(`first ${callId}`);
            return Math.random();
          },
        }),
        second: defineTool({
          description: "second",
          input: z.object({ seen: z.number() }),
          execute: async ({ seen }, { callId, signal }) => {
            calls.push(`second ${callId} ${seen}`);
            if (blocked) {
              await new Promise<void>((resolve) => {
                release = resolve;
                signal.addEventListener("abort", () => resolve(), { once: true });
              });
            }
            return "done";
          },
        }),
      },
    });
    const requests: ModelRequest[] = [];
    const model = (request: ModelRequest) => {
      requests.push(request);
      return fenced(
        "const a = await tools.first({}); result = [a, await tools.second({ seen: a }), Math.random()];",
      );
    };
    const first = await start(fabric, agent, { model });
    const called = heard(first, (event) => event.type === "tool" && event.tool === "second");
    const running = first.execute("worker", { id: "t1", task: "x" });
    running.catch(() => undefined); // It is looked at once the mesh has stopped.
    await called;
    await first.stop({ mode: "suspend" });
    await expect(running).rejects.toThrow(/stopped before the task "t1" ended/);
    release();
    blocked = false;

    await using second = await start(fabric, agent, { model });
    await ended(fabric, "t1");
    const result = await second.execute("worker", { id: "t1", task: "x" });
    expect(result).toMatchObject({ status: "success", repairs: 0 });
    expect(requests).toHaveLength(1);
    const [seen] = result.output as [number];
    expect(calls).toEqual(["first t1-1:0", `second t1-1:1 ${seen}`, `second t1-1:1 ${seen}`]);
  });

  it("gives the result of one that has ended, over restarts, and runs nothing", async () => {
    await using fabric = createMemoryFabric();
    const agent = defineAgent({ role: "worker", capabilities: ["x"], systemPrompt: "work" });
    const task = { id: "t1", task: "x", context: { when: new Date(0) } };
    const first = await start(fabric, agent, { model: ["result = new Map([[1, context.when]])"] });
    const result = await first.execute("worker", task);
    await first.stop();
    await using second = await start(fabric, agent, { model: [] });
    expect(await second.execute("worker", task)).toEqual(result);
    expect(result.output).toEqual(new Map([[1, new Date(0)]]));
    await expect(second.execute("worker", { ...task, context: {} })).rejects.toThrow(
      /its context is another/,
    );
  });

  it("is cancelled at once while it waits in the queue, also after a restart", async () => {
    await using fabric = createMemoryFabric();
    const agent = defineAgent({ role: "worker", capabilities: ["x"], systemPrompt: "work", concurrency: 1 });
    const model = { name: "never", ask: () => new Promise<never>(() => undefined) };
    const first = await start(fabric, agent, { model });
    const all = ["a", "b", "c", "d", "e"].map((id) => first.execute("worker", { id, task: id }));
    for (const one of all) one.catch(() => undefined);
    expect(await first.cancel("e", "no more")).toMatchObject({
      status: "cancelled",
      error: { message: "no more" },
    });
    await first.stop({ mode: "suspend" });
    await using second = await start(fabric, agent, { model });
    expect(await second.cancel("d", "nor that")).toMatchObject({ status: "cancelled" });
    await expect(second.cancel("e")).rejects.toMatchObject({ code: "TASK_UNKNOWN" });
    await second.stop({ mode: "suspend" });
  });

  it("keeps what was paid in the result of one that was cancelled in the moment of its process's death", async () => {
    await using fabric = createMemoryFabric();
    const agent = defineAgent({ role: "worker", capabilities: ["x"], systemPrompt: "work", concurrency: 1 });
    const tokens = { input: 7, output: 5, cacheRead: 0, cacheWrite: 0 };
    let asked = 0;
    const model = {
      name: "paid",
      ask: (request: ModelRequest) => {
        asked += 1;
        if (request.purpose === "repair") return new Promise<never>(() => undefined);
        const answer = {
          provider: "test",
          model: "paid",
          costUsd: 0.25,
          finish: "stop",
          replayed: false,
        } as const;
        return Promise.resolve({ ...answer, text: fenced("throw new Error('no')"), tokens });
      },
    };
    const first = await start(fabric, agent, { model });
    first.execute("worker", { id: "t1", task: "x" }).catch(() => undefined);
    while (asked < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    await first.stop({ mode: "suspend" });
    const last = await fabric.ledger.last("test.task.t1");
    const cancelled = JSON.stringify([{ at: 0, type: "cancelled", reason: "no more" }]);
    await fabric.ledger.append("test.task.t1", cancelled, last?.sequence ?? 0);

    await using second = await start(fabric, agent, { model });
    await ended(fabric, "t1");
    expect(await second.execute("worker", { id: "t1", task: "x" })).toMatchObject({
      status: "cancelled",
      error: { message: "no more" },
      tokens,
      costUsd: 0.25,
      attempts: [{ error: { message: "no" } }],
    });
    expect(asked).toBe(2);
  });

  it("counts its tries once in the registry, though its process ends before its end is recorded", async () => {
    const fabric = createMemoryFabric();
    const agent = defineAgent({ role: "worker", capabilities: ["x"], systemPrompt: "work" });
    const [first, second] = ["if (context.n === 1) throw new Error('no'); result = 0", "result = 1"];
    const task = { role: "worker", task: "x", context: {} };
    const registry = new FunctionRegistry(fabric.keyValue);
    for (let count = 0; count < 5; count += 1) {
      await registry.recordSuccess({ ...task, code: first, output: 0, toolReturns: [] });
    }
    const { dying, settled } = dyingAtEnd(fabric);
    const model = ({ purpose }: ModelRequest) => fenced(purpose === "repair" ? second : first);
    const mesh = await start(dying, agent, { model });
    mesh.execute("worker", { id: "t1", task: "x", context: { n: 1 } }).catch(() => undefined);
    await settled;
    await mesh.stop({ mode: "suspend" });
    const stages = async () =>
      (await registry.lookUp("worker", "x"))?.versions.map(({ stage, successes, failures }) => [
        stage,
        successes,
        failures,
      ]);
    expect(await stages()).toEqual([
      ["verified", 1, 0],
      ["verified", 5, 1],
    ]);

    await using again = await start(fabric, agent, { model });
    await ended(fabric, "t1");
    const result = await again.execute("worker", { id: "t1", task: "x", context: { n: 1 } });
    expect(result).toMatchObject({ status: "success", output: 1, repairs: 1 });
    expect(result.functionId).not.toBeNull();
    expect(await stages()).toEqual([
      ["verified", 1, 0],
      ["verified", 5, 1],
    ]);
  });

  it("has nothing in its journal after its end, though a model that heeds no signal answers later", async () => {
    await using fabric = createMemoryFabric();
    const agent = defineAgent({ role: "worker", capabilities: ["x"], systemPrompt: "work" });
    const asked = defer<null>();
    const answer = defer<ModelAnswer>();
    const model = {
      name: "stubborn",
      ask: () => {
        asked.resolve(null);
        return answer.promise;
      },
    };
    await using mesh = await start(fabric, agent, { model });
    const running = mesh.execute("worker", { id: "t1", task: "x" });
    await asked.promise;
    await mesh.cancel("t1", "no more");
    expect(await running).toMatchObject({ status: "cancelled" });
    const before = await fabric.ledger.read("test.task.t1");
    answer.resolve({
      text: fenced("result = 1"),
      provider: "test",
      model: "stubborn",
      tokens: { input: 1, output: 1, cacheRead: 0, cacheWrite: 0 },
      costUsd: 0,
      finish: "stop",
      replayed: false,
    });
    await answer.promise;
    // By then what it appends would be there.
    expect(await mesh.execute("worker", { id: "t1", task: "x" })).toMatchObject({ status: "cancelled" });
    expect(await fabric.ledger.read("test.task.t1")).toEqual(before);
  });

  it("gives a handler's own tasks once, however often the handler is run", async () => {
    await using fabric = createMemoryFabric();
    let runs = 0;
    let asked = 0;
    const coder = defineAgent({ role: "coder", capabilities: ["x"], systemPrompt: "work" });
    const chief = defineAgent({
      role: "chief",
      capabilities: ["y"],
      handle: async (_message, actor) => {
        runs += 1;
        const results = await Promise.all(["one", "two", "two"].map((task) => actor.execute("coder", task)));
        if (runs === 1) await new Promise(() => undefined);
        return results.map(({ output }) => output);
      },
    });
    const model = () => fenced(`result = ${(asked += 1)}`);
    const first = await new TestMesh({ sandbox, fabric, model }).add(coder).add(chief).start();
    first.execute("chief", { id: "t1", task: "x" }).catch(() => undefined);
    while (asked < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    await first.stop({ mode: "suspend" });
    await using second = await new TestMesh({ sandbox, fabric, model }).add(coder).add(chief).start();
    const { output } = await second.execute("chief", { id: "t1", task: "x" });
    expect([...(output as number[])].sort()).toEqual([1, 2, 3]);
    expect(asked).toBe(3);
    expect(runs).toBe(2);
  });
});

describe("a repair", () => {
  const paying = (paid: string[], needsApproval = false) =>
    defineAgent({
      role: "cashier",
      capabilities: ["x"],
      systemPrompt: "pay",
      tools: {
        pay: defineTool({
          description: "Pays.",
          input: z.object({ to: z.string() }),
          ...(needsApproval ? { needsApproval: ({ to }: { to: string }) => to === "eve" } : {}),
          execute: async ({ to }, { callId, signal }) => {
            paid.push(`${to} ${callId}`);
            if (to === "nobody") throw new RangeError("no such box");
            if (to === "slow") await new Promise((resolve) => signal.addEventListener("abort", resolve));
            return `receipt for ${to}`;
          },
        }),
      },
    });
  const code = `await tools.pay({ to: "ann" });
await tools.pay({ to: "nobody" }).catch(() => 0);
void tools.pay({ to: "slow" });
await tools.pay({ to: "bob" });
throw new Error("too late");`;

  it("is told which calls have been made, in the same words after a restart", async () => {
    await using fabric = createMemoryFabric();
    const paid: string[] = [];
    const agent = paying(paid);
    const repairs: string[] = [];
    let isBlocked = true;
    const asked = defer<null>();
    const model = async ({ purpose, messages }: ModelRequest) => {
      if (purpose === "generate") return fenced(code);
      repairs.push(messages.at(-1)?.content ?? "");
      asked.resolve(null);
      if (isBlocked) await new Promise(() => undefined);
      return fenced('result = "receipt for ann"');
    };
    const first = await start(fabric, agent, { model });
    first.execute("cashier", { id: "t1", task: "x" }).catch(() => undefined);
    await asked.promise;
    await first.stop({ mode: "suspend" });
    isBlocked = false;
    await using second = await start(fabric, agent, { model });
    await ended(fabric, "t1");
    expect(await second.execute("cashier", { id: "t1", task: "x" })).toMatchObject({
      status: "success",
      repairs: 1,
    });
    expect(repairs).toHaveLength(2);
    expect(repairs[1]).toBe(repairs[0]);
    expect(repairs[0]).toContain(`\`\`\`text
1. pay({"to":"ann"}) returned "receipt for ann"
2. pay({"to":"nobody"}) failed: RangeError: no such box
3. pay({"to":"slow"}) was not answered before the try ended: it may have happened
4. pay({"to":"bob"}) returned "receipt for bob"
\`\`\``);
    expect(paid).toEqual(["ann t1-1:0", "nobody t1-1:1", "slow t1-1:2", "bob t1-1:3"]);
  });

  it("is told what was done before a call was refused, and that this one was not made", async () => {
    await using fabric = createMemoryFabric();
    const paid: string[] = [];
    const repairs: string[] = [];
    const model = ({ purpose, messages }: ModelRequest) => {
      if (purpose === "generate")
        return fenced('await tools.pay({ to: "ann" }); result = await tools.pay({ to: "eve" });');
      repairs.push(messages.at(-1)?.content ?? "");
      return fenced("result = 0");
    };
    await using mesh = await start(fabric, paying(paid, true), { model });
    const asks = heard(mesh, (event) => event.type === "approval");
    const running = mesh.execute("cashier", { id: "t1", task: "x" });
    await asks;
    await mesh.reject("t1-a1", { note: "not her" });
    expect(await running).toMatchObject({ status: "success", output: 0 });
    expect(repairs[0]).toContain('1. pay({"to":"ann"}) returned "receipt for ann"');
    expect(repairs[0]).toContain('2. pay({"to":"eve"}) was refused: it was not made');
    expect(paid).toEqual(["ann t1-1:0"]);
  });

  it("that wrote down what a tool of the failed try returned is no code for other data", async () => {
    await using fabric = createMemoryFabric();
    const model = ({ purpose }: ModelRequest) =>
      fenced(purpose === "repair" ? 'result = "receipt for ann".length + context.n' : code);
    await using mesh = await start(fabric, paying([]), { model });
    const result = await mesh.execute("cashier", { task: "x", context: { n: 5 } });
    expect(result).toMatchObject({ status: "success", repairs: 1 });
    const entry = await new FunctionRegistry(fabric.keyValue).lookUp("cashier", "x");
    expect(entry?.versions.map(({ taint }) => taint)).toEqual([expect.stringContaining("receipt for ann")]);
  });
});

describe("an approval", () => {
  const send = (sent: string[], needsApproval?: (input: { to: string }) => boolean) =>
    defineTool({
      description: "Sends a letter.",
      input: z.object({ to: z.string() }),
      ...(needsApproval === undefined ? {} : { needsApproval }),
      execute: ({ to }) => {
        sent.push(to);
        return `sent to ${to}`;
      },
    });

  it("holds a tool call back, over a restart, until a person allows it; then it is made once", async () => {
    await using fabric = createMemoryFabric();
    const sent: string[] = [];
    const agent = defineAgent({
      role: "clerk",
      capabilities: ["x"],
      systemPrompt: "work",
      tools: { send: send(sent, ({ to }) => to !== "me") },
    });
    const model = [fenced('result = [await tools.send({ to: "me" }), await tools.send({ to: "boss" })];')];
    const first = await start(fabric, agent, { model });
    const asks = heard(first, (event) => event.type === "approval");
    first.execute("clerk", { id: "t1", task: "x" }).catch(() => undefined);
    await asks;
    expect(sent).toEqual(["me"]);
    await first.stop();

    await using second = await start(fabric, agent, { model: [] });
    let pending = await second.pending();
    while (pending.length === 0) pending = await second.pending();
    expect(pending).toMatchObject([
      { approvalId: "t1-a1", subject: { type: "tools", calls: [{ callId: "t1-1:1", tool: "send" }] } },
    ]);
    const running = second.execute("clerk", { id: "t1", task: "x" });
    await second.approve("t1-a1", { by: "ann" });
    expect(await running).toMatchObject({ status: "success", output: ["sent to me", "sent to boss"] });
    expect(sent).toEqual(["me", "boss"]);
    expect(await second.pending()).toEqual([]);
    await expect(second.approve("t1-a1")).rejects.toMatchObject({ code: "APPROVAL_UNKNOWN" });
  });

  it("that is refused goes to repair with the reason", async () => {
    await using fabric = createMemoryFabric();
    const sent: string[] = [];
    const requests: ModelRequest[] = [];
    const agent = defineAgent({
      role: "clerk",
      capabilities: ["x"],
      systemPrompt: "work",
      approval: "tools",
      tools: { send: send(sent) },
    });
    const model = (request: ModelRequest) => {
      requests.push(request);
      return fenced(
        request.purpose === "repair" ? "result = 0" : 'result = await tools.send({ to: "boss" })',
      );
    };
    await using mesh = await start(fabric, agent, { model });
    const asks = heard(mesh, (event) => event.type === "approval");
    const running = mesh.execute("clerk", { id: "t1", task: "x" });
    await asks;
    await mesh.reject("t1-a1", { by: "ann", note: "he is away" });
    expect(await running).toMatchObject({ status: "success", output: 0, repairs: 1 });
    expect(sent).toEqual([]);
    expect(requests[1]?.messages.at(-1)?.content).toContain("refused by ann");
    expect(requests[1]?.messages.at(-1)?.content).toContain("he is away");
  });

  it("of code comes before it runs, and expires where the agent says so", async () => {
    await using fabric = createMemoryFabric();
    const agent = defineAgent({
      role: "coder",
      capabilities: ["x"],
      systemPrompt: "work",
      approval: "code",
      approvalTimeoutMs: 30,
    });
    await using mesh = await start(fabric, agent, { model: () => fenced("result = 1") });
    const asks = heard(mesh, (event) => event.type === "approval");
    const running = mesh.execute("coder", { id: "t1", task: "x" });
    await asks;
    expect(await running).toMatchObject({
      status: "failure",
      error: { name: "ApprovalExpiredError", category: "approval" },
    });
    const again = heard(mesh, (event) => event.type === "approval");
    const allowed = mesh.execute("coder", { id: "t2", task: "x" });
    await again;
    await mesh.approve("t2-a1");
    expect(await allowed).toMatchObject({ status: "success", output: 1 });
  });
});

describe("a task whose process died while it was being accepted", () => {
  const agent = defineAgent({ role: "worker", capabilities: ["x"], systemPrompt: "work" });

  it("is done once it is given again, though its message was given up meanwhile", async () => {
    await using fabric = createMemoryFabric();
    await fabric.queue.publish("test.task.worker", "t1", { id: "t1" });
    const consumer = await fabric.queue.consume("test.task.worker", { ackWaitMs: 1000, maxDeliveries: 9 });
    await (await consumer.take())?.reject("it has no journal");
    await consumer.close();
    await using mesh = await start(fabric, agent, { model: [fenced("result = 1")] });
    expect(await mesh.execute("worker", { id: "t1", task: "x" })).toMatchObject({ output: 1 });
  });

  it("is in the queue before it is in its journal: what counts as accepted is taken up", async () => {
    await using fabric = createMemoryFabric();
    const order: string[] = [];
    const { ledger, queue } = fabric;
    const watched: Fabric = {
      ...fabric,
      ledger: {
        append: async (name, payload, expected) => {
          if (expected === 0) order.push("journal begins");
          return ledger.append(name, payload, expected);
        },
        read: (name, options) => ledger.read(name, options),
        last: (name) => ledger.last(name),
        names: (prefix) => ledger.names(prefix),
        delete: (name) => ledger.delete(name),
      },
      queue: {
        publish: async (name, payload, options) => {
          order.push("queued");
          return queue.publish(name, payload, options);
        },
        consume: (name, options) => queue.consume(name, options),
        size: (name) => queue.size(name),
        dead: (name) => queue.dead(name),
        bury: (name, id) => queue.bury(name, id),
      },
    };
    await using mesh = await start(watched, agent, { model: [fenced("result = 1")] });
    expect(await mesh.execute("worker", { id: "t1", task: "x" })).toMatchObject({ output: 1 });
    expect(order).toEqual(["queued", "journal begins"]);
  });

  it("is refused and not done where its result cannot be stored, and done where it is given again", async () => {
    await using fabric = createMemoryFabric();
    let isFull = true;
    const { blobs } = fabric;
    const full: Fabric = {
      ...fabric,
      blobs: {
        write: async (path, data) => {
          if (isFull) throw new StorageError("STORAGE_FAILED", "Cannot write: the disk is full.");
          await blobs.write(path, data);
        },
        read: (path) => blobs.read(path),
        stream: (path) => blobs.stream(path),
        delete: (path) => blobs.delete(path),
        list: (prefix) => blobs.list(prefix),
      },
    };
    await using mesh = await start(full, agent, { model: [fenced("result = 1")] });
    await expect(mesh.execute("worker", { id: "t1", task: "x" })).rejects.toThrow("the disk is full");
    expect(await fabric.ledger.names()).toEqual([]);
    isFull = false;
    expect(await mesh.execute("worker", { id: "t1", task: "x" })).toMatchObject({ output: 1 });
  });
});
