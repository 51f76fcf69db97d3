// Drawings are in order, by their coordinates: nothing lies on anything else, and all that there is is there.
import { createMachine } from "xstate";
import { expect, it } from "vitest";
import { OWN_CHARTS } from "#src/app/charts/charts";
import { layoutChart } from "#src/app/charts/layout";
import { machineGraph } from "#src/app/charts/machine-graph";
import { faultsOf } from "./geometry.ts";

it.each(
  OWN_CHARTS.flatMap(({ name, machine }) => [
    [name, "down", machine] as const,
    [name, "right", machine] as const,
  ]),
)("draws the chart %s to the %s with nothing on anything else", async (_, direction, machine) => {
  const graph = machineGraph(machine);
  const chart = await layoutChart(graph, { direction });
  expect(faultsOf(chart)).toEqual([]);
  expect(chart.states.map(({ id }) => id)).toEqual(graph.states.map(({ id }) => id));
  const drawn = chart.edges.flatMap(({ transitions }) => transitions);
  const leading = graph.transitions.filter(({ targets }) => targets.length > 0);
  expect([...drawn].sort()).toEqual(leading.map(({ id }) => id).sort());
  expect(chart.initials.map(({ state }) => state)).toEqual(
    graph.states.filter(({ initial }) => initial !== null).map(({ id }) => id),
  );
});

it("gives the same places each time, as JSON", async () => {
  const graph = machineGraph(OWN_CHARTS[0]?.machine ?? createMachine({}));
  const [one, other] = await Promise.all([layoutChart(graph), layoutChart(graph)]);
  expect(JSON.stringify(one)).toBe(JSON.stringify(other));
  expect(JSON.parse(JSON.stringify(one))).toEqual(one);
});

it("draws what other machines have: parallel states, ways back to oneself, several targets at once", async () => {
  const machine = createMachine({
    id: "all",
    type: "parallel",
    on: { reset: { target: [".left.one", ".right.red"] } },
    states: {
      left: { initial: "one", states: { one: { on: { again: "one", on: "two" } }, two: { type: "final" } } },
      right: { initial: "red", states: { red: { on: { flip: "blue" } }, blue: { on: { flip: "red" } } } },
    },
  });
  const chart = await layoutChart(machineGraph(machine));
  expect(faultsOf(chart)).toEqual([]);
  expect(
    chart.edges.filter(({ transitions }) => transitions.includes("all/0")).map(({ target }) => target),
  ).toEqual(["all.left.one", "all.right.red"]);
});
