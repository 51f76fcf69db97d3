// Slots: effects that a chart names but does not contain. actors/ binds them with `.provide()`.
// Invariant: a chart that runs with an unbound slot fails at once and names the slot.
import { fromPromise } from "xstate";

/** An effect to be bound later: takes `Input`, resolves with `Output`. */
export function slot<Output, Input>(name: string) {
  return fromPromise<Output, Input>(() => {
    throw new Error(`The slot "${name}" is not bound: use machine.provide({ actors: { ${name} } }).`);
  });
}

/** An action to be bound later; a chart alone, as in an editor or a model test, runs without it. */
export function unboundAction(): void {
  // Deliberately nothing: the chart's states are right without it.
}

/** An action to be bound later that takes parameters. */
export function actionSlot<Params>(): (args: unknown, params: Params) => void {
  return unboundAction;
}
