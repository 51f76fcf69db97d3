// The public face of Fettle: every name that programs import from "fettle".
// Each part has a heading, `Name. What it is about.`, and is a page of that name in the reference (npm run docs:api).

// Mesh. The actor system: a mesh takes agents, gives them tasks, and tells what happens.
export { Mesh, type InspectorPlace, type MeshOptions, type ModelNames } from "./app/mesh.ts";
export type { StatelyPlace } from "./app/stately/stately.ts";
export type { AgentOutputs, MeshPhase, MeshSystem, NoAgents } from "./mesh.ts";
export type { HeardEvent, MeshView } from "./mesh-view.ts";
export type { AskNodeOptions, NodeChange, NodeLine, Paused } from "./node-line.ts";
export type { NodeStatus, StatusQuestion } from "./core/node-status.ts";
export type { Inspect } from "../actors/parts.ts";
export type { MeshEvent } from "../actors/mesh-event.ts";
export type { AcceptedTask } from "../actors/accepted-task.ts";
export type { ExecuteOptions } from "../actors/execute-options.ts";
export type { TaskListener } from "../actors/held-task.ts";
export type { AgentHandle } from "../actors/agent-handle.ts";
export type { AgentStanding } from "../actors/population.ts";
export type { MeshStopMode, StopMode, StopOptions } from "../actors/stop-mode.ts";
export type { Address } from "./core/address.ts";

// Agents. Definitions of agents, what their handlers are given, and how they are routed, reused and supervised.
export {
  defineAgent,
  type AgentDefinition,
  type AgentLimits,
  type CustomAgent,
  type CustomAgentOptions,
  type MailboxKind,
  type ModelChoice,
  type OutputOf,
  type PromptAgent,
  type PromptAgentOptions,
  type Reuse,
} from "./core/agent.ts";
export type {
  ActorContext,
  ActorInfo,
  ActorOperations,
  AskOptions,
  BroadcastResult,
  Discovery,
  Handler,
  HandlerMessage,
  MailMessage,
  Setup,
  TaskMessage,
} from "./core/handler.ts";
export type { ModelTier, Profile, ProfileName } from "./core/profile.ts";
export type { ProseForm, ProseFormat } from "./core/prose.ts";
export type { Findings } from "./core/finding.ts";
export type { RoutingOptions, RoutingRule } from "./core/routing.ts";
export type { Routing } from "./core/kernel.ts";
export type { Supervision } from "./core/supervision.ts";
export type { Schema, SchemaInput, SchemaOutput } from "./core/schema.ts";

// Tools. What generated code may call: functions of the host, and the tools of MCP servers.
export { defineTool, type Tool, type ToolCallInfo, type ToolOptions, type ToolSet } from "./core/tool.ts";
export { memoryTools } from "./core/memory-tools.ts";
export type { McpApproval, McpCommand, McpEndpoint, McpServer, McpServers } from "./core/mcp.ts";

// Tasks. What is asked for, what came of it, and what is stored: results, journals, the list of tasks.
export type {
  Attempt,
  ErrorCategory,
  Task,
  TaskEvent,
  TaskFailure,
  TaskResult,
  TaskStatus,
} from "./core/task.ts";
export {
  ResultStore,
  type FinishedResult,
  type ResultEntry,
  type RunningResult,
  type StoredResult,
  type StoredTask,
  type TaskOfResult,
} from "./results.ts";
export {
  TaskList,
  type DeadTask,
  type TaskFilter,
  type TaskListOptions,
  type TaskStanding,
  type TaskSummary,
} from "./task-list.ts";
export type { JournalEntry, StepOf, TaskTerms } from "./core/journal.ts";
export type { SolvedTask } from "./core/prompt.ts";
export type { Mark, Marked } from "./ledger-mark.ts";
export type { Recall, Routed, Trial } from "./core/attempt.ts";

// Workflows. Steps that depend on each other: definitions, conditions, and what came of them.
export {
  defineWorkflow,
  type StoredStep,
  type WorkflowDefinition,
  type WorkflowOptions,
} from "./core/workflow.ts";
export type { WorkflowRunOptions } from "../actors/workflow-desk.ts";
export type { Condition, ConditionTest } from "./core/condition.ts";
export type { Decide, WorkflowStep } from "./core/dag.ts";
export type { Reference } from "./core/reference.ts";
export type { WorkflowEvent } from "./core/workflow-event.ts";
export type {
  ItemFailure,
  StepResult,
  StepStatus,
  WorkflowFailure,
  WorkflowResult,
} from "./core/workflow-result.ts";
export type {
  StepStanding,
  StepSummary,
  WorkflowFilter,
  WorkflowList,
  WorkflowOutline,
  WorkflowSummary,
} from "./workflow-list.ts";
export type { StoredWorkflow, WorkflowEntry } from "./workflow-record.ts";

// Memory. What an agent remembers: of its task, of its workflow, and beyond them.
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
export type { ShelfStores } from "./shelf.ts";

// Approvals. What waits for a person, and the answer.
export type {
  Approval,
  ApprovalAnswer,
  ApprovalPolicy,
  ApprovalRequest,
  ApprovalSubject,
  HeldCall,
} from "./core/approval.ts";
export type { Answerer } from "./approvals.ts";

// Budgets. What tasks, workflows and roles may spend, and what they have spent.
export type { Amounts, Budget, BudgetScope, Measure, OnExceeded, ScopeName } from "./core/budget.ts";
export type { BudgetStatus, Wanted } from "./core/budget-record.ts";
export { BudgetBook, type BudgetAccount } from "./budgets.ts";

// Errors. All that Fettle throws: each has a `code`, and says whether the same call may succeed later.
export {
  ApprovalError,
  BudgetError,
  CancelledError,
  ConfigError,
  DefinitionError,
  DeliveryError,
  FettleError,
  JournalError,
  McpError,
  MeshStateError,
  ModelError,
  NoModelError,
  OwnershipError,
  ReplayError,
  SandboxError,
  StorageError,
  TaskError,
  UnknownError,
  ValueError,
  WorkflowError,
  type ErrorCode,
  type FettleErrorOptions,
  type ModelFailure,
} from "./core/errors.ts";

// Models. Language models behind one port: providers, fallbacks, prices, recording and playing back.
export type {
  Model,
  ModelAnswer,
  ModelCallOptions,
  ModelMessage,
  ModelRequest,
  TokenUsage,
} from "./core/model.ts";
export { createAnthropicModel, type AnthropicOptions } from "./model/anthropic.ts";
export { createOpenAiModel, type OpenAiOptions, type OpenAiPreset } from "./model/openai.ts";
export { chainModels, type ChainOptions } from "./model/chain.ts";
export type { RetryOptions } from "./model/retry.ts";
export { createReplayModel, type ReplayOptions } from "./model/replay.ts";
export { recordModel, type RecordingEntry, type RecordOptions } from "./model/recording.ts";
export { resolveModel, type ModelSettings, type ProviderName, type ResolveOptions } from "./model/resolve.ts";
export { PRICES, type Price, type PriceTable } from "./model/prices.ts";

// Settings. What the environment and `.env` say, and the parts that are opened by them.
export { loadConfig, type Config, type LoadOptions, type MeshMode } from "./app/config.ts";
export { openModel, type OpenedModel, type OpenModelOptions } from "./app/models.ts";
export type { BlobsConfig } from "./app/blobs.ts";
export type { NatsConfig } from "./app/nats.ts";
export type { OtlpSettings } from "./app/otlp.ts";
export type { LogLevel } from "./observe/logger.ts";

// Guests. What runs in the sandbox: limits, outcomes, records. The sandbox itself is "fettle/sandbox".
export type {
  ConsoleEntry,
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
} from "./core/guest.ts";

// Fabrics. What a mesh stands on: messages, queues, ledgers, key-value and blobs, embedded or over NATS.
export type {
  Blobs,
  BlobWrite,
  ConsumerOptions,
  DeadLetter,
  Delivery,
  Fabric,
  FabricMessage,
  HandlerErrorHook,
  KeyValue,
  KeyValueChange,
  KeyValueEntry,
  KeyValueWrite,
  Ledger,
  LedgerEntry,
  Messages,
  Queue,
  QueueConsumer,
  QueueWrite,
  Unsubscribe,
} from "./core/ports.ts";
export type {
  Wire,
  WireEndpoint,
  WireFailure,
  WireHeaders,
  WireInbox,
  WireRequest,
  WireService,
  WireServiceSpec,
} from "./core/wire.ts";
export { createEmbeddedFabric, type EmbeddedFabricOptions } from "./fabric/embedded/fabric.ts";
export { createNatsFabric, type NatsFabric, type NatsFabricOptions } from "./fabric/nats/fabric.ts";
export { createMemoryFabric } from "./fabric/memory/fabric.ts";
export { openAzureBlobs, type AzureBlobsOptions } from "./fabric/cloud/azure.ts";
export { openS3Blobs, type S3BlobsOptions } from "./fabric/cloud/s3.ts";
export type { CloudBlobs } from "./fabric/cloud/cloud-blobs.ts";
export type { BlobData } from "./fabric/byte-stream.ts";
export { createSubjects, type Subjects } from "./core/subjects.ts";
export type { Clock } from "./core/clock.ts";

// Registry. Code that has proven itself, and when it is used again.
export type { FunctionEntry, FunctionStage, FunctionVersion, RegisteredFunction } from "./function-record.ts";
export {
  FunctionRegistry,
  type ExactMatch,
  type MismatchReason,
  type NearMatch,
  type RecordedSuccess,
} from "./registry.ts";

// Telemetry. Metrics, traces and logs, and what a program's own listener is told.
export { createMetrics, type Metrics, type MetricsOptions } from "./observe/metrics.ts";
export { serveMetrics, type MetricsPlace, type MetricsServer } from "./observe/metrics-server.ts";
export { createTracing, type TracingOptions } from "./observe/tracing.ts";
export { joinTelemetry } from "./core/telemetry.ts";
export type {
  AskedRun,
  Delivered,
  EffectKey,
  Happening,
  Hearing,
  NoLabels,
  Reading,
  ReadingName,
  Readings,
  TakenIn,
  TaskStart,
  TaskTelemetry,
  Telemetry,
  WorkflowStart,
  WorkflowTelemetry,
} from "./core/telemetry.ts";
export type { Log, LogFields } from "./core/log.ts";
