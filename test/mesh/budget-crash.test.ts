// What a budget knows of a process that died: its storage is copied to another mesh, as the next process finds it.
import { afterAll, expect, it } from "vitest";
import { z } from "zod";
import { defineAgent, defineTool, type Fabric } from "fettle";
import { createSandbox } from "fettle/sandbox";
import { createMemoryFabric, createScriptedModel, TestMesh, type Script } from "fettle/testing";

const sandbox = createSandbox({ isolates: 1 });
afterAll(() => sandbox.close());

const tick = defineTool({
  description: "Ticks.",
  input: z.object({}).optional(),
  execute: () => "tick",
});
const ticking = defineAgent({
  role: "coder",
  capabilities: ["x"],
  systemPrompt: "You compute.",
  tools: { tick },
});
const ticks = (count: number) => `for (let i = 0; i < ${count}; i += 1) await tools.tick(); result = 1;`;

const start = (script: Script, fabric: Fabric) =>
  new TestMesh({ sandbox, model: createScriptedModel(script), fabric }).add(ticking).start();

it("a budget counts what a task had spent that died just before its end was recorded", async () => {
  await using fabric = createMemoryFabric();
  let dies = true;
  const append = fabric.ledger.append.bind(fabric.ledger);
  Object.assign(fabric.ledger, {
    append: (name: string, payload: string, expected: number) =>
      dies && payload.includes('"finished"')
        ? new Promise<number>(() => undefined)
        : append(name, payload, expected),
  });
  const budget = { toolCalls: 2 };
  const task = { id: "t1", task: "x", budget };
  const first = await start([ticks(3)], fabric);
  first.execute(ticking, task).catch(() => undefined);
  const spent = async () => (await first.budget({ name: "task:t1", budget })).toolCalls;
  await expect.poll(spent).toMatchObject({ spent: 2, reserved: 0 });
  const result = () => fabric.blobs.list("coder/");
  await expect.poll(result).toHaveLength(1);
  await new Promise(setImmediate);
  // As another process finds it: the first one is dead, and never told.
  dies = false;
  const journal = await fabric.ledger.read("test.task.t1");
  expect(journal.some(({ payload }) => payload.includes('"finished"'))).toBe(false);
  await using other = await copyOf(fabric);
  await using mesh = await start([], other);
  expect(await mesh.execute(ticking, task)).toMatchObject({
    status: "failure",
    error: { category: "budget" },
  });
  await expect.poll(() => other.keyValue.keys("budgets")).toEqual([]);
});

it("knows a tool call as spent whose process died between its return and its settlement", async () => {
  await using fabric = createMemoryFabric();
  let isDead = false;
  const append = fabric.ledger.append.bind(fabric.ledger);
  const update = fabric.keyValue.update.bind(fabric.keyValue);
  const never = () => new Promise<number>(() => undefined);
  Object.assign(fabric.ledger, {
    append: async (...args: Parameters<typeof append>) => {
      const sequence = isDead ? never() : append(...args);
      isDead ||= args[1].includes('"tool-returned"');
      return sequence;
    },
  });
  Object.assign(fabric.keyValue, {
    update: (...args: Parameters<typeof update>) => (isDead ? never() : update(...args)),
  });
  const task = { id: "t1", task: "x", budget: { toolCalls: 1 } };
  const first = await start([ticks(2)], fabric);
  first.execute(ticking, task).catch(() => undefined);
  await expect.poll(() => isDead).toBe(true);
  await using other = await copyOf(fabric);
  await using mesh = await start([], other);
  expect((await mesh.execute(ticking, task)).error?.message).toContain("(1 tool call spent, of 1 tool call)");
});

/** What a dead process leaves to the next. */
async function copyOf(fabric: Fabric): Promise<Fabric> {
  const copy = createMemoryFabric();
  for (const { payload } of await fabric.ledger.read("test.task.t1")) {
    const last = await copy.ledger.last("test.task.t1");
    await copy.ledger.append("test.task.t1", payload, last?.sequence ?? 0);
  }
  for (const key of await fabric.keyValue.keys("budgets")) {
    const entry = await fabric.keyValue.get("budgets", key);
    if (entry !== null) await copy.keyValue.create("budgets", key, entry.value);
  }
  await copy.queue.publish("test.task.coder", "t1", { id: "t1" });
  return copy;
}
