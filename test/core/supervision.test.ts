import { describe, expect, it } from "vitest";
import { backoffOf, DEFAULT_SUPERVISION, mayRestart, recentCrashes } from "#src/core/supervision";

const supervision = { maxRestarts: 2, withinMs: 1000, backoffMs: 100, maxBackoffMs: 350 };

describe("supervision", () => {
  it("counts only the crashes within the window", () => {
    expect(recentCrashes([0, 500, 900], 1200, supervision)).toEqual([500, 900, 1200]);
  });

  it("allows as many restarts within the window as it says", () => {
    expect(mayRestart([1, 2], supervision)).toBe(true);
    expect(mayRestart([1, 2, 3], supervision)).toBe(false);
    expect(mayRestart([1], { ...supervision, maxRestarts: 0 })).toBe(false);
  });

  it("waits twice as long before each further restart, up to its bound", () => {
    const crashes = [1, 2, 3, 4];
    const waits = crashes.map((_, i) => backoffOf(crashes.slice(0, i + 1), supervision));
    expect(waits).toEqual([100, 200, 350, 350]);
  });

  it("has defaults that a busy actor survives and a broken one does not", () => {
    expect(mayRestart(Array<number>(6).fill(0), DEFAULT_SUPERVISION)).toBe(false);
    expect(mayRestart(Array<number>(5).fill(0), DEFAULT_SUPERVISION)).toBe(true);
  });
});
