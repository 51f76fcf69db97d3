// What is exported for XState and Stately makes a machine with the same chart again.
import { and, createMachine, setup } from "xstate";
import type { AnyStateMachine } from "xstate";
import { expect, it } from "vitest";
import { OWN_CHARTS } from "#src/app/charts/charts";
import { machineGraph } from "#src/app/charts/machine-graph";
import { machineConfig } from "#src/app/charts/xstate-config";

function again(machine: AnyStateMachine): AnyStateMachine {
  return createMachine(JSON.parse(JSON.stringify(machineConfig(machine))) as object);
}

it.each(OWN_CHARTS.map(({ name, machine }) => [name, machine] as const))(
  "makes the chart %s again from its JSON, with every state, transition, guard and action",
  (_, machine) => {
    expect(machineGraph(again(machine))).toEqual(machineGraph(machine));
  },
);

it("leaves out what only code can say, and keeps the names of guards that join others", () => {
  const machine = setup({
    types: { context: {} as { at: number } },
    guards: { full: () => true, late: () => true },
  }).createMachine({
    id: "m",
    context: () => ({ at: Date.now() }),
    initial: "a",
    states: { a: { on: { go: { guard: and(["full", "late"]), target: "b" } } }, b: { type: "final" } },
  });
  expect(machineConfig(machine)).toEqual({
    id: "m",
    initial: "a",
    states: { a: { on: { go: { guard: { type: "full and late" }, target: "b" } } }, b: { type: "final" } },
  });
});
