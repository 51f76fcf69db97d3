// A chart in brief: less of it, and what is left is lit as the whole chart is.
import { expect, it } from "vitest";
import { briefGraph } from "#src/app/charts/brief";
import { OWN_CHARTS } from "#src/app/charts/charts";
import { machineGraph } from "#src/app/charts/machine-graph";

it.each(OWN_CHARTS)(
  "a brief chart of $name keeps its states and drops what is said of them",
  ({ machine }) => {
    const whole = machineGraph(machine);
    const brief = briefGraph(whole);
    expect(brief.states.map(({ id }) => id)).toEqual(whole.states.map(({ id }) => id));
    expect(
      brief.states.every(({ description, invokes }) => description === null && invokes.length === 0),
    ).toBe(true);
  },
);

it("leaves out failures and what may happen in any state, and keeps the ids of all other transitions", () => {
  const task = OWN_CHARTS.find(({ name }) => name === "task");
  if (task === undefined) throw new Error("There is no chart of a task.");
  const whole = machineGraph(task.machine);
  const brief = briefGraph(whole);
  const known = new Map(whole.transitions.map((transition) => [transition.id, transition]));
  expect(brief.transitions.length).toBeGreaterThan(10);
  for (const { id, source, targets, kind, label } of brief.transitions) {
    expect(known.get(id)).toMatchObject({ source, targets, kind });
    expect([kind === "error", source === whole.states[0]?.id, label]).toEqual([false, false, ""]);
  }
  expect(whole.transitions.some(({ kind }) => kind === "error")).toBe(true);
});
