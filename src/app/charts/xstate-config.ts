// A machine's own configuration as JSON, as Stately's editor imports it and `createMachine` takes it again.
// Invariant: what only code can say (context, inputs, outputs, parameters) is left out; guards and actions keep their
// names, so that a machine made from it has the same chart.
import type { AnyStateMachine } from "xstate";
import { guardName, nameOf } from "./machine-graph.ts";

const CODE: ReadonlySet<string> = new Set(["context", "input", "output", "params"]);

/** The configuration, as plain data. */
export function machineConfig(machine: AnyStateMachine): unknown {
  return JSON.parse(
    JSON.stringify(machine.config, (key, value: unknown) => {
      if (typeof value !== "function") return value;
      if (CODE.has(key)) return undefined;
      return { type: key === "guard" ? guardName(value) : nameOf(value) };
    }),
  );
}
