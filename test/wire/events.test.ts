// What clients hear of tasks and workflows while they run, and where they find what came of them.
import { afterAll, describe, expect, it } from "vitest";
import type { Subscription } from "nats";
import { defineAgent } from "fettle";
import { createSandbox } from "fettle/sandbox";
import { queuedTask } from "#src/core/queued-task";
import { serverForTests } from "../fabric/nats/mesh-server.ts";
import { openDesk, resultOf, type Desk } from "./desk.ts";

const sandbox = createSandbox();
afterAll(() => sandbox.close());
const server = serverForTests();

const coder = defineAgent({ role: "coder", capabilities: ["code"], systemPrompt: "Compute." });
const echo = defineAgent({
  role: "echo",
  capabilities: ["repeat"],
  handle: (message) => (message.type === "task" ? message.task : null),
});

type Told = Record<string, unknown> & { readonly type: string; readonly subject: string };

/** Hears all events of a mesh until one fits. */
async function hear(
  desk: Desk,
): Promise<{ until(last: (event: Told) => boolean): Promise<readonly Told[]> }> {
  const subscription: Subscription = desk.client.subscribe(`fettle.${desk.name}.event.*`);
  await desk.client.flush();
  return {
    until: async (last) => {
      const heard: Told[] = [];
      for await (const message of subscription) {
        const event = {
          ...(JSON.parse(message.string()) as Told),
          subject: message.subject.split(".").at(-1) ?? "",
        };
        heard.push(event);
        if (last(event)) break;
      }
      return heard;
    },
  };
}

describe("a task's events", () => {
  it("are told on its subject, its end last and once its result is there to be read", async () => {
    const model = ["```js\nconsole.log('hm'); result = missing\n```", "```js\nresult = 42\n```"];
    await using desk = await openDesk(server.get(), [coder], { model, sandbox });
    const heard = await hear(desk);
    const results = await desk.client.jetstream().views.kv(`fettle-${desk.name}-results`, { bindOnly: true });
    const asked = desk.mesh.execute("coder", { id: "t1", task: "Answer" });
    const events = await heard.until(({ type }) => type === "finished");
    const stored = (await results.get("t1"))?.json();
    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set(["state", "text", "code", "console", "error", "finished"]),
    );
    for (const event of events)
      expect(event).toMatchObject({ v: 1, taskId: "t1", role: "coder", node: "test", subject: "t1" });
    expect(events.at(-1)).toMatchObject({ status: "success", output: 42, error: null });
    expect(stored).toMatchObject({ taskId: "t1", status: "success", output: 42, repairs: 1 });
    expect(stored).toMatchObject({ resultId: (await asked).resultId });
  });

  it("carry the trace of the client that asked for it, whoever does it", async () => {
    await using desk = await openDesk(server.get(), [echo]);
    const heard = await hear(desk);
    const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await desk.ask("echo", "hello", { traceparent: trace });
    const events = await heard.until(({ type }) => type === "finished");
    expect(events.length).toBeGreaterThan(1);
    for (const event of events) expect(event).toMatchObject({ trace });
    const next = await hear(desk);
    await desk.ask("echo", "hello", { traceparent: "00-nonsense" });
    const untraced = await next.until(({ type }) => type === "finished");
    for (const event of untraced) expect(event).not.toHaveProperty("trace");
  });

  it("of a workflow's step are told on the workflow's subject too, beside the workflow's own", async () => {
    await using desk = await openDesk(server.get(), [echo]);
    const heard = await hear(desk);
    const steps = [
      { id: "one", agent: "echo", task: "first" },
      { id: "two", agent: "echo", task: "second", dependsOn: ["one"] },
    ];
    await desk.mesh.workflow("w1", steps);
    const events = await heard.until(({ type }) => type === "workflow-finished");
    const ofWorkflow = events.filter(({ subject }) => subject === "w1").map(({ type }) => type);
    expect(ofWorkflow).toEqual(
      expect.arrayContaining(["workflow-started", "step-started", "state", "step-finished"]),
    );
    expect(ofWorkflow.filter((type) => type === "finished")).toHaveLength(2);
    const ofTask = events.filter(({ subject }) => subject === "w1-one");
    expect(ofTask.at(-1)).toMatchObject({ type: "finished", workflowId: "w1", output: "first" });
    expect(ofTask.every(({ taskId }) => taskId === "w1-one")).toBe(true);
  });
});

describe("a task's result", () => {
  it("that is too large for a key says where it is", async () => {
    const big = defineAgent({ role: "big", capabilities: ["size"], handle: () => "x".repeat(2_000_000) });
    await using desk = await openDesk(server.get(), [big]);
    await desk.mesh.execute("big", { id: "large", task: "much" });
    const stored = await resultOf(desk, "large");
    expect(stored).toMatchObject({
      status: "success",
      output: null,
      elsewhere: { blob: expect.any(String) as string },
    });
    const { blob } = stored["elsewhere"] as { readonly blob: string };
    expect((await desk.mesh.fabric.blobs.read(blob))?.length).toBeGreaterThan(2_000_000);
  });

  it("whose process died before it could be posted is posted by whoever draws the task next", async () => {
    await using desk = await openDesk(server.get(), [echo]);
    await desk.mesh.execute("echo", { id: "gone", task: "hello" });
    const { keyValue, queue } = desk.mesh.fabric;
    await keyValue.delete("results", "gone");
    await queue.publish(`${desk.name}.task.echo`, queuedTask("gone"));
    expect(await resultOf(desk, "gone")).toMatchObject({ output: "hello" });
  });

  it("of a task that was cancelled while it waited is posted as well", async () => {
    await using desk = await openDesk(server.get(), [echo]);
    desk.mesh.pause("echo");
    const asked = desk.mesh.execute("echo", { id: "never", task: "hello" });
    await desk.mesh.cancel("never");
    expect((await asked).status).toBe("cancelled");
    desk.mesh.resume("echo");
    expect(await resultOf(desk, "never")).toMatchObject({ status: "cancelled" });
  });
});
