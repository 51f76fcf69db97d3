// Any XState machine as a chart: its states and transitions, with the names of its effects, actions and guards.
// Invariant: every state and every transition of the machine is there once; what has no name is told as inline.
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from "xstate";
import type { ChartGraph, ChartInvoke, ChartState, ChartTransition } from "./graph.ts";

/** A machine's chart. */
export function machineGraph(machine: AnyStateMachine): ChartGraph {
  const nodes = withInner(machine.root);
  return {
    kind: "machine",
    id: machine.id,
    states: nodes.map(stateOf),
    transitions: nodes.flatMap((node) => transitionsFrom(node).map(transitionOf)),
  };
}

/** The id in the chart of a transition that XState tells of, as in the microsteps of its inspection events. */
export function transitionIdOf(transition: AnyTransitionDefinition): string {
  return `${transition.source.id}/${transitionsFrom(transition.source).indexOf(transition)}`;
}

function withInner(node: AnyStateNode): readonly AnyStateNode[] {
  return [node, ...Object.values(node.states).flatMap(withInner)];
}

function transitionsFrom(node: AnyStateNode): readonly AnyTransitionDefinition[] {
  return [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
}

function stateOf(node: AnyStateNode): ChartState {
  // Not `node.entry` and `node.exit`: there XState adds what starts and stops its timers.
  const { entry, exit } = node.config as { readonly entry?: unknown; readonly exit?: unknown };
  return {
    id: node.id,
    key: node.key,
    parent: node.parent?.id ?? null,
    type: node.type,
    initial: node.type === "compound" ? (node.initial.target[0]?.id ?? null) : null,
    isTransient: isTransient(node),
    description: node.description ?? null,
    entry: listed(entry).map(nameOf),
    exit: listed(exit).map(nameOf),
    invokes: invokesOf(node),
    tags: [...node.tags],
    facts: node.type === "history" ? [{ name: "history", text: String(node.history) }] : [],
  };
}

/** It cannot be rested in: one of its unconditional ways out always holds. */
function isTransient(node: AnyStateNode): boolean {
  return (node.always ?? []).some(({ guard, target }) => guard === undefined && target !== undefined);
}

function invokesOf(node: AnyStateNode): readonly ChartInvoke[] {
  return node.invoke.map(({ id, src }) => ({ id, source: typeof src === "string" ? src : id }));
}

function transitionOf(transition: AnyTransitionDefinition): ChartTransition {
  const { source, target = [], guard, actions } = transition;
  const event = String(transition.eventType ?? "");
  const siblings = transitionsFrom(source).filter(({ eventType }) => eventType === transition.eventType);
  return {
    id: transitionIdOf(transition),
    source: source.id,
    targets: target.map(({ id }) => id),
    ...eventOf(source, event),
    guard: guard === undefined ? null : guardName(guard),
    isOtherwise: guard === undefined && siblings.indexOf(transition) > 0,
    actions: actions.map(nameOf),
  };
}

function eventOf(source: AnyStateNode, event: string): Pick<ChartTransition, "kind" | "event" | "label"> {
  if (event === "") return { kind: "always", event, label: "" };
  const [, what = "", of = ""] =
    /^xstate\.(done\.actor|error\.actor|snapshot|done\.state)\.(.*)$/.exec(event) ?? [];
  switch (what) {
    case "done.actor":
      return { kind: "done", event, label: `${actorName(source, of)} done` };
    case "error.actor":
      return { kind: "error", event, label: `${actorName(source, of)} failed` };
    case "snapshot":
      return { kind: "snapshot", event, label: `${actorName(source, of)} changed` };
    case "done.state":
      return { kind: "done", event, label: "done" };
    default:
  }
  const timer = source.after.find(({ eventType }) => eventType === event);
  if (timer === undefined) return { kind: "event", event, label: event };
  const delay = typeof timer.delay === "number" ? `${timer.delay} ms` : String(timer.delay);
  return { kind: "after", event, label: `after ${delay}` };
}

/** The slot of an invoked actor; of one that was spawned its id, or `child` for any. */
function actorName(node: AnyStateNode, id: string): string {
  return invokesOf(node).find((one) => one.id === id)?.source ?? (id === "*" ? "child" : id);
}

function listed(value: unknown): readonly unknown[] {
  return value === undefined ? [] : Array.isArray(value) ? (value as readonly unknown[]) : [value];
}

/** The name of an action or a guard: with its parameter, where that is a plain word. */
export function nameOf(action: unknown): string {
  if (typeof action === "string") return action;
  const { type, params, name } = action as {
    readonly type?: unknown;
    readonly params?: unknown;
    readonly name?: string;
  };
  const own = typeof type === "string" ? type.replace(/^xstate\./, "") : (name ?? "");
  const isWord = typeof params === "string" || typeof params === "number" || typeof params === "boolean";
  return isWord ? `${own} ${params}` : own === "" ? "inline" : own;
}

/** The name of a guard; of one that joins others, their names. */
export function guardName(guard: unknown): string {
  if (typeof guard !== "function") return nameOf(guard);
  const { guards, stateValue } = guard as {
    readonly guards?: readonly unknown[];
    readonly stateValue?: unknown;
  };
  if (stateValue !== undefined) return `in ${JSON.stringify(stateValue)}`;
  if (guards === undefined) return guard.name === "guard" || guard.name === "" ? "inline" : guard.name;
  const names = guards.map(guardName);
  return guard.name === "not" ? `not ${names.join(" ")}` : names.join(` ${guard.name} `);
}
