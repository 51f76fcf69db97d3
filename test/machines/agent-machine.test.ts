import { describe, expect, it, vi } from "vitest";
import { createActor, fromPromise, SimulatedClock, type SnapshotFrom } from "xstate";
import { agentMachine, type Crash } from "#machines/agent-machine";
const supervision = { maxRestarts: 2, withinMs: 10_000, backoffMs: 100, maxBackoffMs: 1000 };
/** An actor's chart whose mail handler the test ends by hand. */
function start() {
  const clock = new SimulatedClock();
  const serving: ((crash: Crash | null) => void)[] = [];
  const prepare = vi.fn(async (): Promise<Crash | null> => null);
  const seen = { held: 0, unheld: 0, closed: 0, reported: 0, announced: 0 };
  const cancelTasks = vi.fn<(reason: string | undefined) => void>();
  const actor = createActor(
    agentMachine.provide({
      actors: {
        prepare: fromPromise(prepare),
        serve: fromPromise(() => new Promise<Crash | null>((resolve) => serving.push(resolve))),
      },
      actions: {
        cancelTasks: (_, reason) => cancelTasks(reason),
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
  return { actor, clock, reach, crash, seen, prepare, cancelTasks, serving };
}

describe("the agent chart", () => {
  it("prepares itself before it serves", async () => {
    const { actor, reach, seen } = start();
    expect(actor.getSnapshot().value).toBe("preparing");
    expect(seen.held).toBe(1);
    await reach((snapshot) => snapshot.matches({ serving: "accepting" }));
    expect(seen.unheld).toBe(1);
  });

  it("counts the tasks that run beside it", async () => {
    const { actor, reach } = start();
    await reach((snapshot) => snapshot.matches("serving"));
    actor.send({ type: "taskStarted" });
    actor.send({ type: "taskStarted" });
    actor.send({ type: "taskEnded" });
    expect(actor.getSnapshot().context.tasks).toBe(1);
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
    const { actor, reach, cancelTasks, seen } = start();
    await reach((snapshot) => snapshot.matches("serving"));
    actor.send({ type: "taskStarted" });
    actor.send({ type: "drain" });
    expect(seen.closed).toBe(1);
    await reach((snapshot) => snapshot.matches("finishing"));
    expect(cancelTasks).not.toHaveBeenCalled();
    actor.send({ type: "taskEnded" });
    await reach((snapshot) => snapshot.matches("stopped"));
    expect(actor.getSnapshot().status).toBe("done");
  });

  it("stops: cancels its tasks and waits until each has stored its end", async () => {
    const { actor, reach, cancelTasks } = start();
    await reach((snapshot) => snapshot.matches("serving"));
    actor.send({ type: "taskStarted" });
    actor.send({ type: "stop", reason: "enough" });
    expect(cancelTasks).toHaveBeenCalledExactlyOnceWith("enough");
    expect(actor.getSnapshot().value).toBe("stopping");
    actor.send({ type: "taskEnded" });
    await reach((snapshot) => snapshot.matches("stopped"));
  });

  it("restarts after a crash with a longer wait each time, its tasks untouched", async () => {
    const { actor, clock, crash, reach, seen, prepare } = start();
    await reach((snapshot) => snapshot.matches("serving"));
    actor.send({ type: "taskStarted" });
    crash(0);
    await reach((snapshot) => snapshot.matches("backingOff"));
    expect(actor.getSnapshot().context.tasks).toBe(1);
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
    expect(actor.getSnapshot().context).toMatchObject({ restarts: 2, tasks: 1 });
    expect(seen).toMatchObject({ reported: 2, announced: 0 });
  });

  it("stops and announces it after too many crashes within the window", async () => {
    const { actor, clock, crash, reach, seen, cancelTasks } = start();
    for (const at of [0, 100, 200]) {
      await reach((snapshot) => snapshot.matches("serving"));
      crash(at);
      await reach((snapshot) => !snapshot.matches("serving"));
      clock.increment(1000);
    }
    await reach((snapshot) => snapshot.matches("stopped"));
    expect(seen).toMatchObject({ reported: 2, announced: 1 });
    expect(cancelTasks).toHaveBeenCalledExactlyOnceWith('The actor "clerk.1" stopped: it crashed too often.');
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
