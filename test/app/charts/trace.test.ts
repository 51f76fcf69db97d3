// What of a chart is lit: found from the states that a task's journal and events name.
import { initialTransition } from "xstate";
import { expect, it } from "vitest";
import { machineGraph } from "#src/app/charts/machine-graph";
import { activeStates, namedState, wayBetween } from "#src/app/charts/trace";
import { DEFAULT_SUPERVISION } from "#src/core/supervision";
import { agentMachine, taskMachine } from "fettle/machines";

const task = machineGraph(taskMachine);

it("gives the active states of a state value, the outermost first", () => {
  expect(activeStates(task, "queued")).toEqual(["task", "task.queued"]);
  expect(activeStates(task, { working: "generating" })).toEqual([
    "task",
    "task.working",
    "task.working.generating",
  ]);
  expect(activeStates(task, "nowhere")).toEqual([]);
});

it("takes the value that a running machine tells", () => {
  const [snapshot] = initialTransition(agentMachine, { address: "a", supervision: DEFAULT_SUPERVISION });
  expect(activeStates(machineGraph(agentMachine), snapshot.value)).toEqual(["agent", "agent.preparing"]);
});

it("finds a state by its name alone, as journals give it", () => {
  expect(namedState(task, "executing")).toEqual(["task", "task.working", "task.working.executing"]);
  expect(namedState(task, "done")).toEqual(["task", "task.done"]);
  expect(namedState(task, "nowhere")).toEqual([]);
});

const told = (ids: readonly string[]) =>
  ids.map((id) => {
    const found = task.transitions.find((one) => one.id === id);
    return `${found?.source ?? ""} → ${found?.targets.join() ?? ""}`;
  });

it("finds the way from one resting state to the next through those that cannot be rested in", () => {
  expect(told(wayBetween(task, "task.working.executing", "task.working.repairing"))).toEqual([
    "task.working.executing → task.working.judging",
    "task.working.judging → task.working.repairing",
  ]);
  expect(told(wayBetween(task, "task.queued", "task.working.recalling"))).toEqual([
    "task.queued → task.working",
    "task.working.choosing → task.working.recalling",
  ]);
  expect(told(wayBetween(task, "task.working.routing", "task.left"))).toEqual(["task → task.left"]);
  expect(wayBetween(task, "task.done", "task.queued")).toEqual([]);
  expect(wayBetween(task, "nowhere", "task.queued")).toEqual([]);
});
