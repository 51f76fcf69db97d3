// The charts as they are, for editors, tests and those who bind slots of their own: import "fettle/machines".
export {
  agentMachine,
  type AgentActorRef,
  type AgentMachineContext,
  type AgentMachineEvent,
  type AgentMachineInput,
  type Crash,
} from "../machines/agent-machine.ts";
export { taskMachine, type TaskActorRef } from "../machines/task-machine.ts";
export type { Step, TaskMachineContext, TaskMachineEvent, TaskMachineInput } from "../machines/task-books.ts";
export {
  itemMachine,
  type ItemMachineContext,
  type ItemMachineEvent,
  type ItemMachineInput,
  type ItemTry,
} from "../machines/item-machine.ts";
export {
  stepMachine,
  type StepActorRef,
  type StepMachineContext,
  type StepMachineEvent,
  type StepMachineInput,
} from "../machines/step-machine.ts";
export {
  workflowMachine,
  type WorkflowActorRef,
  type WorkflowMachineContext,
  type WorkflowMachineEvent,
  type WorkflowMachineInput,
} from "../machines/workflow-machine.ts";
// What passes between charts and the effects that their slots are bound to.
export type { Draft, DraftRequest, Moment, Outcome, Suspension, TrialRequest } from "./core/attempt.ts";
export type { PlannedStep } from "./core/dag.ts";
export type { Scope } from "./core/reference.ts";
export type { Decision, ItemOutcome, StepOutcome } from "./core/workflow-result.ts";
