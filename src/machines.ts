// The charts as they are, for editors, tests and those who bind slots of their own: import "fettle/machines".
export {
  agentMachine,
  type AgentActorRef,
  type AgentMachineContext,
  type AgentMachineEvent,
  type AgentMachineInput,
  type Crash,
} from "../machines/agent-machine.ts";
export {
  taskMachine,
  type TaskActorRef,
  type TaskMachineContext,
  type TaskMachineEvent,
  type TaskMachineInput,
} from "../machines/task-machine.ts";
