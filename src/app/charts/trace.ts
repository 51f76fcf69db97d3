// What of a chart is lit: the states that are active, and the way that led from one to the next.
// Invariant: needs the graph alone, so that a page can ask it of a task's journal, which names resting states only.
import { waysInto, type ChartGraph, type ChartState, type ChartTransition } from "./graph.ts";

/** A machine's state as XState tells it: a name, or names within names. */
export type StateValue = string | { readonly [key: string]: StateValue | undefined };

/** The ids of the states that are active, the outermost first; none for what is no state of the chart. */
export function activeStates({ states }: ChartGraph, value: StateValue): readonly string[] {
  const [root] = states;
  if (root === undefined) return [];
  const within = (parent: string, inner: StateValue): readonly string[] => {
    const entries = typeof inner === "string" ? [[inner, {}] as const] : Object.entries(inner);
    return entries.flatMap(([key, deeper = {}]) => {
      const found = states.find((state) => state.parent === parent && state.key === key);
      return found === undefined ? [] : [found.id, ...within(found.id, deeper)];
    });
  };
  const found = within(root.id, value);
  return found.length === 0 ? [] : [root.id, ...found];
}

/**
 * The ids of a state and of those around it, the outermost first, by the state's name alone, as journals and events of
 * tasks give it (`executing`); none where there is no such state.
 */
export function namedState(graph: ChartGraph, key: string): readonly string[] {
  const found = graph.states.find((state) => state.key === key && state.parent !== null);
  return found === undefined ? [] : waysInto(graph)(found.id);
}

/**
 * The ids of the transitions that led from one resting state to the next, given their ids: the shortest way, through
 * states that cannot be rested in. Where several transitions go the same stretch, all of them; none where there is no way.
 */
export function wayBetween(graph: ChartGraph, from: string, to: string): readonly string[] {
  const byId = new Map(graph.states.map((state) => [state.id, state]));
  const start = byId.get(from);
  if (start === undefined) return [];
  const seen = new Set<string>();
  let open: readonly { readonly state: ChartState; readonly way: readonly string[] }[] = [
    { state: start, way: [] },
  ];
  while (open.length > 0) {
    const next: { state: ChartState; way: readonly string[] }[] = [];
    for (const { state, way } of open) {
      for (const [target, transitions] of stretchesFrom(state, graph)) {
        const entered = resting(byId, target);
        if (entered === undefined) continue;
        const longer = [...way, ...transitions.map(({ id }) => id)];
        if (entered.id === to || target === to) return longer;
        if (!entered.isTransient || seen.has(entered.id)) continue;
        seen.add(entered.id);
        next.push({ state: entered, way: longer });
      }
    }
    open = next;
  }
  return [];
}

/** The transitions that a state may take, its parents' too, by their target. */
function stretchesFrom(state: ChartState, graph: ChartGraph): Map<string, ChartTransition[]> {
  const stretches = new Map<string, ChartTransition[]>();
  for (const id of waysInto(graph)(state.id).toReversed()) {
    for (const transition of graph.transitions.filter(({ source }) => source === id)) {
      for (const target of transition.targets) {
        const known = stretches.get(target);
        if (known === undefined) stretches.set(target, [transition]);
        else if (known[0]?.source === id) known.push(transition);
      }
    }
  }
  return stretches;
}

/** The state in which one is, having entered another. */
function resting(byId: ReadonlyMap<string, ChartState>, id: string): ChartState | undefined {
  const state = byId.get(id);
  return state === undefined || state.initial === null ? state : resting(byId, state.initial);
}
