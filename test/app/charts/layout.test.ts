// Drawings are in order, by their coordinates: nothing lies on anything else, and all that there is is there.
import fc from "fast-check";
import { createMachine } from "xstate";
import { expect, it } from "vitest";
import { OWN_CHARTS } from "#src/app/charts/charts";
import type { ChartGraph, ChartState } from "#src/app/charts/graph";
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

const PLAIN = {
  type: "atomic",
  initial: null,
  isTransient: false,
  entry: [],
  exit: [],
  invokes: [],
  tags: [],
  facts: [],
} as const;

/** Any chart: states within states, and arrows from any to any, also into and out of other states. */
const anyChart = fc
  .record({
    parents: fc.array(fc.record({ at: fc.nat(5), isLong: fc.boolean() }), { minLength: 1, maxLength: 12 }),
    arrows: fc.array(
      fc.record({ from: fc.nat(), to: fc.nat(), label: fc.constantFrom("", "go", "a long event") }),
      {
        maxLength: 24,
      },
    ),
  })
  .map(({ parents, arrows }): ChartGraph => {
    const states: ChartState[] = [{ ...PLAIN, id: "all", key: "all", parent: null, description: null }];
    for (const [index, { at, isLong }] of parents.entries()) {
      const parent = states[at % states.length]?.id ?? "all";
      const description = isLong ? "More than one line of words about what happens in it." : null;
      states.push({ ...PLAIN, id: `s${index}`, key: `state ${index}`, parent, description });
    }
    const inner = (id: string | null): ChartState[] =>
      states
        .filter(({ parent }) => parent === id)
        .flatMap((state) => {
          const below = inner(state.id);
          const [first] = below;
          return [first === undefined ? state : { ...state, type: "compound", initial: first.id }, ...below];
        });
    const sorted = inner(null);
    const transitions = arrows.map(({ from, to, label }, index) => ({
      id: `t${index}`,
      source: sorted[from % sorted.length]?.id ?? "",
      targets: [sorted[1 + (to % (sorted.length - 1))]?.id ?? ""],
      kind: "event" as const,
      event: label,
      label,
      guard: null,
      isOtherwise: false,
      actions: [],
    }));
    return { kind: "machine", id: "all", states: sorted, transitions };
  });

it("draws any chart with nothing on anything else", async () => {
  await fc.assert(
    fc.asyncProperty(anyChart, fc.constantFrom("down", "right"), async (graph, direction) => {
      expect(faultsOf(await layoutChart(graph, { direction }))).toEqual([]);
    }),
    { numRuns: 30 },
  );
});
