// The runtime's own charts, laid out once for all who look.
import { briefGraph } from "../charts/brief.ts";
import { layoutChart } from "../charts/layout.ts";
import { OWN_CHARTS } from "../charts/charts.ts";
import { machineGraph } from "../charts/machine-graph.ts";
import type { Charts } from "./shapes.ts";

/** Charts that are shown beside other things too: short enough for that, as `<name>.brief`. */
const BRIEF: ReadonlySet<string> = new Set(["agent", "task"]);

/** Lays charts out when they are first asked for. */
export class OwnCharts {
  #charts: Promise<Charts> | null = null;

  get(): Promise<Charts> {
    this.#charts ??= layOut().catch((thrown: unknown) => {
      this.#charts = null;
      throw thrown;
    });
    return this.#charts;
  }
}

async function layOut(): Promise<Charts> {
  const placed: [string, Charts[string]][] = [];
  for (const { name, machine } of OWN_CHARTS) {
    const graph = machineGraph(machine);
    placed.push([name, await layoutChart(graph)]);
    if (BRIEF.has(name)) placed.push([`${name}.brief`, await layoutChart(briefGraph(graph))]);
  }
  return Object.fromEntries(placed);
}
