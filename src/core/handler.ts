// What custom agents are written against: the messages and tasks they are given, and what they can do.
// Invariant: a handler reaches the mesh only through its `ActorContext`, so that the same handler runs on any
// fabric and ends when its actor ends.
import type { Address } from "./address.ts";
import type { Memory } from "./memory.ts";
import type { Blobs } from "./ports.ts";
import type { Task, TaskResult } from "./task.ts";

/** A task for a custom agent: what `handle` returns is the task's output. */
export interface TaskMessage {
  /** Tells a task from messages. */
  readonly type: "task";
  /** The task's id: the same where it is handled again after a crash. */
  readonly id: string;
  /** What to do, in plain language. */
  readonly task: string;
  /** The data of the task. */
  readonly context: Readonly<Record<string, unknown>>;
}

/** A message for a custom agent: what `handle` returns answers an `ask`, and is dropped for the others. */
export interface MailMessage {
  /** How it was sent: only an `ask` is answered. */
  readonly type: "send" | "ask" | "broadcast";
  /** The message's id: the same where a durable mailbox gives it out again. */
  readonly id: string;
  /** The sending actor; null where a program sent it. */
  readonly from: Address | null;
  /** What was sent; a copy. */
  readonly body: unknown;
}

/** Everything that a handler can be given. */
export type HandlerMessage = TaskMessage | MailMessage;

/** Which actors to find, and in what order. */
export interface Discovery {
  /** Actors of this role; of any where absent. */
  readonly role?: string;
  /** Actors with this capability; with any where absent. */
  readonly capability?: string;
  /**
   * `first`: by age, oldest first (the default). `random`: shuffled. `round-robin`: each call starts with the
   * next one. `least-recent`: the one that was found or addressed longest ago comes first.
   */
  readonly strategy?: "first" | "random" | "round-robin" | "least-recent";
}

/** What is known of a running actor. */
export interface ActorInfo {
  /** Where messages for this actor alone go. */
  readonly address: Address;
  /** The role of its agent. */
  readonly role: string;
  /** What its agent can be found by. */
  readonly capabilities: readonly string[];
  /** There where what is sent to the role waits in a queue, whoever runs. */
  readonly mailbox?: "durable" | undefined;
}

/** The options of an `ask`. */
export interface AskOptions {
  /** Milliseconds to wait for the answer; default 30,000. */
  readonly timeoutMs?: number;
  /** Ends the wait when aborted; the question itself cannot be taken back. */
  readonly signal?: AbortSignal;
}

/** What came of a broadcast. */
export interface BroadcastResult {
  /** The actors whose mailboxes took the message. */
  readonly delivered: readonly Address[];
  /** Those whose mailboxes were full. */
  readonly refused: readonly Address[];
}

/** What an actor can do with the others of its mesh. */
export interface ActorOperations {
  /** Resolves when the message is in the mailbox; in a durable one, when it is stored. `to` is an address, or a role for any actor of it. */
  send(to: string, body: unknown): Promise<void>;
  /** Resolves with what the handler returned; rejects at once with its error. */
  ask(to: string, body: unknown, options?: AskOptions): Promise<unknown>;
  /** Sends to every actor that matches. */
  broadcast(to: Discovery, body: unknown): Promise<BroadcastResult>;
  /** The actors that match, the one to use first. */
  discover(query?: Discovery): Promise<readonly ActorInfo[]>;
  /** Runs a task with an agent of the role. */
  execute(role: string, task: string | Task): Promise<TaskResult>;
}

/** What a handler can do, and knows of itself. */
export interface ActorContext<State = unknown> extends ActorOperations {
  /** The actor's own address. */
  readonly self: Address;
  /** The role of its agent. */
  readonly role: string;
  /** What `setup` returned; undefined without one. */
  readonly state: State;
  /** Aborted when the actor stops or crashes, or, for a task, when the task is cancelled. */
  readonly signal: AbortSignal;
  /** What the agent remembers: of the task, its workflow and its role. */
  readonly memory: Memory;
  /** Named byte sequences of the mesh. */
  readonly blobs: Blobs;
}

/** The logic of a custom agent. A message it throws on crashes the actor; a task it throws on fails. */
export type Handler = (message: HandlerMessage, actor: ActorContext) => unknown;

/** Prepares an actor's state before its first message. */
export type Setup = (actor: Omit<ActorContext, "state">) => unknown;
