// What somebody hears who is given a task that another in this process is at work on already.
import { describe, expect, it } from "vitest";
import type { TaskResult } from "fettle";
import { HeldTask } from "#actors/held-task";

const held = () => {
  const one = new HeldTask({ taskId: "t1", role: "coder" } as never, false);
  one.hold();
  return one;
};

describe("a task that is given out twice", () => {
  it("is left both times where the work on it is left, which has no result in this process", async () => {
    const one = held();
    const { outcome } = one;
    one.release();
    expect(await outcome).toBeNull();
    expect(one.isTaken).toBe(false);
  });

  it("has one result where it ends", async () => {
    const one = held();
    const { outcome } = one;
    const result = { taskId: "t1", status: "success" } as unknown as TaskResult;
    one.settle(result);
    one.release();
    expect(await outcome).toBe(result);
  });
});
