import { describe, expect, it, vi } from "vitest";
import { createActor, fromPromise, SimulatedClock, type SnapshotFrom } from "xstate";
import { agentMachine, type Crash } from "#machines/agent-machine";
import type { TaskMachineInput } from "#machines/task-books";
import { taskMachine } from "#machines/task-machine";
import type { Draft } from "#src/core/attempt";
import type { TaskResult } from "#src/core/task";

const supervision = { maxRestarts: 2, withinMs: 10_000, backoffMs: 100, maxBackoffMs: 1000 };
const taskInput = (taskId: string): TaskMachineInput => ({
  taskId,
  approval: "never",
  recalls: false,
  routes: false,
  profile: "coder",
  kind: "prompt",
  maxRepairs: 0,
  deadlineMs: 60_000,
});

/** An actor's chart whose mail handler and tasks the test ends by hand. */
function start() {
  const clock = new SimulatedClock();
  const serving: ((crash: Crash | null) => void)[] = [];
  const drafts = new Map<string, (error: Error) => void>();
  const prepare = vi.fn(async (): Promise<Crash | null> => null);
  const seen = { held: 0, unheld: 0, closed: 0, reported: 0, announced: 0 };
  const task = taskMachine.provide({
    actors: {
      admit: fromPromise(async () => null),
      draft: fromPromise(({ input }) => new Promise<Draft>((_, reject) => drafts.set(input.taskId, reject))),
      settle: fromPromise(async ({ input }) => input as unknown as TaskResult),
    },
  });
  const actor = createActor(
    agentMachine.provide({
      actors: {
        prepare: fromPromise(prepare),
        serve: fromPromise(() => new Promise<Crash | null>((resolve) => serving.push(resolve))),
        task,
      },
      actions: {
        hold: () => (seen.held += 1),
        unhold: () => (seen.unheld += 1),
        closeIntake: () => {
          seen.closed++;
          serving.at(-1)?.(null);
        },
        reportCrash: () => (seen.reported += 1),
        announceEnd: () => (seen.announced += 1),
      },
    }),
    { input: { address: "clerk.1", supervision }, clock },
  );
  actor.start();
  const reach = (test: (snapshot: SnapshotFrom<typeof agentMachine>) => boolean) =>
    new Promise<void>((resolve) => {
      actor.subscribe((snapshot) => test(snapshot) && resolve());
      if (test(actor.getSnapshot())) resolve();
    });
  const crash = (at: number) => serving.at(-1)?.({ at, message: "boom" });
  return { actor, clock, reach, crash, seen, prepare, drafts, serving };
}

describe("the agent chart", () => {
  it("prepares itself before it serves", async () => {
    const { actor, reach, seen } = start();
    expect(actor.getSnapshot().value).toBe("preparing");
    expect(seen.held).toBe(1);
    await reach((snapshot) => snapshot.matches({ serving: "accepting" }));
    expect(seen.unheld).toBe(1);
  });

  it("runs tasks as child actors and forgets each when it ends", async () => {
    const { actor, reach, drafts } = start();
    await reach((snapshot) => snapshot.matches("serving"));
    actor.send({ type: "task", task: taskInput("a") });
    actor.send({ type: "task", task: taskInput("b") });
    expect(Object.keys(actor.getSnapshot().children)).toEqual(expect.arrayContaining(["task-a", "task-b"]));
    await vi.waitFor(() => expect(drafts.size).toBe(2));
    drafts.get("a")?.(new Error("no model"));
    await reach(({ context }) => context.tasks.length === 1);
    expect(actor.getSnapshot().context.tasks).toEqual(["b"]);
    expect(Object.keys(actor.getSnapshot().children)).not.toContain("task-a");
  });

  it("cancels one task and leaves the others", async () => {
    const { actor, reach, drafts } = start();
    await reach((snapshot) => snapshot.matches("serving"));
    actor.send({ type: "task", task: taskInput("a") });
    actor.send({ type: "task", task: taskInput("b") });
    await vi.waitFor(() => expect(drafts.size).toBe(2));
    actor.send({ type: "cancel", taskId: "a" });
    actor.send({ type: "cancel", taskId: "unknown" });
    await reach(({ context }) => context.tasks.length === 1);
    expect(actor.getSnapshot().context.tasks).toEqual(["b"]);
  });

  it("pauses and resumes", async () => {
    const { actor, reach, seen } = start();
    await reach((snapshot) => snapshot.matches("serving"));
    actor.send({ type: "pause" });
    expect(actor.getSnapshot().value).toEqual({ serving: "paused" });
    expect(seen.held).toBe(2);
    actor.send({ type: "resume" });
    expect(actor.getSnapshot().value).toEqual({ serving: "accepting" });
  });

  it("drains: closes the intake, ends its tasks, then stops", async () => {
    const { actor, reach, drafts, seen } = start();
    await reach((snapshot) => snapshot.matches("serving"));
    actor.send({ type: "task", task: taskInput("a") });
    await vi.waitFor(() => expect(drafts.size).toBe(1));
    actor.send({ type: "drain" });
    expect(seen.closed).toBe(1);
    await reach((snapshot) => snapshot.matches("finishing"));
    drafts.get("a")?.(new Error("over"));
    await reach((snapshot) => snapshot.matches("stopped"));
    expect(actor.getSnapshot().status).toBe("done");
  });

  it("stops: cancels its tasks and waits until each has stored its end", async () => {
    const { actor, reach, drafts } = start();
    await reach((snapshot) => snapshot.matches("serving"));
    actor.send({ type: "task", task: taskInput("a") });
    await vi.waitFor(() => expect(drafts.size).toBe(1));
    actor.send({ type: "stop" });
    expect(actor.getSnapshot().value).toBe("stopping");
    await reach((snapshot) => snapshot.matches("stopped"));
  });

  it("restarts after a crash with a longer wait each time, its tasks untouched", async () => {
    const { actor, clock, crash, reach, seen, drafts, prepare } = start();
    await reach((snapshot) => snapshot.matches("serving"));
    actor.send({ type: "task", task: taskInput("a") });
    await vi.waitFor(() => expect(drafts.size).toBe(1));
    crash(0);
    await reach((snapshot) => snapshot.matches("backingOff"));
    expect(actor.getSnapshot().context.tasks).toEqual(["a"]);
    clock.increment(99);
    expect(actor.getSnapshot().value).toBe("backingOff");
    clock.increment(1);
    await reach((snapshot) => snapshot.matches("serving"));
    expect(prepare).toHaveBeenCalledTimes(2);
    crash(200);
    await reach((snapshot) => snapshot.matches("backingOff"));
    clock.increment(199);
    expect(actor.getSnapshot().value).toBe("backingOff");
    clock.increment(1);
    await reach((snapshot) => snapshot.matches("serving"));
    expect(actor.getSnapshot().context).toMatchObject({ restarts: 2, tasks: ["a"] });
    expect(seen).toMatchObject({ reported: 2, announced: 0 });
  });

  it("stops and announces it after too many crashes within the window", async () => {
    const { actor, clock, crash, reach, seen } = start();
    for (const at of [0, 100, 200]) {
      await reach((snapshot) => snapshot.matches("serving"));
      crash(at);
      await reach((snapshot) => !snapshot.matches("serving"));
      clock.increment(1000);
    }
    await reach((snapshot) => snapshot.matches("stopped"));
    expect(seen).toMatchObject({ reported: 2, announced: 1 });
    expect(actor.getSnapshot().context.lastCrash?.message).toBe("boom");
  });

  it("goes on restarting where the crashes lie further apart than the window", async () => {
    const { clock, crash, reach, seen } = start();
    for (const at of [0, 11_000, 22_000, 33_000]) {
      await reach((snapshot) => snapshot.matches("serving"));
      crash(at);
      await reach((snapshot) => snapshot.matches("backingOff"));
      clock.increment(100);
    }
    await reach((snapshot) => snapshot.matches("serving"));
    expect(seen).toMatchObject({ reported: 4, announced: 0 });
  });

  it("treats a setup that fails as a crash", async () => {
    const { prepare, reach, actor, clock, crash } = start();
    await reach((snapshot) => snapshot.matches("serving"));
    prepare.mockResolvedValueOnce({ at: 50, message: "no database" });
    crash(0);
    await reach((snapshot) => snapshot.matches("backingOff"));
    clock.increment(100);
    await reach(({ context }) => context.lastCrash?.message === "no database");
    expect(actor.getSnapshot().value).toBe("backingOff");
  });

  it("stays paused over a restart", async () => {
    const { actor, clock, crash, reach } = start();
    await reach((snapshot) => snapshot.matches("serving"));
    actor.send({ type: "pause" });
    crash(0);
    await reach((snapshot) => snapshot.matches("backingOff"));
    clock.increment(100);
    await reach((snapshot) => snapshot.matches("serving"));
    expect(actor.getSnapshot().value).toEqual({ serving: "paused" });
  });
});
