// The time of a step's task stands still while a person is waited for, whichever process works on the task.
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { defineAgent, defineTool } from "fettle";
import { createSandbox } from "fettle/sandbox";
import { createMemoryFabric, TestClock, TestMesh } from "fettle/testing";
import { approvalWait } from "#src/approval-wait";
import { defer } from "#src/core/deferred";
import { writeEntries, type JournalEntry } from "#src/core/journal";

const sandbox = createSandbox({ isolates: 1 });
afterAll(() => sandbox.close());

const DAY_MS = 86_400_000;
const TIMEOUT_MS = 5_000;

/** A mesh whose one step's task waits for a person, then calls a tool that returns or hangs. */
async function start(work: () => Promise<string>) {
  const clock = new TestClock();
  const called = defer<undefined>();
  const tool = defineTool({
    description: "Works.",
    input: z.object({}),
    execute: () => {
      called.resolve(undefined);
      return work();
    },
  });
  const agent = defineAgent({
    role: "coder",
    capabilities: ["x"],
    systemPrompt: "x",
    approval: "code",
    tools: { work: tool },
    limits: { taskMs: DAY_MS * 20 },
  });
  const model = () => "result = await tools.work({})";
  const mesh = await new TestMesh({ clock, sandbox, model }).add(agent).start();
  const asked = defer<string>();
  mesh.subscribe((event) => event.type === "approval" && asked.resolve(event.approvalId));
  const result = mesh.workflow("w", [{ id: "a", agent: "coder", task: "work", timeoutMs: TIMEOUT_MS }]);
  return { clock, mesh, result, asked: asked.promise, called: called.promise };
}

/** Moves time on step by step, and lets what that began come to its end. */
async function pass(clock: TestClock, ms: number, steps = 10): Promise<void> {
  for (let step = 0; step < steps; step += 1) {
    clock.advance(ms / steps);
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
  }
}

describe("the time of a step's task", () => {
  it("stands still while a person is waited for, for days if need be", async () => {
    const { clock, mesh, result, asked } = await start(async () => "done");
    const approvalId = await asked;
    await pass(clock, 3 * DAY_MS);
    await mesh.approve(approvalId);
    expect(await result).toMatchObject({ status: "success", outputs: { a: "done" } });
    await mesh.stop();
  });

  it("goes on after the approval with what was left of it, and then stops the task", async () => {
    const { clock, mesh, result, asked, called } = await start(() => new Promise(() => undefined));
    await pass(clock, 0);
    const approvalId = await asked;
    await pass(clock, DAY_MS);
    await mesh.approve(approvalId);
    await called;
    let isOver = false;
    void result.then(() => (isOver = true));
    while (!isOver) await pass(clock, TIMEOUT_MS / 5, 1);
    const { status, failures } = await result;
    expect(status).toBe("failure");
    expect(failures[0]?.error.message).toMatch(/^Step "a" did not end within 5 s/);
    await mesh.stop();
  });
});

describe("the wait for a person", () => {
  const asked = (at: number): JournalEntry =>
    ({
      at,
      type: "approval-asked",
      approvalId: `t-a${at}`,
      subject: { type: "code", code: "" },
    }) as JournalEntry;
  const answered = (at: number): JournalEntry => ({
    at,
    type: "approval-answered",
    approvalId: "t-a",
    decision: "approved",
    by: null,
    note: null,
  });

  it.each<[string, readonly JournalEntry[], object]>([
    [
      "nothing where nothing was asked",
      [{ at: 1, type: "handler-started" }],
      { waitedMs: 0, isWaiting: false },
    ],
    [
      "all its approvals together",
      [asked(20), answered(25), asked(40), answered(70)],
      { waitedMs: 35, isWaiting: false },
    ],
    ["one that is not answered", [asked(20), answered(25), asked(80)], { waitedMs: 25, isWaiting: true }],
    ["only what lies in the time", [asked(2), answered(14)], { waitedMs: 4, isWaiting: false }],
    ["not what lies before it", [asked(2), answered(5)], { waitedMs: 0, isWaiting: false }],
  ])("is %s", async (_, entries, wait) => {
    const { ledger } = createMemoryFabric();
    await ledger.append("m.task.t", writeEntries(entries), 0);
    expect(await approvalWait(ledger, "m.task.t", { from: 10, to: 100 })).toEqual(wait);
  });
});
