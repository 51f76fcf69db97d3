// Two meshes of one name on one fabric, in one process: who works on a workflow, who waits, and who leaves it alone.
import { describe, expect, it } from "vitest";
import { defineAgent, type Fabric, type WorkflowStep } from "fettle";
import { createMemoryFabric, TestMesh } from "fettle/testing";
import { defer } from "#src/core/deferred";

const FLOW: readonly WorkflowStep[] = [
  { id: "first", agent: "worker", task: "first" },
  { id: "last", agent: "worker", task: "last", dependsOn: ["first"] },
];
const LEASE = "test.workflow.w";

/** A worker that says when its first task begins, and waits with it until it may go on. */
function makeWorker() {
  const begun = defer<undefined>();
  const open = defer<undefined>();
  const ids: string[] = [];
  const agent = defineAgent({
    role: "worker",
    capabilities: ["x"],
    handle: async (message, { signal }) => {
      if (message.type !== "task") return null;
      ids.push(message.id);
      begun.resolve(undefined);
      const aborted = new Promise<never>((_, reject) =>
        signal.addEventListener("abort", () => reject(new Error("aborted"))),
      );
      await Promise.race([open.promise, aborted]);
      return message.task;
    },
  });
  return { agent, ids, begun: begun.promise, open: () => open.resolve(undefined) };
}

/** A mesh with a worker, and one beside it on the same fabric. */
async function startTwo() {
  const fabric = createMemoryFabric();
  const worker = makeWorker();
  const start = () => new TestMesh({ fabric }).add(worker.agent).start();
  return { fabric, worker, owner: await start(), other: await start() };
}

/** A fabric whose queues give this mesh nothing, as if others were always faster. */
function givingNothing(fabric: Fabric): Fabric {
  const { queue } = fabric;
  return {
    ...fabric,
    queue: {
      publish: (name, payload, options) => queue.publish(name, payload, options),
      consume: async () => ({
        take: (signal) =>
          new Promise((resolve) => signal?.addEventListener("abort", () => resolve(null), { once: true })),
        close: async () => undefined,
      }),
      size: (name) => queue.size(name),
      dead: (name) => queue.dead(name),
      bury: (name, id) => queue.bury(name, id),
    },
  };
}

describe("a mesh beside the one that works on a workflow", () => {
  it("leaves it alone when it is stopped with cancel, and tells who waits that it was left", async () => {
    const { worker, owner, other } = await startTwo();
    const result = owner.workflow("w", FLOW);
    await worker.begun;
    const joined = other.workflow("w", FLOW).catch((thrown: unknown) => thrown);
    await other.stop({ mode: "cancel" });
    expect(await joined).toMatchObject({ code: "MESH_STATE" });
    worker.open();
    expect(await result).toMatchObject({ status: "success", outputs: { first: "first", last: "last" } });
    await owner.stop();
  });

  it("cannot cancel it where functions decide on its steps and it does not have them, and says who has it", async () => {
    const { worker, owner, other } = await startTwo();
    const flow = [{ id: "first", agent: "worker", task: "first", when: () => true }];
    const result = owner.workflow("w", flow);
    await worker.begun;
    await expect(other.cancelWorkflow("w")).rejects.toMatchObject({
      code: "OWNERSHIP_LOST",
      message: expect.stringContaining('the process "test" works on it') as string,
    });
    const controller = new AbortController();
    const joined = other.workflow("w", flow, { signal: controller.signal });
    controller.abort();
    expect(await joined).toMatchObject({ status: "cancelled" });
    expect(await result).toMatchObject({ status: "cancelled" });
    await Promise.all([owner.stop(), other.stop()]);
  });

  it("goes on with it once the lease ends, and the former owner gives its result", async () => {
    const { fabric, worker, owner, other } = await startTwo();
    const result = owner.workflow("w", FLOW);
    await worker.begun;
    const finished = defer<undefined>();
    other.subscribe((event) => {
      if (event.type === "workflow-started") finished.resolve(undefined);
    });
    const joined = other.workflow("w", FLOW);
    while ((await fabric.ledger.last("test.workflow.w")) === null) await new Promise(setImmediate);
    await fabric.keyValue.delete("leases", LEASE);
    await finished.promise;
    worker.open();
    const [first, second] = await Promise.all([result, joined]);
    expect(first).toMatchObject({ status: "success", outputs: { first: "first", last: "last" } });
    expect(second.outputs).toEqual(first.outputs);
    expect(worker.ids).toEqual(["w-first", "w-last"]);
    const entries = await fabric.ledger.read("test.workflow.w");
    // The definition, two tasks, two steps and the end, each once.
    expect(entries).toHaveLength(6);
    await Promise.all([owner.stop(), other.stop()]);
  });

  it("does not wait at its stop for tasks that the other works on, of a workflow that nobody here asked for", async () => {
    const fabric = createMemoryFabric();
    const [here, there] = [makeWorker(), makeWorker()];
    const asking = await new TestMesh({ fabric: givingNothing(fabric) }).add(here.agent).start();
    const asked = asking.workflow("w", FLOW).catch((thrown: unknown) => thrown);
    while ((await fabric.queue.size("test.task.worker")).waiting === 0) await new Promise(setImmediate);
    await asking.stop({ mode: "suspend" });
    expect(await asked).toMatchObject({ code: "MESH_STATE" });

    const resuming = await new TestMesh({ fabric: givingNothing(fabric) }).add(here.agent).start();
    const working = await new TestMesh({ fabric }).add(there.agent).start();
    await there.begun;
    expect(await fabric.keyValue.keys("leases")).toEqual([LEASE]);
    await resuming.stop();
    // What it left is gone on with by the other, which had waited for it.
    there.open();
    expect(await working.workflow("w", FLOW)).toMatchObject({ status: "success" });
    expect(there.ids).toEqual(["w-first", "w-last"]);
    await working.stop();
  });
});
