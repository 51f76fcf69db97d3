// Fettle's own charts, and others, as plain graphs: nothing of a machine is left out, and its names are told.
import {
  and,
  assign,
  createMachine,
  getNextTransitions,
  initialTransition,
  not,
  setup,
  stateIn,
} from "xstate";
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from "xstate";
import { expect, it } from "vitest";
import { captionOf, isIgnored, type ChartTransition } from "#src/app/charts/graph";
import { machineGraph, transitionIdOf } from "#src/app/charts/machine-graph";
import { OWN_CHARTS } from "#src/app/charts/charts";
import { taskMachine, workflowMachine } from "fettle/machines";

function nodesOf(node: AnyStateNode): AnyStateNode[] {
  return [node, ...Object.values(node.states).flatMap(nodesOf)];
}

function transitionsOf(node: AnyStateNode): AnyTransitionDefinition[] {
  return [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
}

function find(machine: AnyStateMachine, source: string, caption: string): ChartTransition | undefined {
  return machineGraph(machine).transitions.find((one) => one.source === source && captionOf(one) === caption);
}

it.each(OWN_CHARTS.map(({ name, machine }) => [name, machine] as const))(
  "holds every state and every transition of the chart %s, each once",
  (_, machine) => {
    const graph = machineGraph(machine);
    const nodes = nodesOf(machine.root);
    expect(graph.states.map(({ id }) => id)).toEqual(nodes.map(({ id }) => id));
    expect(graph.states.map(({ type }) => type)).toEqual(nodes.map(({ type }) => type));
    const transitions = nodes.flatMap(transitionsOf);
    expect(graph.transitions.map(({ id }) => id)).toEqual(transitions.map(transitionIdOf));
    expect(new Set(graph.transitions.map(({ id }) => id)).size).toBe(transitions.length);
    const known = new Set(graph.states.map(({ id }) => id));
    for (const { source, targets } of graph.transitions) {
      for (const id of [source, ...targets]) expect(known).toContain(id);
    }
    expect(JSON.parse(JSON.stringify(graph))).toEqual(graph);
  },
);

it.each(OWN_CHARTS.map(({ name, machine }) => [name, machine] as const))(
  "finds a name for every guard, effect and action of the chart %s",
  (_, machine) => {
    const { states, transitions } = machineGraph(machine);
    const names = [
      ...states.flatMap(({ entry, exit, invokes }) => [
        ...entry,
        ...exit,
        ...invokes.map(({ source }) => source),
      ]),
      ...transitions.flatMap(({ guard, actions }) => [...actions, ...(guard === null ? [] : [guard])]),
    ];
    for (const name of names) expect(name).toMatch(/^[a-zA-Z]+(?: [a-z]+)?$/);
    expect(names).not.toContain("inline");
  },
);

it("says of each transition what makes it happen, as people read it", () => {
  expect(find(taskMachine, "task", "cancel")).toMatchObject({
    kind: "event",
    targets: ["task.settling"],
    actions: ["record"],
  });
  expect(find(taskMachine, "task.working", "after deadline")).toMatchObject({
    kind: "after",
    actions: ["note", "record"],
  });
  expect(find(taskMachine, "task.working.generating", "draft done [wroteCode]")).toMatchObject({
    kind: "done",
  });
  expect(find(taskMachine, "task.working.generating", "draft failed [else]")).toMatchObject({
    kind: "error",
    isOtherwise: true,
  });
  expect(find(taskMachine, "task.working.choosing", "[goesOn repairing]")).toMatchObject({ kind: "always" });
  expect(find(taskMachine, "task.queued", "admit done")).toMatchObject({
    targets: ["task.working"],
    isOtherwise: false,
  });
  expect(find(workflowMachine, "workflow.running", "child done")).toMatchObject({
    targets: [],
    kind: "done",
  });
});

it("tells events that are only ignored from those that only do something", () => {
  const { transitions } = machineGraph(taskMachine);
  const quiet = transitions.filter(({ targets }) => targets.length === 0);
  expect(quiet.map((one) => [one.source, captionOf(one), isIgnored(one)])).toEqual([
    ["task.settling", "cancel", true],
    ["task.settling", "leave", true],
  ]);
});

it("knows the states that cannot be rested in", () => {
  const { states } = machineGraph(taskMachine);
  expect(states.filter(({ isTransient }) => isTransient).map(({ key }) => key)).toEqual([
    "choosing",
    "reviewing",
    "judging",
  ]);
});

it("gives the id of a transition that XState speaks of", () => {
  const machine = createMachine({
    id: "m",
    initial: "a",
    states: { a: { on: { go: "b", stay: {} } }, b: {} },
  });
  const [snapshot] = initialTransition(machine);
  const [go] = getNextTransitions(snapshot);
  expect(go === undefined ? undefined : transitionIdOf(go)).toBe("m.a/0");
});

it("reads machines of any kind: parallel, history, tags, timers, numbers and guards without names", () => {
  const machine = setup({
    types: { context: {} as { count: number } },
    actions: { ring: () => undefined },
    guards: { full: () => true, late: () => false },
  }).createMachine({
    id: "all",
    type: "parallel",
    context: { count: 0 },
    states: {
      left: {
        tags: ["busy"],
        initial: "one",
        onDone: { actions: "ring" },
        states: {
          one: {
            entry: [assign({ count: 1 }), "ring"],
            after: { 500: "two" },
            on: { "*": { guard: and(["full", not("late")]), target: "two" } },
          },
          two: { type: "final" },
        },
      },
      right: {
        initial: "back",
        states: {
          back: { type: "history", history: "deep" },
          here: { always: { guard: stateIn({ left: "two" }), target: "there" } },
          there: { on: { again: { guard: () => true, target: "back" } } },
        },
      },
    },
  });
  const { states, transitions } = machineGraph(machine);
  expect(states.map(({ id, type }) => `${id} ${type}`)).toEqual([
    "all parallel",
    "all.left compound",
    "all.left.one atomic",
    "all.left.two final",
    "all.right compound",
    "all.right.back history",
    "all.right.here atomic",
    "all.right.there atomic",
  ]);
  expect(states[1]).toMatchObject({ tags: ["busy"], initial: "all.left.one" });
  expect(states[2]).toMatchObject({ entry: ["assign", "ring"], exit: [] });
  expect(states[5]?.facts).toEqual([{ name: "history", text: "deep" }]);
  expect(transitions.map(captionOf)).toEqual([
    "done",
    "* [full and not late]",
    "after 500 ms",
    '[in {"left":"two"}]',
    "again [inline]",
  ]);
});
