// An agent of a mesh as its owner holds it: to give it tasks, and to see and steer its actors.
// Invariant: it holds nothing itself; it speaks for the mesh, by the agent's role.
import type { AgentDefinition } from "../src/core/agent.ts";
import type { Task, TaskResult } from "../src/core/task.ts";
import type { ExecuteOptions } from "./execute-options.ts";
import type { AgentStanding } from "./population.ts";

/** An agent of a mesh, ready to be given tasks. */
export interface AgentHandle {
  /** Its role. */
  readonly role: string;
  /** What others find it by. */
  readonly capabilities: readonly string[];
  /** As it was defined. */
  readonly definition: AgentDefinition;
  /** Runs a task with it; resolves with the result, also of a failure. */
  execute(task: string | Task, options?: ExecuteOptions): Promise<TaskResult>;
  /** How its actors in this process stand. */
  standing(): AgentStanding;
  /** Tasks and messages are taken in but wait. */
  pause(): void;
  /** What waits is taken up. */
  resume(): void;
}
