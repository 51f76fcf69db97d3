// A workflow's steps as a chart: the same from a plan and from its record, drawn in order however many there are.
import { expect, it } from "vitest";
import { planWorkflow, type WorkflowStep } from "#src/core/dag";
import { storedStep } from "#src/core/workflow";
import { layoutChart } from "#src/app/charts/layout";
import { chartSvg } from "#src/app/charts/svg";
import { workflowGraph } from "#src/app/charts/workflow-graph";
import { faultsOf } from "./geometry.ts";
import { readXml } from "./xml.ts";

const STEPS: readonly WorkflowStep[] = [
  { id: "fetch", agent: "researcher", task: "Find the prices.", retries: 2, timeoutMs: 30_000 },
  {
    id: "convert",
    agent: "calculator",
    task: "Convert the price.",
    forEach: { step: "fetch", path: "prices" },
    concurrency: 4,
    allowFailures: true,
  },
  {
    id: "warn",
    agent: "writer",
    task: "Write a warning.",
    when: {
      all: [
        { step: "fetch", path: "total", atLeast: 3 },
        { not: { step: "fetch", path: "calm", exists: true } },
      ],
    },
  },
  {
    id: "write",
    agent: "writer",
    task: "Write about them.",
    dependsOn: ["warn", "convert"],
    when: () => true,
  },
];

it("has a state for each step, with what there is to say of it, and a transition for each dependency", () => {
  const graph = workflowGraph("report", planWorkflow(STEPS).map(storedStep));
  expect(graph.states.map(({ id, type }) => `${id} ${type}`)).toEqual([
    "report compound",
    "report.fetch step",
    "report.convert step",
    "report.warn step",
    "report.write step",
  ]);
  expect(graph.states[1]).toMatchObject({ key: "fetch", parent: "report", description: "Find the prices." });
  expect(graph.states.slice(1).map(({ facts }) => facts.map(({ name, text }) => `${name}: ${text}`))).toEqual(
    [
      ["agent: researcher", "retries: 2", "time: 30 s a try"],
      ["agent: calculator", 'each: "prices" in the output of step "fetch"', "at once: 4", "may fail: any"],
      ["agent: writer", "when: fetch.total atLeast 3 and not fetch.calm exists true"],
      ["agent: writer", "when: the program says so"],
    ],
  );
  expect(graph.transitions.map(({ id, targets, kind }) => [id, targets[0], kind])).toEqual([
    ["report.fetch/0", "report.convert", "dependency"],
    ["report.fetch/1", "report.warn", "dependency"],
    ["report.convert/0", "report.write", "dependency"],
    ["report.warn/0", "report.write", "dependency"],
  ]);
});

it("is the same from the plan and from what a record keeps of it", () => {
  const stored = planWorkflow(STEPS).map(storedStep);
  const kept = JSON.parse(JSON.stringify(stored)) as typeof stored;
  expect(workflowGraph("report", kept)).toEqual(workflowGraph("report", stored));
});

it("draws steps below those that they wait for, in whatever order they are written", async () => {
  const steps = planWorkflow([
    { id: "last", agent: "a", task: "Last.", dependsOn: ["middle", "first"] },
    { id: "middle", agent: "a", task: "Middle.", dependsOn: ["first"] },
    { id: "first", agent: "a", task: "First." },
  ]);
  const chart = await layoutChart(workflowGraph("w", steps.map(storedStep)));
  const heights = new Map(chart.states.map(({ id, y }) => [id, y]));
  const ordered = ["w.first", "w.middle", "w.last"].map((id) => heights.get(id) ?? NaN);
  expect(ordered).toEqual([...ordered].sort((a, b) => a - b));
  for (const { points } of chart.edges) expect(points[0]?.y).toBeLessThan(points.at(-1)?.y ?? 0);
});

const MANY: Readonly<Record<string, (index: number) => readonly number[]>> = {
  "in ten rows": (index) => (index < 10 ? [] : [index - 10, ...(index % 7 === 0 ? [index - 3] : [])]),
  "all between one and another": (index) => (index === 0 ? [] : index < 299 ? [0] : range(1, 299)),
  tangled: (index) => [
    ...new Set([7, 31, 101].map((prime) => (Math.imul(index, 40_503 * prime) >>> 7) % index)),
  ],
};

it.each(Object.entries(MANY))(
  "draws three hundred steps, %s, with nothing on anything else",
  async (_, before) => {
    const steps = range(0, 300).map((index): WorkflowStep => ({
      id: `s${index}`,
      agent: "worker",
      task: `Do the part ${index} of the work, as well as it can be done.`,
      dependsOn: index === 0 ? [] : before(index),
    }));
    const chart = await layoutChart(workflowGraph("large", planWorkflow(steps).map(storedStep)));
    expect(chart.states).toHaveLength(301);
    expect(faultsOf(chart)).toEqual([]);
    readXml(chartSvg(chart));
  },
);

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
