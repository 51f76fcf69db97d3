import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createEmbeddedFabric, defineAgent, defineTool, type Fabric } from "fettle";
import { createSandbox } from "fettle/sandbox";
import { createMemoryFabric, TestMesh } from "fettle/testing";
import { defer } from "#src/core/deferred";
import { readEntries, type JournalEntry } from "#src/core/journal";

const sandbox = createSandbox({ isolates: 1 });
const folder = await mkdtemp(join(tmpdir(), "fettle-ownership-"));
afterAll(async () => {
  await sandbox.close();
  await rm(folder, { recursive: true, force: true });
});

const code = "```js\nresult = await tools.work({})\n```";

/** A worker whose tool says when it is called and waits until it may return. */
function worker(name: string) {
  const called = defer<string>();
  const open = defer<undefined>();
  const work = defineTool({
    description: "Works.",
    input: z.object({}),
    execute: async (_, { callId }) => {
      called.resolve(callId);
      await open.promise;
      return name;
    },
  });
  const agent = defineAgent({ role: "worker", capabilities: ["x"], systemPrompt: "work", tools: { work } });
  return { agent, called: called.promise, release: () => open.resolve(undefined) };
}

async function journalOf(fabric: Fabric, taskId: string): Promise<readonly JournalEntry[]> {
  const stored = await fabric.ledger.read(`test.task.${taskId}`);
  return stored.flatMap(({ payload }) => readEntries(payload, taskId));
}

/** A fabric whose queues give one message out and then no more, as if another consumer were always faster. */
function givingOne(fabric: Fabric): Fabric {
  const { queue } = fabric;
  let isGiven = false;
  let end: Promise<null> | undefined;
  const consume: typeof queue.consume = async (name, options) => {
    const consumer = await queue.consume(name, options);
    const take: typeof consumer.take = (signal) => {
      if (!isGiven) {
        isGiven = true;
        return consumer.take(signal);
      }
      // One listener for all that wait, as the fabrics have it.
      end ??= new Promise((resolve) => {
        signal?.addEventListener("abort", () => resolve(null), { once: true });
      });
      return end;
    };
    return { take, close: () => consumer.close() };
  };
  return {
    ...fabric,
    queue: {
      publish: (name, payload, options) => queue.publish(name, payload, options),
      consume,
      size: (name) => queue.size(name),
      dead: (name) => queue.dead(name),
      bury: (name, id) => queue.bury(name, id),
    },
  };
}

const memory = createMemoryFabric();
const fabrics: readonly [string, () => Fabric][] = [
  ["the memory fabric", () => memory],
  ["two embedded fabrics on one folder", () => createEmbeddedFabric({ dataDirectory: folder })],
];

describe.each(fabrics)("a task that two meshes were given, over %s", (_, open) => {
  it("is ended by the one that took it last; the first is refused, stops, and gives that one's result", async () => {
    const [ours, theirs] = [open(), open()];
    const [first, second] = [worker("first"), worker("second")];
    let asked = 0;
    const model = () => {
      asked += 1;
      return code;
    };
    await using owner = new TestMesh({ sandbox, fabric: givingOne(ours), model }).add(first.agent);
    await owner.start();
    const running = owner.execute("worker", { id: "t1", task: "x" });
    const callId = await first.called;
    // The delivery is stolen: a second mesh is given the task while the first works on it.
    await theirs.queue.publish("test.task.worker", "t1");
    await using thief = new TestMesh({ sandbox, fabric: theirs, model }).add(second.agent);
    await thief.start();
    expect(await second.called).toBe(callId);
    const stolen = thief.execute("worker", { id: "t1", task: "x" });
    second.release();
    expect(await stolen).toMatchObject({ status: "success", output: "second" });
    first.release();
    expect(await running).toEqual(await stolen);
    const entries = await journalOf(ours, "t1");
    expect(entries.filter(({ type }) => type === "finished")).toHaveLength(1);
    expect(entries.filter(({ type }) => type === "claimed")).toHaveLength(2);
    expect(entries.filter(({ type }) => type === "tool-returned")).toHaveLength(1);
    expect(asked).toBe(1);
    await Promise.all([owner.stop(), thief.stop()]);
    await Promise.all([ours.close(), theirs.close()]);
  });
});
