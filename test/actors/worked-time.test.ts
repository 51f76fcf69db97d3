// The time that went into a task, as its journal shows it.
import { describe, expect, it } from "vitest";
import { workedMs } from "#actors/worked-time";
import type { JournalEntry } from "#src/core/journal";

/** Entries by their time in seconds; a state by its name alone. */
function journal(...steps: readonly (readonly [at: number, what: string])[]): readonly JournalEntry[] {
  const types = ["accepted", "claimed", "left", "overdue", "model-asked", "model-answered", "tool-returned"];
  types.push("approval-asked", "approval-answered", "run-started", "handler-started", "cancelled");
  return steps.map(([at, what]) => {
    const entry = types.includes(what) ? { type: what } : { type: "state", state: what };
    return { at: at * 1000, ...entry } as JournalEntry;
  });
}

const begun = [
  [0, "accepted"],
  [5, "claimed"],
  [5, "queued"],
] as const;

describe("the time that went into a task", () => {
  it("begins with its first work, and not while it waits for a place", () => {
    expect(workedMs(journal(...begun))).toBe(0);
    expect(workedMs(journal(...begun, [20, "generating"], [20, "model-asked"], [23, "model-answered"]))).toBe(
      3_000,
    );
  });

  it("leaves out what it waits for a person, over a restart too", () => {
    const asked = [...begun, [20, "generating"], [22, "awaitingApproval"], [22, "approval-asked"]] as const;
    expect(workedMs(journal(...asked))).toBe(2_000);
    const answered = [...asked, [900, "claimed"], [9_000, "approval-answered"], [9_000, "queued"]] as const;
    expect(workedMs(journal(...answered))).toBe(2_000);
    expect(workedMs(journal(...answered, [9_100, "executing"], [9_101, "run-started"]))).toBe(3_000);
  });

  it("leaves out the time between a death and the first entry after it, and keeps that until it was left", () => {
    const first = [...begun, [10, "generating"], [10, "model-asked"], [14, "model-answered"]] as const;
    expect(workedMs(journal(...first, [500, "claimed"]))).toBe(4_000);
    expect(workedMs(journal(...first, [500, "claimed"], [510, "tool-returned"], [511, "left"]))).toBe(5_000);
    expect(workedMs(journal(...first, [17, "left"], [500, "claimed"], [510, "handler-started"]))).toBe(7_000);
    expect(workedMs(journal(...first, [17, "left"], [400, "left"], [500, "cancelled"]))).toBe(7_000);
  });

  it("is no less for a clock that was set back", () => {
    const first = [...begun, [10, "generating"], [14, "model-answered"], [14, "claimed"]] as const;
    expect(workedMs(journal(...first, [9, "model-asked"], [3, "model-answered"]))).toBe(4_000);
  });
});
