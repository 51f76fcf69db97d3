// A chart in brief: which states there are and how one leads to the next, for where there is room for no more.
// Invariant: what is left keeps its ids, so that whatever lights the whole chart lights this one too.
import type { ChartGraph } from "./graph.ts";

/** The chart without descriptions, effects, captions, failures of effects, and what may happen in any state. */
export function briefGraph(graph: ChartGraph): ChartGraph {
  const [root] = graph.states;
  return {
    ...graph,
    states: graph.states.map((state) => ({
      ...state,
      description: null,
      entry: [],
      exit: [],
      invokes: [],
      facts: [],
    })),
    transitions: graph.transitions
      .filter(({ kind, source, targets }) => kind !== "error" && source !== root?.id && targets.length > 0)
      .map((transition) => ({ ...transition, label: "", guard: null, isOtherwise: false, actions: [] })),
  };
}
