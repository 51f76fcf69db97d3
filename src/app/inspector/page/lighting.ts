// Which states and arrows of a chart are lit, as what it shows goes from state to state.
// Invariant: the arrows that led to a state stay lit until the next one.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ChartGraph } from "../../charts/graph.ts";
import { activeStates, namedState, wayBetween, type StateValue } from "../../charts/trace.ts";

/** What is lit. */
export interface Light {
  readonly lit: readonly string[];
  readonly taken: readonly string[];
}

/** What a state lights, given that it was come to from another. */
export function lightOf(graph: ChartGraph | undefined, from: string | null, to: string | null): Light {
  if (graph === undefined || to === null) return { lit: [], taken: [] };
  const lit = statesOf(graph, to);
  const [before, now] = [from === null ? undefined : statesOf(graph, from).at(-1), lit.at(-1)];
  return {
    lit,
    taken: before === undefined || now === undefined || before === now ? [] : wayBetween(graph, before, now),
  };
}

/** What is lit of a chart whose state changes while one looks. */
export function useLight(graph: ChartGraph | undefined, state: string | null): Light {
  const last = useRef<string | null>(null);
  const [from, setFrom] = useState<string | null>(null);
  useEffect(() => {
    if (last.current === state) return;
    setFrom(last.current);
    last.current = state;
  }, [state]);
  return useMemo(() => lightOf(graph, from, state), [graph, from, state]);
}

/** A state by its name alone, or by its path. */
function statesOf(graph: ChartGraph, state: string): readonly string[] {
  if (!state.includes(".")) return namedState(graph, state);
  const value = state
    .split(".")
    .reduceRight<StateValue>((inner, key) => (inner === "" ? key : { [key]: inner }), "");
  return activeStates(graph, value);
}
