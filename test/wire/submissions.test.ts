// Durable submits of a plain client: published to the queue's subject, acknowledged by JetStream, done by whoever is there.
import { describe, expect, it, vi } from "vitest";
import { defineAgent } from "fettle";
import { queuedTask, readQueuedTask, taskIdOfQueued } from "#src/core/queued-task";
import { serverForTests } from "../fabric/nats/mesh-server.ts";
import { headersOf, openDesk, resultOf } from "./desk.ts";

const server = serverForTests();

function echoAgent() {
  const done: string[] = [];
  const agent = defineAgent({
    role: "echo",
    capabilities: ["repeat"],
    handle: (message) => {
      if (message.type !== "task") return null;
      done.push(message.id);
      return { said: message.task, ...message.context };
    },
  });
  return { agent, done };
}

describe("a task that is submitted", () => {
  it("as plain text is done under the id that JetStream knows it by, once", async () => {
    const { agent, done } = echoAgent();
    await using desk = await openDesk(server.get(), [agent]);
    const js = desk.client.jetstream();
    const subject = `fettle.${desk.name}.queue.task.echo`;
    const ack = await js.publish(subject, "hello", { msgID: "first" });
    expect(ack).toMatchObject({ stream: `fettle-${desk.name}-queue`, duplicate: false });
    expect(await js.publish(subject, "hello", { msgID: "first" })).toMatchObject({ duplicate: true });
    const result = await resultOf(desk, "first");
    expect(result).toMatchObject({
      status: "success",
      taskId: "first",
      role: "echo",
      output: { said: "hello" },
    });
    expect(done).toEqual(["first"]);
  });

  it("as JSON may have its id and data there, and a second time is not done again", async () => {
    const { agent, done } = echoAgent();
    await using desk = await openDesk(server.get(), [agent]);
    const js = desk.client.jetstream();
    const subject = `fettle.${desk.name}.queue.task.echo`;
    const task = JSON.stringify({ id: "second", task: "sum", context: { a: 1 } });
    await js.publish(subject, task);
    expect(await resultOf(desk, "second")).toMatchObject({ output: { said: "sum", a: 1 } });
    await js.publish(subject, task);
    await js.publish(subject, JSON.stringify({ id: "third", task: "last" }));
    await resultOf(desk, "third");
    expect(done).toEqual(["second", "third"]);
    // A client that asks for it under its id has the result of the submission.
    const answer = await desk.ask("echo", task);
    expect(JSON.parse(answer.string())).toMatchObject({ output: { said: "sum", a: 1 } });
  });

  it("before its agent is there waits for it", async () => {
    const { agent } = echoAgent();
    const other = defineAgent({ role: "other", capabilities: ["x"], handle: () => 1 });
    await using desk = await openDesk(server.get(), [other]);
    await desk.mesh.execute("other", "begin");
    await desk.client.jetstream().publish(`fettle.${desk.name}.queue.task.echo`, "early", { msgID: "early" });
    await desk.mesh.spawn(agent);
    expect(await resultOf(desk, "early")).toMatchObject({ status: "success", output: { said: "early" } });
  });

  it("with a deadline is cancelled then, and not begun once it is over", async () => {
    const begun: string[] = [];
    const stopped: unknown[] = [];
    const agent = defineAgent({
      role: "patient",
      capabilities: ["x"],
      handle: (message, { signal }) => {
        if (message.type !== "task") return null;
        begun.push(message.id);
        return new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            stopped.push(message.id);
            reject(signal.reason as Error);
          });
        });
      },
    });
    await using desk = await openDesk(server.get(), [agent]);
    const submit = (id: string, deadline: string) =>
      desk.client.jetstream().publish(`fettle.${desk.name}.queue.task.patient`, "Wait.", {
        msgID: id,
        headers: headersOf({ "fettle-deadline": deadline }),
      });
    await submit("late", "2026-01-31T12:00:00Z");
    expect(await resultOf(desk, "late")).toMatchObject({
      status: "cancelled",
      error: { message: "The task's deadline, 2026-01-31T12:00:00.000Z, is over.", category: "cancelled" },
    });
    await submit("soon", "+1500");
    expect(await resultOf(desk, "soon")).toMatchObject({
      status: "cancelled",
      error: { message: expect.stringContaining("deadline") as string },
    });
    expect(begun).toEqual(["soon"]);
    expect(stopped).toEqual(["soon"]);
    await submit("bad", "tomorrow");
    await vi.waitFor(async () => {
      const [letter] = await desk.mesh.fabric.queue.dead(`${desk.name}.task.patient`);
      expect(letter?.reason).toContain('The header Fettle-Deadline is "tomorrow"');
    });
  });

  it("names its trace and its id in its headers", async () => {
    const { agent } = echoAgent();
    await using desk = await openDesk(server.get(), [agent]);
    const traces: (string | undefined)[] = [];
    desk.client.subscribe(`fettle.${desk.name}.event.traced`, {
      callback: (_, message) => traces.push(message.json<{ readonly trace?: string }>().trace),
    });
    await desk.client.flush();
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const subject = `fettle.${desk.name}.queue.task.echo`;
    const headers = headersOf({ traceparent, "Fettle-Task-Id": "traced" });
    await desk.client.jetstream().publish(subject, "hello", { headers });
    expect(await resultOf(desk, "traced")).toMatchObject({ status: "success" });
    const journal = await desk.mesh.view.tasks.read("traced");
    expect(journal[0]).toMatchObject({ type: "accepted", trace: traceparent });
    await vi.waitFor(() => {
      expect(traces.at(-1)).toBe(traceparent);
    });
  });

  it("and is no task becomes a dead letter that says why", async () => {
    const { agent, done } = echoAgent();
    await using desk = await openDesk(server.get(), [agent]);
    const js = desk.client.jetstream();
    const subject = `fettle.${desk.name}.queue.task.echo`;
    await js.publish(subject, '{"task": 7}', { msgID: "bad-1" });
    await js.publish(subject, "x", { msgID: "no.task.id" });
    await js.publish(subject, "fine", { msgID: "taken" });
    await resultOf(desk, "taken");
    await js.publish(subject, JSON.stringify({ id: "taken", task: "another" }));
    await js.publish(subject, "last", { msgID: "last" });
    await resultOf(desk, "last");
    const letters = await desk.mesh.fabric.queue.dead(`${desk.name}.task.echo`);
    expect(letters.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/no task \(task: /),
      expect.stringMatching(/id "no.task.id" is not valid/),
      expect.stringMatching(/"taken" is taken/),
    ]);
    expect(done).toEqual(["taken", "last"]);
  });
});

describe("a message of a role's queue", () => {
  it("that names a task is never taken for one that is submitted, nor the other way round", () => {
    const clients = { hasClients: true };
    expect(readQueuedTask(queuedTask("t1"), clients)).toEqual({ type: "accepted", taskId: "t1" });
    expect(readQueuedTask("t1", clients)).toEqual({ type: "submitted", task: { task: "t1" } });
    expect(readQueuedTask('{"task":"x","id":"t1"}', clients)).toEqual({
      type: "submitted",
      task: { task: "x", id: "t1" },
    });
    expect(() => readQueuedTask('{"v":1,"accepted":"not a name"}', clients)).toThrow(/no task's id/);
  });

  it("of an earlier version, a mere name, is read where no client can be", () => {
    expect(readQueuedTask("t1", { hasClients: false })).toEqual({ type: "accepted", taskId: "t1" });
  });

  it("is called in lists by the task that it names", () => {
    expect(taskIdOfQueued({ id: "m", payload: "t1" })).toBe("t1");
    expect(taskIdOfQueued({ id: "m", payload: queuedTask("t2") })).toBe("t2");
    expect(taskIdOfQueued({ id: "m", payload: '{"task":"x","id":"t3"}' })).toBe("t3");
    expect(taskIdOfQueued({ id: "m", payload: "plain text" })).toBe("m");
    expect(taskIdOfQueued({ id: "m", payload: "{broken" })).toBe("m");
  });
});
