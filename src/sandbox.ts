// The sandbox alone, without a mesh: import "fettle/sandbox".
export { createSandbox, type LocalSandbox, type SandboxOptions } from "./sandbox/sandbox.ts";
export type { SandboxStats } from "./sandbox/pool.ts";
export type {
  ConsoleEntry,
  ExecuteOptions,
  ExecuteResult,
  GatedCall,
  GuestEntropy,
  GuestError,
  GuestFailure,
  GuestLimits,
  GuestUsage,
  LimitName,
  RecordedCall,
  RecordedReturn,
  RunRecord,
  Sandbox,
  ToolCallEvent,
} from "./core/guest.ts";
