// The texts that nodes of version 1 write, kept as they were written: this version, and each later one that is said to
// work beside them, must go on reading them as here. A file is never changed; a new form gets a new one.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createMemoryFabric } from "fettle";
import { TestClock } from "fettle/testing";
import { serveCancels } from "#actors/cancel-line";
import type { ActorParts } from "#actors/parts";
import { Approvals } from "#src/approvals";
import { bodyOf, openAnswer, openBatch, openEnvelope, openOutcomes } from "#src/core/envelope";
import { readEntries } from "#src/core/journal";
import { silentLog } from "#src/core/log";
import { agentQuestion, pauseWish, statusAnswer, statusQuestion } from "#src/core/node-status";
import { readQueuedTask } from "#src/core/queued-task";
import { createSubjects } from "#src/core/subjects";
import { readTaskRequest } from "#src/core/task-request";
import { Leases } from "#src/lease";
import { Presence, type NodeRecord } from "#src/presence";
import { RoleBook } from "#src/role-book";
import {
  answerSchema,
  headSchema,
  offerSchema,
  toCallerSchema,
  toNodeSchema,
} from "#src/sandbox/remote/wire";
import { openTaskEvent } from "#src/told-event";
import { unfinishedWorkflow } from "#src/workflow-record";

function written(form: string): string {
  const file = new URL(`wire-format/v1/${form}.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { text: string }).text;
}

const body = { at: new Date(5), list: [1n] };

describe("what nodes of version 1 say to each other is read", () => {
  it("as messages, one or several", () => {
    const envelope = openEnvelope(written("envelope"));
    expect(envelope).toMatchObject({ id: "m1", type: "ask", from: "chief.a1b2-1" });
    expect(bodyOf(envelope)).toEqual(body);
    const [first, second] = openBatch(written("batch"));
    expect(first).toEqual(envelope);
    expect(second).toMatchObject({ id: "m2", type: "send", from: null });
  });

  it("as answers", () => {
    expect(openAnswer(written("answer"))).toEqual({ at: new Date(5) });
    expect(() => openAnswer(written("answer-error"))).toThrow("its mailbox is full");
    expect(openOutcomes(written("outcomes"), 2)).toMatchObject([null, { code: "MAILBOX_FULL" }]);
  });

  it("as events of tasks", () => {
    expect(openTaskEvent(written("told-event"))).toEqual({
      node: "n1",
      event: { type: "state", taskId: "t1", role: "worker", state: "executing" },
    });
    expect(openTaskEvent(written("told-end"))).toEqual({ node: "n1", event: null });
  });

  it("as wishes to cancel", async () => {
    const fabric = createMemoryFabric();
    const parts = { peers: {}, node: "n1", fabric, subjects: createSubjects("m") } as unknown as ActorParts;
    const heard: string[] = [];
    serveCancels(parts, (taskId, reason) => heard.push(`${taskId} ${reason}`) > 0);
    const subject = createSubjects("m").node("n1", "cancel");
    const answer = await fabric.messages.request(subject, written("cancel-wish"), { timeoutMs: 5_000 });
    expect(heard).toEqual(["t1 no more"]);
    expect(JSON.parse(answer)).toEqual(JSON.parse(written("cancel-answer")));
  });

  it.each([
    ["what a node is asked of itself", "status-question", statusQuestion],
    ["what it answers", "status-answer", statusAnswer],
    ["wishes to pause", "pause-wish", pauseWish],
    ["questions about agents", "agent-question", agentQuestion],
  ])("as %s", (_, name, form) => {
    expect(form.read(written(name))).toEqual(JSON.parse(written(name)));
  });

  it.each([
    ["offers of runs", "sandbox-offer", offerSchema],
    ["answers to them", "sandbox-answers", z.array(answerSchema)],
    ["heads of frames", "sandbox-heads", z.array(headSchema)],
    ["what is said to a sandbox node", "sandbox-to-node", z.array(toNodeSchema)],
    ["what a sandbox node says", "sandbox-to-caller", z.array(toCallerSchema)],
  ])("as %s", (_, form, schema) => {
    const json: unknown = JSON.parse(written(form));
    expect(schema.parse(json)).toEqual(json);
  });
});

describe("what nodes of version 1 keep is read", () => {
  const { keyValue, ledger } = createMemoryFabric();

  it("as tasks in queues", () => {
    expect(readQueuedTask(written("queued-task"), { hasClients: true })).toEqual({
      type: "accepted",
      taskId: "t1",
    });
    expect(readTaskRequest(written("task-request"))).toMatchObject({
      id: "t1",
      task: "Add.",
      context: { a: 1 },
      profile: "coder",
      budget: { modelCalls: 3 },
    });
  });

  it("as journals and records of workflows", async () => {
    const entries = readEntries(written("journal"), "m.task.t1");
    expect(entries.map(({ type }) => type)).toEqual(["accepted", "claimed", "model-asked", "left"]);
    expect(entries[0]).toMatchObject({ taskId: "t1", context: { since: new Date(5) } });
    await ledger.append("workflow.w1", written("workflow"), 0);
    expect(await unfinishedWorkflow(ledger, "w1")).toMatchObject({
      id: "w1",
      context: { since: new Date(5) },
      steps: [{ id: "a", agent: "worker", task: "Add." }],
    });
  });

  it("as nodes and their roles", async () => {
    await keyValue.put("presence", "n1", written("presence"), { ttlMs: 6_000 });
    await keyValue.put("roles", "worker", written("role"));
    const seen: NodeRecord[] = [];
    await using presence = new Presence(keyValue, {
      node: "n2",
      version: "0.1.0",
      clock: new TestClock(),
      log: silentLog,
      actors: () => [],
      listener: { seen: (record) => seen.push(record), gone: () => undefined },
    });
    await presence.open();
    expect(seen).toMatchObject([{ node: "n1", actors: [{ address: "worker.a1b2-1", role: "worker" }] }]);
    expect(await new RoleBook(keyValue).find("worker")).toMatchObject({ role: "worker", contextBytes: 100 });
  });

  it("as leases and approvals", async () => {
    await keyValue.put("leases", "m.workflow.w1", written("lease"), { ttlMs: 9_000 });
    const isGone = () => false;
    const clock = new TestClock();
    const leases = new Leases(keyValue, { scope: "m.workflow", node: "n2", isGone, clock, log: silentLog });
    expect(await leases.holder("w1")).toBe("n1");
    await keyValue.put("approvals", "m.t1-a1", written("approval"));
    const approvals = new Approvals(keyValue, { subjects: createSubjects("m") });
    expect(await approvals.find("t1-a1")).toMatchObject({ status: "approved", by: "ann", taskId: "t1" });
  });
});
