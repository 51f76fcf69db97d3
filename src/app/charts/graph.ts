// A chart as a plain graph: what is drawn, exported and lit, whether it was an XState machine or a workflow's steps.
// Invariant: it is JSON, in reading order, and says all that there is to draw: no drawing looks back at its source.

/** A chart: nested states, and the transitions between them; `states[0]` is the root, which holds all others. */
export interface ChartGraph {
  readonly kind: "machine" | "workflow";
  /** The machine's or the workflow's id. */
  readonly id: string;
  readonly states: readonly ChartState[];
  readonly transitions: readonly ChartTransition[];
}

/** One state of a machine, or one step of a workflow. */
export interface ChartState {
  /** Unique in the chart, such as `task.working.generating`; of a step `<workflow>.<step>`. */
  readonly id: string;
  /** Its name within its parent. */
  readonly key: string;
  /** The id of the state around it; null for the root. */
  readonly parent: string | null;
  readonly type: "atomic" | "compound" | "parallel" | "final" | "history" | "step";
  /** The id of the state that is entered with it; null where there is none. */
  readonly initial: string | null;
  /** Whether it is left in the same moment, by the first guard that holds. */
  readonly isTransient: boolean;
  readonly description: string | null;
  readonly entry: readonly string[];
  readonly exit: readonly string[];
  /** The effects that run while it is active. */
  readonly invokes: readonly ChartInvoke[];
  readonly tags: readonly string[];
  /** What else there is to say of it: of a step its agent, its items, its condition, its retries. */
  readonly facts: readonly ChartFact[];
}

/** An effect that a state starts when it is entered and stops when it is left. */
export interface ChartInvoke {
  readonly id: string;
  /** The name of the slot, such as `draft`. */
  readonly source: string;
}

/** One more thing about a state. */
export interface ChartFact {
  readonly name: string;
  readonly text: string;
}

/** One transition of a machine, or one dependency of a workflow's step. */
export interface ChartTransition {
  /** Unique in the chart: `<source>/<number>`, counted in reading order; see `transitionIdOf`. */
  readonly id: string;
  /** The id of the state that it starts from. */
  readonly source: string;
  /** The ids of the states that it enters; empty where it stays where it is. */
  readonly targets: readonly string[];
  readonly kind: "event" | "always" | "after" | "done" | "error" | "snapshot" | "dependency";
  /** The event as XState knows it; empty for `always` and dependencies. */
  readonly event: string;
  /** The event as people read it: `cancel`, `draft done`, `after deadline`; empty where the guard says it all. */
  readonly label: string;
  /** The guard's name; null where there is none. */
  readonly guard: string | null;
  /** Whether it is what happens where no guard before it holds. */
  readonly isOtherwise: boolean;
  readonly actions: readonly string[];
}

/** Whether an event is named only to be ignored. */
export function isIgnored({ targets, actions }: ChartTransition): boolean {
  return targets.length === 0 && actions.length === 0;
}

/** What a transition is called on an arrow: event and guard, or `else`. */
export function captionOf({ label, guard, isOtherwise }: ChartTransition): string {
  const condition = guard === null ? (isOtherwise ? "[else]" : "") : `[${guard}]`;
  return [label, condition].filter((part) => part !== "").join(" ");
}

/** Gives the ids of the states around a state, the outermost first, and its own as the last. */
export function waysInto({ states }: ChartGraph): (id: string) => readonly string[] {
  const parents = new Map(states.map(({ id, parent }) => [id, parent]));
  const wayInto = (id: string): readonly string[] => {
    const parent = parents.get(id) ?? null;
    return parent === null ? [id] : [...wayInto(parent), id];
  };
  return wayInto;
}
