// All scenarios by name: agents, what is given to them, and how the model answers.
// Invariant: no output depends on time, chance or order, so that a run that was killed must come to the very same.
import { approvals } from "./approvals.mjs";
import { budgets } from "./budgets.mjs";
import { chief } from "./chief.mjs";
import { demo } from "./demo.mjs";
import { fan } from "./fan.mjs";
import { pipeline } from "./pipeline.mjs";
import { tools } from "./tools.mjs";

/** By name, in the order in which they run. */
export const SCENARIOS = { demo, pipeline, tools, approvals, budgets, chief, fan };
