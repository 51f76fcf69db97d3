// The watchdog's patience: who is late because the machine is busy is not taken for one that is stuck.
import { describe, expect, it } from "vitest";
import { GRACE_MS, Overtime } from "#src/sandbox/overtime";

function burn(ms: number): void {
  const from = process.cpuUsage();
  for (;;) {
    const { user, system } = process.cpuUsage(from);
    if (user + system > ms * 1000) return;
  }
}

describe("overtime", () => {
  it("begins with the deadline and ends with the turn", () => {
    const overtime = new Overtime(false);
    expect(overtime.isOver(-5)).toBe(false);
    expect(overtime.isOver(GRACE_MS - 1)).toBe(false);
    expect(overtime.isOver(GRACE_MS)).toBe(true);
    expect(overtime.isOver(-Infinity)).toBe(false);
  });

  it("is over for a thread only when it has used the processor for that long", () => {
    const overtime = new Overtime(true);
    expect(overtime.isOver(1)).toBe(false);
    expect(overtime.isOver(GRACE_MS + 1)).toBe(false);
    burn(GRACE_MS);
    expect(overtime.isOver(GRACE_MS + 2)).toBe(true);
  });

  it("is over in any case after some seconds", () => {
    const overtime = new Overtime(true);
    expect(overtime.isOver(1)).toBe(false);
    expect(overtime.isOver(60_000)).toBe(true);
  });
});
