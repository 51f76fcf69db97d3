// The public face of Fettle: every name that programs import from "fettle".
export { Mesh, type MeshOptions, type ModelNames } from "./app/mesh.ts";
export { openModel, type OpenedModel, type OpenModelOptions } from "./app/models.ts";
export { loadConfig, type Config, type LoadOptions } from "./app/config.ts";
export type { AgentHandle, MeshPhase, StopOptions } from "./mesh.ts";
export type { HeardEvent, MeshView } from "./mesh-view.ts";
export type { Inspect } from "../actors/parts.ts";
export type { MeshEvent } from "../actors/mesh-event.ts";
export type { AcceptedTask } from "../actors/accepted-task.ts";
export type { ExecuteOptions } from "../actors/execute-options.ts";
export type { AgentStanding } from "../actors/population.ts";
export type { WorkflowRunOptions } from "../actors/workflow-desk.ts";
export type { MeshStopMode } from "../actors/stop-mode.ts";
export type { Answerer } from "./approvals.ts";
export type { Approval, ApprovalAnswer, ApprovalPolicy, ApprovalSubject, HeldCall } from "./core/approval.ts";

export {
  defineAgent,
  type AgentDefinition,
  type AgentLimits,
  type CustomAgent,
  type CustomAgentOptions,
  type ModelChoice,
  type OutputOf,
  type PromptAgent,
  type PromptAgentOptions,
  type Reuse,
} from "./core/agent.ts";
export type { ModelTier, Profile, ProfileName } from "./core/profile.ts";
export type { ProseForm, ProseFormat } from "./core/prose.ts";
export type { Findings } from "./core/finding.ts";
export type { RoutingOptions, RoutingRule } from "./core/routing.ts";
export type { Routing } from "./core/kernel.ts";
export type { Address } from "./core/address.ts";
export { memoryTools } from "./core/memory-tools.ts";
export type {
  CompressedMemory,
  CompressOptions,
  Episode,
  EpisodicMemory,
  LongTermMemory,
  Memory,
  MemoryScope,
  OutputMemory,
  Outputs,
  RehydratedMemory,
  WorkingMemory,
} from "./core/memory.ts";
export { createMemory, dropNotes, type MemoryOptions } from "./memory.ts";
export { defineTool, type Tool, type ToolCallInfo, type ToolOptions, type ToolSet } from "./core/tool.ts";
export type { McpApproval, McpCommand, McpEndpoint, McpServer, McpServers } from "./core/mcp.ts";
export type { Condition } from "./core/condition.ts";
export type { Decide, WorkflowStep } from "./core/dag.ts";
export type { Reference } from "./core/reference.ts";
export { defineWorkflow, type WorkflowDefinition, type WorkflowOptions } from "./core/workflow.ts";
export type { WorkflowEvent } from "./core/workflow-event.ts";
export type {
  ItemFailure,
  StepResult,
  StepStatus,
  WorkflowFailure,
  WorkflowResult,
} from "./core/workflow-result.ts";
export type {
  ActorContext,
  ActorInfo,
  AskOptions,
  BroadcastResult,
  Discovery,
  Handler,
  HandlerMessage,
  MailMessage,
  Setup,
  TaskMessage,
} from "./core/handler.ts";
export type {
  Attempt,
  ErrorCategory,
  Task,
  TaskEvent,
  TaskFailure,
  TaskResult,
  TaskStatus,
} from "./core/task.ts";
export type { Supervision } from "./core/supervision.ts";
export type { Schema } from "./core/schema.ts";
export type { Amounts, Budget, BudgetScope, Measure, OnExceeded, ScopeName } from "./core/budget.ts";
export type { BudgetStatus, Wanted } from "./core/budget-record.ts";
export {
  BudgetError,
  CancelledError,
  ConfigError,
  DefinitionError,
  DeliveryError,
  FettleError,
  McpError,
  MeshStateError,
  ModelError,
  NoModelError,
  ReplayError,
  SandboxError,
  StorageError,
  TaskError,
  UnknownError,
  ValueError,
  WorkflowError,
  type ErrorCode,
  type ModelFailure,
} from "./core/errors.ts";

export type {
  Model,
  ModelAnswer,
  ModelCallOptions,
  ModelMessage,
  ModelRequest,
  TokenUsage,
} from "./core/model.ts";
export { createAnthropicModel } from "./model/anthropic.ts";
export { createOpenAiModel } from "./model/openai.ts";
export { chainModels } from "./model/chain.ts";
export { createReplayModel } from "./model/replay.ts";
export { recordModel } from "./model/recording.ts";
export { resolveModel, type ModelSettings } from "./model/resolve.ts";
export { PRICES, type Price, type PriceTable } from "./model/prices.ts";

export type {
  ConsoleEntry,
  ExecuteResult,
  GatedCall,
  GuestEntropy,
  GuestError,
  GuestLimits,
  GuestUsage,
  RecordedCall,
  RecordedReturn,
  RunRecord,
  Sandbox,
} from "./core/guest.ts";
export type {
  Blobs,
  Fabric,
  FabricMessage,
  KeyValue,
  KeyValueChange,
  KeyValueEntry,
  KeyValueWrite,
  Messages,
} from "./core/ports.ts";
export { createEmbeddedFabric, type EmbeddedFabricOptions } from "./fabric/embedded/fabric.ts";
export { createNatsFabric, type NatsFabric, type NatsFabricOptions } from "./fabric/nats/fabric.ts";
export { openAzureBlobs, type AzureBlobsOptions } from "./fabric/cloud/azure.ts";
export { openS3Blobs, type S3BlobsOptions } from "./fabric/cloud/s3.ts";
export { createMemoryFabric } from "./fabric/memory/fabric.ts";
export type { Clock } from "./core/clock.ts";
export type { Log } from "./core/log.ts";
export { BudgetBook, type BudgetAccount } from "./budgets.ts";
export type { FunctionEntry, FunctionStage, FunctionVersion, RegisteredFunction } from "./function-record.ts";
export {
  FunctionRegistry,
  type ExactMatch,
  type MismatchReason,
  type NearMatch,
  type RecordedSuccess,
} from "./registry.ts";
export { createSubjects, type Subjects } from "./core/subjects.ts";
export type { JournalEntry } from "./core/journal.ts";
export {
  TaskList,
  type DeadTask,
  type TaskFilter,
  type TaskListOptions,
  type TaskStanding,
  type TaskSummary,
} from "./task-list.ts";
export type { StepStanding, StepSummary, WorkflowOutline, WorkflowSummary } from "./workflow-list.ts";
export { ResultStore, type FinishedResult, type RunningResult, type StoredResult } from "./results.ts";
export { createMetrics, type Metrics, type MetricsOptions } from "./observe/metrics.ts";
export { serveMetrics, type MetricsPlace, type MetricsServer } from "./observe/metrics-server.ts";
export { createTracing, type TracingOptions } from "./observe/tracing.ts";
export { joinTelemetry } from "./core/telemetry.ts";
export type {
  Delivered,
  EffectKey,
  Happening,
  Hearing,
  Reading,
  ReadingName,
  Readings,
  TaskStart,
  TaskTelemetry,
  Telemetry,
  WorkflowStart,
  WorkflowTelemetry,
} from "./core/telemetry.ts";
