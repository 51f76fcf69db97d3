// What custom agents are written against: the messages and tasks they are given, and what they can do.
// Invariant: a handler reaches the mesh only through its `ActorContext`, so that the same handler runs on any
// fabric and ends when its actor ends.
import type { Address } from "./address.ts";
import type { Task, TaskResult } from "./task.ts";

/** A task for a custom agent: what `handle` returns is the task's output. */
export interface TaskMessage {
  readonly type: "task";
  readonly id: string;
  readonly task: string;
  readonly context: Readonly<Record<string, unknown>>;
}

/** A message for a custom agent: what `handle` returns answers an `ask`, and is dropped for the others. */
export interface MailMessage {
  readonly type: "send" | "ask" | "broadcast";
  readonly id: string;
  /** The sending actor; null where a program sent it. */
  readonly from: Address | null;
  readonly body: unknown;
}

/** Everything that a handler can be given. */
export type HandlerMessage = TaskMessage | MailMessage;

/** Which actors to find, and in what order. */
export interface Discovery {
  readonly role?: string;
  readonly capability?: string;
  /**
   * `first`: by age, oldest first (the default). `random`: shuffled. `round-robin`: each call starts with the
   * next one. `least-recent`: the one that was found or addressed longest ago comes first.
   */
  readonly strategy?: "first" | "random" | "round-robin" | "least-recent";
}

/** What is known of a running actor. */
export interface ActorInfo {
  readonly address: Address;
  readonly role: string;
  readonly capabilities: readonly string[];
}

/** The options of an `ask`. */
export interface AskOptions {
  /** Milliseconds to wait for the answer; default 30,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** What came of a broadcast. */
export interface BroadcastResult {
  /** The actors whose mailboxes took the message. */
  readonly delivered: readonly Address[];
  /** Those whose mailboxes were full. */
  readonly refused: readonly Address[];
}

/** What a handler can do, and knows of itself. */
export interface ActorContext<State = unknown> {
  readonly self: Address;
  readonly role: string;
  /** What `setup` returned; undefined without one. */
  readonly state: State;
  /** Aborted when the actor stops or crashes, or, for a task, when the task is cancelled. */
  readonly signal: AbortSignal;
  send(to: string, body: unknown): Promise<void>;
  ask(to: string, body: unknown, options?: AskOptions): Promise<unknown>;
  broadcast(to: Discovery, body: unknown): Promise<BroadcastResult>;
  discover(query?: Discovery): Promise<readonly ActorInfo[]>;
  execute(role: string, task: string | Task): Promise<TaskResult>;
}

/** The logic of a custom agent. A message it throws on crashes the actor; a task it throws on fails. */
export type Handler = (message: HandlerMessage, actor: ActorContext) => unknown;

/** Prepares an actor's state before its first message. */
export type Setup = (actor: Omit<ActorContext, "state">) => unknown;
