// docs/machines.md and its pictures, held against the machines that run.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { OWN_CHARTS } from "#src/app/charts/charts";
import { machineGraph } from "#src/app/charts/machine-graph";
import { callFettle } from "../harness/command.ts";
import { projectRoot } from "../harness/program.ts";
import { readPages, rowsOf } from "./markdown.ts";

const pages = await readPages();
const prose = pages.find(({ file }) => file === "docs/machines.md")?.prose ?? "";
const charts = OWN_CHARTS.map(({ name, machine }) => [name, machineGraph(machine)] as const);

it.each(charts)("says a sentence about each state and each event of the chart %s", (name, graph) => {
  const section = prose.split("\n## ").find((part) => part.toLowerCase().startsWith(`${name}\n`)) ?? "";
  const states = graph.states.slice(1).map(({ id }) => id.slice(graph.id.length + 1));
  const events = graph.transitions.filter(({ kind }) => kind === "event").map(({ event }) => event);
  expect([...rowsOf(section).keys()]).toEqual([...states, ...new Set(events)]);
  for (const [told = ""] of rowsOf(section).values()) expect(told).toMatch(/^[A-Z].*\.$/);
});

it.each(charts)(
  "has the picture of the chart %s as the machine is now: npm run docs:machines draws it",
  async (name) => {
    const drawn = await callFettle(["machines", name, "--format", "svg"]);
    const kept = await readFile(join(projectRoot, "docs/machines", `${name}.svg`), "utf8");
    expect(kept).toBe(drawn.stdout);
    expect(prose).toContain(`](machines/${name}.svg)`);
  },
);

it("has no picture of a chart that is not there any more", async () => {
  expect((await readdir(join(projectRoot, "docs/machines"))).sort()).toEqual(
    charts.map(([name]) => `${name}.svg`).sort(),
  );
});
