// Every error that Fettle throws, in one place, so that a reader sees the whole hierarchy at once.
// Invariant: a message says what was attempted, on what, why it failed and how to mend it; `retryable` is
// decided where the error is made, never guessed from its text by a caller.

/** The stable, machine-readable names of all errors. */
export type ErrorCode =
  | "DEFINITION_INVALID"
  | "ROLE_DUPLICATE"
  | "CONFIG_INVALID"
  | "MESH_STATE"
  | "AGENT_UNKNOWN"
  | "ACTOR_UNKNOWN"
  | "ACTOR_STOPPED"
  | "MAILBOX_FULL"
  | "QUEUE_FULL"
  | "ASK_TIMEOUT"
  | "HANDLER_FAILED"
  | "MESSAGE_INVALID"
  | "WORKFLOW_INVALID"
  | "TASK_UNKNOWN"
  | "MEMORY_UNKNOWN"
  | "TASK_INVALID"
  | "CANCELLED"
  | "MODEL_NONE"
  | "MODEL_FAILED"
  | "REPLAY_MISS"
  | "RECORDING_INVALID"
  | "SANDBOX_FAILED"
  | "SANDBOX_BUSY"
  | "SANDBOX_CLOSED"
  | "SANDBOX_REMOTE"
  | "MCP_FAILED"
  | "VALUE_UNSUPPORTED"
  | "VALUE_MALFORMED"
  | "VALUE_TOO_LARGE"
  | "KEY_EXISTS"
  | "REVISION_CONFLICT"
  | "SEQUENCE_CONFLICT"
  | "DELIVERY_LOST"
  | "OWNERSHIP_LOST"
  | "JOURNAL_INVALID"
  | "BUDGET_EXCEEDED"
  | "APPROVAL_UNKNOWN"
  | "APPROVAL_ANSWERED"
  | "PATH_INVALID"
  | "STORAGE_FAILED"
  | "INTEGRITY";

/** What an error carries besides its message. */
export interface FettleErrorOptions {
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable?: boolean;
  /** What was thrown below, where there was something. */
  readonly cause?: unknown;
}

/** The base of all errors that Fettle throws on purpose; test `code`, not the message. */
export class FettleError extends Error {
  /** What went wrong, for programs: stable, and the same in every version. */
  readonly code: ErrorCode;
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: FettleErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** An agent, a tool or an option of theirs is not as it must be (`DEFINITION_INVALID`), or its role is taken (`ROLE_DUPLICATE`). */
export class DefinitionError extends FettleError {
  constructor(message: string, code: "DEFINITION_INVALID" | "ROLE_DUPLICATE" = "DEFINITION_INVALID") {
    super(code, message);
  }
}

/** A setting in the environment, in `.env` or in options is unknown or wrong (`CONFIG_INVALID`). */
export class ConfigError extends FettleError {
  constructor(message: string, options: FettleErrorOptions = {}) {
    super("CONFIG_INVALID", message, options);
  }
}

/** The mesh was used in a state that does not allow it: before `start` or after `stop` (`MESH_STATE`). */
export class MeshStateError extends FettleError {
  constructor(message: string) {
    super("MESH_STATE", message);
  }
}

/** Nothing of that name is known here: `AGENT_UNKNOWN`, `ACTOR_UNKNOWN`, `TASK_UNKNOWN` or `MEMORY_UNKNOWN`. */
export class UnknownError extends FettleError {
  constructor(code: "AGENT_UNKNOWN" | "ACTOR_UNKNOWN" | "TASK_UNKNOWN" | "MEMORY_UNKNOWN", message: string) {
    super(code, message);
  }
}

/**
 * A message could not be delivered or answered: `ACTOR_STOPPED`, `MAILBOX_FULL` and `QUEUE_FULL` (both retryable),
 * `ASK_TIMEOUT`, `HANDLER_FAILED` or `MESSAGE_INVALID`.
 */
export class DeliveryError extends FettleError {
  constructor(
    code:
      "ACTOR_STOPPED" | "MAILBOX_FULL" | "QUEUE_FULL" | "ASK_TIMEOUT" | "HANDLER_FAILED" | "MESSAGE_INVALID",
    message: string,
    options: FettleErrorOptions = {},
  ) {
    super(code, message, options);
  }
}

/** A workflow's steps do not form a graph that can be run, or its id stands for another workflow (`WORKFLOW_INVALID`). */
export class WorkflowError extends FettleError {
  /** Whether its id stands for another workflow. */
  readonly isTaken: boolean;

  constructor(message: string, options: { readonly isTaken?: boolean } = {}) {
    super("WORKFLOW_INVALID", message);
    this.isTaken = options.isTaken ?? false;
  }
}

/** A task that cannot be accepted: empty, of the wrong shape, or its id already in use (`TASK_INVALID`). */
export class TaskError extends FettleError {
  /** Whether its id stands for another task. */
  readonly isTaken: boolean;

  constructor(message: string, options: FettleErrorOptions & { readonly isTaken?: boolean } = {}) {
    super("TASK_INVALID", message, options);
    this.isTaken = options.isTaken ?? false;
  }
}

/** The work was cancelled by its caller (`CANCELLED`). */
export class CancelledError extends FettleError {
  constructor(message: string, options: FettleErrorOptions = {}) {
    super("CANCELLED", message, options);
  }
}

/** What a provider's failure was, for those who choose between retry, fallback and giving up. */
export type ModelFailure =
  | "auth"
  | "rate-limit"
  | "overloaded"
  | "server"
  | "network"
  | "timeout"
  | "bad-request"
  | "malformed"
  | "refused"
  | "unknown";

/** A model call that failed for good (after its retries), or the whole chain of providers that did (`MODEL_FAILED`). */
export class ModelError extends FettleError {
  /** The provider asked, such as `anthropic`; `chain` where every configured one failed. */
  readonly provider: string;
  /** What kind of failure it was. */
  readonly failure: ModelFailure;
  /** HTTP status, where there was an answer. */
  readonly status: number | undefined;
  /** How long the provider asked to wait, in milliseconds, where it did. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    details: {
      readonly provider: string;
      readonly failure: ModelFailure;
      readonly status?: number | undefined;
      readonly retryAfterMs?: number | undefined;
    } & FettleErrorOptions,
  ) {
    super("MODEL_FAILED", message, details);
    this.provider = details.provider;
    this.failure = details.failure;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** No model provider is configured (`MODEL_NONE`); the message lists what to set. */
export class NoModelError extends FettleError {
  constructor(message: string) {
    super("MODEL_NONE", message);
  }
}

/** A recording has no answer for a request (`REPLAY_MISS`), or cannot itself be used (`RECORDING_INVALID`). */
export class ReplayError extends FettleError {
  constructor(code: "REPLAY_MISS" | "RECORDING_INVALID", message: string, options: FettleErrorOptions = {}) {
    super(code, message, options);
  }
}

/**
 * The sandbox itself (not the guest in it) could not do its work: `SANDBOX_FAILED`, `SANDBOX_BUSY`, `SANDBOX_CLOSED`
 * or `SANDBOX_REMOTE`.
 */
export class SandboxError extends FettleError {
  constructor(
    code: "SANDBOX_FAILED" | "SANDBOX_BUSY" | "SANDBOX_CLOSED" | "SANDBOX_REMOTE",
    message: string,
    options: FettleErrorOptions = {},
  ) {
    super(code, message, options);
  }
}

/** An MCP server could not be started, its tools could not be used, or a call of one failed (`MCP_FAILED`). */
export class McpError extends FettleError {
  /** The server, as its definition calls it. */
  readonly server: string;

  constructor(server: string, message: string, options: FettleErrorOptions = {}) {
    super("MCP_FAILED", message, options);
    this.server = server;
  }
}

/**
 * A value that cannot cross a boundary: `VALUE_UNSUPPORTED` (a function, say), `VALUE_MALFORMED` or `VALUE_TOO_LARGE`;
 * `path` says where in the value.
 */
export class ValueError extends FettleError {
  /** Where in the value it stands: `$.rows[3].name`. */
  readonly path: string;

  constructor(
    code: "VALUE_UNSUPPORTED" | "VALUE_MALFORMED" | "VALUE_TOO_LARGE",
    message: string,
    path: string,
  ) {
    super(code, message);
    this.path = path;
  }
}

/**
 * Stored data could not be written or read as asked: `KEY_EXISTS`, `REVISION_CONFLICT`, `SEQUENCE_CONFLICT` and
 * `DELIVERY_LOST` (another was first), `PATH_INVALID`, `STORAGE_FAILED` or `INTEGRITY`.
 */
export class StorageError extends FettleError {
  constructor(
    code:
      | "KEY_EXISTS"
      | "REVISION_CONFLICT"
      | "SEQUENCE_CONFLICT"
      | "DELIVERY_LOST"
      | "PATH_INVALID"
      | "STORAGE_FAILED"
      | "INTEGRITY",
    message: string,
    options: FettleErrorOptions = {},
  ) {
    super(code, message, options);
  }
}

/**
 * Somebody else does this work now (`OWNERSHIP_LOST`): whoever meets this error stops at once and leaves everything to
 * the new owner.
 */
export class OwnershipError extends FettleError {
  constructor(message: string, options: FettleErrorOptions = {}) {
    super("OWNERSHIP_LOST", message, options);
  }
}

/** A journal is not what Fettle writes, or does not tell what it is asked (`JOURNAL_INVALID`). */
export class JournalError extends FettleError {
  constructor(message: string, options: FettleErrorOptions = {}) {
    super("JOURNAL_INVALID", message, options);
  }
}

/** A call was not made because a budget has too little left for it (`BUDGET_EXCEEDED`). */
export class BudgetError extends FettleError {
  /** Whose budget, as `mesh`, `agent:<role>`, `workflow:<id>` or `task:<id>`. */
  readonly budget: string;
  /** Of what there is too little left. */
  readonly measure: "tokens" | "usd" | "wallMs" | "modelCalls" | "toolCalls";
  /** How much the call wanted, in the unit of the measure; null where its price is unknown. */
  readonly wanted: number | null;
  /** How much was free: not spent, not reserved. */
  readonly left: number;
  /** What the budget says to do now. */
  readonly onExceeded: "fail" | "ask" | "cheaper";

  constructor(
    message: string,
    details: Pick<BudgetError, "budget" | "measure" | "wanted" | "left" | "onExceeded"> & FettleErrorOptions,
  ) {
    super("BUDGET_EXCEEDED", message, details);
    this.budget = details.budget;
    this.measure = details.measure;
    this.wanted = details.wanted;
    this.left = details.left;
    this.onExceeded = details.onExceeded;
  }
}

/** An approval that is not known (`APPROVAL_UNKNOWN`), or was answered already (`APPROVAL_ANSWERED`). */
export class ApprovalError extends FettleError {
  constructor(code: "APPROVAL_UNKNOWN" | "APPROVAL_ANSWERED", message: string) {
    super(code, message);
  }
}

/** The message of anything that was thrown, for use inside another message. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
