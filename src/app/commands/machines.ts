// `fettle machines`: the charts that Fettle is made of, and those of workflows, as text, pictures and data.
// Invariant: reads nothing but what it is told to, and writes nothing but into --out.
import { mkdir, writeFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { Argument, Command, InvalidArgumentError, Option } from "commander";
import { planWorkflow } from "../../core/dag.ts";
import { ConfigError } from "../../core/errors.ts";
import { storedStep } from "../../core/workflow.ts";
import { OWN_CHARTS, type OwnChart } from "../charts/charts.ts";
import type { ChartGraph } from "../charts/graph.ts";
import { layoutChart } from "../charts/layout.ts";
import { machineGraph } from "../charts/machine-graph.ts";
import { chartMermaid } from "../charts/mermaid.ts";
import { chartOutline } from "../charts/outline.ts";
import { chartSvg } from "../charts/svg.ts";
import { workflowGraph } from "../charts/workflow-graph.ts";
import { machineConfig } from "../charts/xstate-config.ts";
import { paint, print, printable, printJson } from "../output.ts";
import { nearestName } from "../spelling.ts";
import { loadWorkflow } from "../workflow-file.ts";
import { columns, count } from "../wording.ts";

const FORMATS = ["text", "json", "svg", "mermaid", "xstate"] as const;
type Format = (typeof FORMATS)[number];

interface MachinesOptions {
  readonly format?: Format;
  readonly out?: string;
  readonly direction: "down" | "right";
  readonly workflow?: string;
  readonly json?: boolean;
}

/** A chart to be told of; `machine` is null where it is a workflow's. */
interface Chart {
  readonly name: string;
  readonly about: string;
  readonly graph: ChartGraph;
  readonly machine: OwnChart["machine"] | null;
}

const ENDINGS: Readonly<Record<Format, string>> = {
  text: "txt",
  json: "json",
  svg: "svg",
  mermaid: "mmd",
  xstate: "xstate.json",
};

const EXAMPLES = `
Examples:
  $ fettle machines                                  which charts there are
  $ fettle machines task                             one, as text: its states, and what leads from each to which
  $ fettle machines task --format svg > task.svg     one as a picture, in light and dark
  $ fettle machines --format svg --out charts        all, as files: charts/agent.svg, charts/task.svg, …
  $ fettle machines agent --format mermaid           for documents that draw Mermaid's diagrams
  $ fettle machines agent --format xstate            for Stately's editor (import) and XState's createMachine
  $ fettle machines --workflow report.yaml --format svg --out charts

Formats: text; json, states and transitions as data; svg; mermaid, a state diagram, or a flowchart of a workflow; xstate,
the machine's configuration as JSON, without its code.`;

/** The command. */
export function machinesCommand(): Command {
  return new Command("machines")
    .description("show and export the statecharts of agents, tasks and workflows")
    .addArgument(
      new Argument("[name...]", `which charts: ${knownNames().join(", ")}; all by default`).argParser(
        readName,
      ),
    )
    .addOption(new Option("--format <format>", "how they are written").choices(FORMATS))
    .option("--out <directory>", "write a file for each chart, and print their names")
    .addOption(
      new Option("--direction <direction>", "of pictures").choices(["down", "right"]).default("down"),
    )
    .option(
      "--workflow <file>",
      "the steps of this workflow (.yaml, .json or a module) in place of the charts",
    )
    .option("--json", "print the list, or the named charts, as one JSON document")
    .addHelpText("after", EXAMPLES)
    .action(show);
}

async function show(names: readonly string[], options: MachinesOptions): Promise<void> {
  const { json = false, out, workflow } = options;
  const format = options.format ?? (json ? "json" : out === undefined ? undefined : "svg");
  if (json && format !== "json") {
    throw new ConfigError(
      `Cannot print charts as ${format ?? ""} and as JSON at once: leave out --json or --format.`,
    );
  }
  if (workflow !== undefined && names.length > 0) {
    throw new ConfigError(
      `Cannot show both "${names.join(" ")}" and the workflow "${workflow}": leave one of them out.`,
    );
  }
  const charts = workflow === undefined ? ownCharts(names) : [await workflowChart(workflow)];
  const isList = names.length === 0 && workflow === undefined && out === undefined;
  if (isList && options.format === undefined) list(charts, json);
  else if (out !== undefined) await writeAll(charts, out, format ?? "svg", options);
  else await printAll(charts, format ?? "text", options);
}

function ownCharts(names: readonly string[]): readonly Chart[] {
  return OWN_CHARTS.filter(({ name }) => names.length === 0 || names.includes(name)).map((own) => ({
    ...own,
    graph: machineGraph(own.machine),
  }));
}

async function workflowChart(file: string): Promise<Chart> {
  const { id, steps } = await loadWorkflow(file);
  const name = id ?? basename(file, extname(file));
  const graph = workflowGraph(name, planWorkflow(steps).map(storedStep));
  return { name, about: `The steps of the workflow "${name}".`, graph, machine: null };
}

function list(charts: readonly Chart[], json: boolean): void {
  const told = charts.map(({ name, about, graph: { states, transitions } }) => ({
    name,
    about,
    // Without the root, which is the chart.
    states: states.length - 1,
    transitions: transitions.length,
  }));
  if (json) {
    printJson({ charts: told });
    return;
  }
  const rows = told.map(({ name, about, states, transitions }) => [
    paint.bold(name),
    count(states, "state"),
    count(transitions, "transition"),
    about,
  ]);
  print(columns(rows).join("\n"));
  print(paint.dim(`"fettle machines task" shows one, "fettle machines --help" the formats.`));
}

async function printAll(charts: readonly Chart[], format: Format, options: MachinesOptions): Promise<void> {
  if (format === "json" || format === "xstate") {
    const data = charts.map((chart) => dataOf(chart, format));
    printJson(data.length === 1 ? data[0] : data);
    return;
  }
  if (format !== "text" && charts.length > 1) {
    throw new ConfigError(
      `Cannot print ${charts.length} charts as ${format} one after the other: name one, or give the folder for their ` +
        `files: fettle machines --format ${format} --out charts`,
    );
  }
  const texts = await Promise.all(charts.map((chart) => textOf(chart, format, options)));
  print(texts.join("\n").trimEnd());
}

async function writeAll(
  charts: readonly Chart[],
  folder: string,
  format: Format,
  options: MachinesOptions,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const chart of charts) {
    const path = join(folder, `${chart.name.replace(/[^A-Za-z0-9_-]/g, "-")}.${ENDINGS[format]}`);
    await writeFile(path, await textOf(chart, format, options));
    print(printable(path));
  }
}

async function textOf(chart: Chart, format: Format, { direction }: MachinesOptions): Promise<string> {
  const { about, graph } = chart;
  switch (format) {
    case "text":
      return `${paint.bold(chart.name)}  ${about}\n${printable(chartOutline(graph))}`;
    case "svg":
      return chartSvg(await layoutChart(graph, { direction }), { description: about });
    case "mermaid":
      return chartMermaid(graph);
    case "json":
    case "xstate":
      return `${JSON.stringify(dataOf(chart, format), null, 2)}\n`;
  }
}

function dataOf({ name, about, graph, machine }: Chart, format: "json" | "xstate"): unknown {
  if (format === "json") return { name, about, ...graph };
  if (machine !== null) return machineConfig(machine);
  throw new ConfigError(
    `Cannot write the workflow "${name}" for XState: its steps are no machine. Its formats are: text, json, svg, mermaid.`,
  );
}

function knownNames(): readonly string[] {
  return OWN_CHARTS.map(({ name }) => name);
}

function readName(value: string, previous: readonly string[] | undefined): readonly string[] {
  const names = knownNames();
  if (names.includes(value)) return [...(previous ?? []), value];
  const nearest = nearestName(value, names);
  const meant = nearest !== null && nearest.distance <= 2 ? ` Did you mean ${nearest.name}?` : "";
  throw new InvalidArgumentError(`There is no such chart; there are: ${names.join(", ")}.${meant}`);
}
