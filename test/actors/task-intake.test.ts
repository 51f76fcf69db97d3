// Taking tasks from a queue that fails: what is waited for in between.
import { afterEach, describe, expect, it, vi } from "vitest";
import { createMemoryFabric, type Fabric } from "fettle";
import type { ActorParts } from "#actors/parts";
import { TaskIntake } from "#actors/task-intake";
import { silentLog } from "#src/core/log";
import { createSubjects } from "#src/core/subjects";

afterEach(() => void vi.useRealTimers());

describe("an intake whose queue fails", () => {
  it("tries again every second, and leaves no listener behind each time", async () => {
    vi.useFakeTimers();
    const added = vi.spyOn(AbortSignal.prototype, "addEventListener");
    const removed = vi.spyOn(AbortSignal.prototype, "removeEventListener");
    const { queue, ...fabric }: Fabric = createMemoryFabric();
    let tries = 0;
    const take = () => {
      tries += 1;
      return Promise.reject(new Error("out of order"));
    };
    const consume = async () => ({ take, close: async () => undefined });
    const parts = {
      fabric: { ...fabric, queue: Object.assign(Object.create(queue) as typeof queue, { consume }) },
      subjects: createSubjects("test"),
      log: silentLog,
    } as Partial<ActorParts> as ActorParts;
    const intake = new TaskIntake(parts, {
      role: "worker",
      places: () => 1,
      run: async () => null,
      fresh: async () => null,
      isStopping: () => false,
      ended: async () => undefined,
    });
    await intake.open();
    await vi.advanceTimersByTimeAsync(20_500);
    expect(tries).toBeGreaterThanOrEqual(20);
    expect(added.mock.calls.length - removed.mock.calls.length).toBeLessThanOrEqual(1);
    await intake.close();
    expect(added.mock.calls.length).toBe(removed.mock.calls.length);
    vi.restoreAllMocks();
  });
});
