// Memory as a guest sees it: tools of a real run, which find the memory of their task.
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { declareTools } from "#src/core/declaration";
import { memoryTools, withMemory } from "#src/core/memory-tools";
import { defineTool } from "#src/core/tool";
import { createMemoryFabric } from "#src/fabric/memory/fabric";
import { createMemory } from "#src/memory";
import { createScriptedModel } from "#src/model/scripted";
import { createSandbox } from "#src/sandbox/sandbox";

const sandbox = createSandbox();
afterAll(() => sandbox.close());

function memoryOf(taskId: string, fabric = createMemoryFabric()) {
  const { keyValue, ledger, blobs } = fabric;
  return createMemory({
    keyValue,
    ledger,
    blobs,
    scope: { role: "researcher", taskId, workflowId: "w" },
    model: () => createScriptedModel([]),
    outputs: { get: () => ({ rows: [1, 2] }), keys: () => ["fetch"] },
  });
}

describe("the tools of memory", () => {
  it("let a guest note, remember, recall, look back and use earlier outputs", async () => {
    const memory = memoryOf("t1");
    await memory.episodic.append({ step: "fetch", rows: 2 });
    const code = `
      await memory.note({ key: "plan", value: new Map([["a", 1n]]) });
      await memory.remember({ key: "rates/eur", value: 1.1 });
      result = {
        notes: await memory.notes(),
        eur: await memory.recall({ key: "rates/eur" }),
        usd: await memory.recall({ key: "rates/usd" }),
        keys: [await memory.remembered(), await memory.remembered({ prefix: "x" })],
        past: (await memory.history({ last: 5 })).map(({ at, role, event }) => [at instanceof Date, role, event]),
        rows: (await memory.output({ step: "fetch" })).rows,
        unknown: await memory.output({ step: "report" }).catch((error) => error.message),
        hostile: await memory.note({ key: "../x", value: 1 }).catch((error) => error.message),
      };`;
    const run = await sandbox.execute(code, { tools: withMemory(memoryTools, memory) });
    expect(run).toMatchObject({ ok: true });
    expect(run.ok && run.value).toEqual({
      notes: { plan: new Map([["a", 1n]]) },
      eur: 1.1,
      usd: undefined,
      keys: [["rates/eur"], []],
      past: [[true, "researcher", { step: "fetch", rows: 2 }]],
      rows: [1, 2],
      unknown: expect.stringContaining("there are: fetch") as string,
      hostile: expect.stringContaining('Cannot use key "../x"') as string,
    });
    expect(await memory.longTerm.load("rates/eur")).toBe(1.1);
  });

  it("are each bound to the memory of one task, and leave the definition as it was", async () => {
    const fabric = createMemoryFabric();
    const seen = defineTool({
      description: "Tells whose memory it is given.",
      input: z.object({}),
      execute: async (_input, { memory, taskId }) => [taskId, await memory?.working.get("name")],
    });
    const tools = { ...memoryTools, seen };
    for (const taskId of ["t1", "t2"]) {
      const memory = memoryOf(taskId, fabric);
      await memory.working.set("name", taskId);
      const run = await sandbox.execute(`result = [await tools.seen({}), await memory.notes()]`, {
        tools: withMemory(tools, memory),
        taskId,
      });
      expect(run.ok && run.value).toEqual([[taskId, taskId], { name: taskId }]);
    }
    const alone = await sandbox.execute("result = await memory.notes()", { tools });
    expect(alone.ok ? "" : alone.error.message).toContain("this run belongs to no task");
  });

  it("are declared to the model with what they take and give", () => {
    const declared = declareTools(memoryTools);
    expect(declared).toContain("declare const memory: typeof tools.memory;");
    expect(declared).toContain("recall(input: { key: string }): Promise<unknown>;");
    expect(declared).toMatch(/remembered\(input\??: .*\): Promise<string\[\]>;/);
  });
});
