// A task that this process answers for: somebody here waits for its result, or an actor here works on it.
// Invariant: its result is settled once; a cancel that comes before an actor has it is kept for then.
import { defer, type Deferred } from "../src/core/deferred.ts";
import { MEASURES, type Budget } from "../src/core/budget.ts";
import { encode } from "../src/core/codec.ts";
import { MeshStateError, TaskError } from "../src/core/errors.ts";
import type { LogFields } from "../src/core/log.ts";
import type { StepOf } from "../src/core/journal.ts";
import type { TaskEvent, TaskResult } from "../src/core/task.ts";
import type { EventLabels } from "../src/event-feed.ts";
import type { Journal } from "../src/journal.ts";
import type { ResultEntry } from "../src/results.ts";
import type { AgentActor } from "./agent-actor.ts";

/** Told of a task's progress. */
export type TaskListener = (event: TaskEvent) => void;

/** What a task is: the same id never stands for two of them. */
export interface TaskIdentity {
  readonly taskId: string;
  readonly role: string;
  readonly task: string;
  readonly context: Readonly<Record<string, unknown>>;
  readonly step: StepOf | null;
  readonly profile: string | null;
  readonly budget: Budget | null;
  /** The trace of whoever asked for it; no part of what tells tasks apart. */
  readonly trace?: string | undefined;
}

/** Where a task comes from. */
export interface TaskOrigin {
  readonly step?: StepOf | undefined;
  /** Whether its id was made for it; where absent, whether it has none. */
  readonly isNew?: boolean;
}

/** @throws TaskError where another task is meant by the id of the first. */
export function requireSameTask(known: TaskIdentity, given: TaskIdentity): void {
  const difference = differenceOf(known, given);
  if (difference === null) return;
  throw new TaskError(
    `The task id "${known.taskId}" is taken: ${difference}. An id stands for one task for ever; give this one another.`,
    { isTaken: true },
  );
}

function differenceOf(known: TaskIdentity, given: TaskIdentity): string | null {
  const { taskId, role, task, profile } = known;
  if (role !== given.role) return `it is a task of "${role}"`;
  if (task !== given.task) return `it says ${JSON.stringify(task.slice(0, 80))}`;
  if (encode(known.context) !== encode(given.context)) return "its context is another";
  if (profile !== given.profile) {
    return profile === null
      ? "it was given without a profile"
      : `it was given with the profile ${JSON.stringify(profile)}`;
  }
  if (limitsOf(known.budget) === limitsOf(given.budget)) return null;
  if (known.budget === null) return "it was given without a budget";
  return `its budget is another, and lifted by mesh.raiseBudget("task:${taskId}", …) while it has not ended`;
}

/** One text for budgets that limit the same. */
function limitsOf(budget: Budget | null): string | null {
  if (budget === null) return null;
  return JSON.stringify([budget.onExceeded ?? "fail", ...MEASURES.map((measure) => budget[measure] ?? null)]);
}

/** A task between its acceptance and its result. */
export class HeldTask {
  readonly identity: TaskIdentity;
  readonly listeners = new Set<TaskListener>();
  readonly #result = defer<TaskResult>();
  readonly #accepted = defer<undefined>();
  /** Whether somebody in this process waits for its result. */
  isOwn: boolean;
  /** Its journal as this process has written it; null where it must be read first. */
  journal: Journal | null = null;
  /** Its stored result, begun; null where it must be begun first. */
  entry: ResultEntry | null = null;
  /** Resolves once it is queued and journaled, or is known not to be. */
  accepting: Promise<void> = Promise.resolve();
  isSettled = false;
  #isAccepted = false;
  #taken: Deferred<null> | null = null;
  #actor: AgentActor | null = null;
  #cancelled: string | null = null;

  constructor(identity: TaskIdentity, isOwn: boolean) {
    this.identity = identity;
    this.isOwn = isOwn;
    // Where nobody waits for it, its rejection is nobody's business.
    this.#result.promise.catch(() => undefined);
  }

  /** Whoever gave it no longer waits for it. */
  disown(): void {
    this.isOwn = false;
  }

  /** Whether it is known to be queued and journaled. */
  get isAccepted(): boolean {
    return this.#isAccepted;
  }

  /** Resolves once it is known to be queued and journaled; never where it is not. */
  get accepted(): Promise<unknown> {
    return this.#accepted.promise;
  }

  accept(): void {
    this.#isAccepted = true;
    this.#accepted.resolve(undefined);
  }

  /** Whether it was taken off the queue, to be worked on or ended here. */
  get isTaken(): boolean {
    return this.#taken !== null;
  }

  /** Somebody works on it here. */
  hold(): void {
    this.#taken ??= defer();
  }

  /** It was taken off the queue, with its journal. */
  take(journal: Journal): void {
    this.hold();
    this.journal = journal;
    this.accept();
  }

  /** Nobody works on it here any more, whether it has ended or was left. */
  release(): void {
    this.journal = this.entry = null;
    this.#taken?.resolve(null);
    this.#taken = null;
  }

  /** What comes of the work on it here: its result; null where it is left, and may never have one in this process. */
  get outcome(): Promise<TaskResult | null> {
    return this.#taken === null ? this.result : Promise.race([this.result, this.#taken.promise]);
  }

  /** Its result; rejects where this process stops before there is one. */
  get result(): Promise<TaskResult> {
    return this.#result.promise;
  }

  /** Why it was cancelled; null where it was not. */
  get cancelled(): string | null {
    return this.#cancelled;
  }

  /** What is told outside with each of its events. */
  get labels(): EventLabels {
    const { step, trace } = this.identity;
    const workflow = step === null ? {} : { workflowId: step.workflowId };
    return trace === undefined ? workflow : { ...workflow, trace };
  }

  /** What lines of the log say of it beside its id. */
  get logFields(): LogFields {
    const { step, trace } = this.journal?.accepted ?? this.identity;
    const [, traceId] = trace?.split("-") ?? [];
    return {
      ...(step === null ? {} : { workflowId: step.workflowId }),
      ...(traceId === undefined ? {} : { traceId }),
    };
  }

  tell(event: TaskEvent): void {
    for (const listener of this.listeners) listener(event);
  }

  /** Puts it into an actor's hands, or takes it out of them. */
  assign(actor: AgentActor | null): void {
    this.#actor = actor;
    if (actor !== null && this.#cancelled !== null) actor.cancel(this.identity.taskId, this.#cancelled);
  }

  /** Cancels it; the first reason stands. */
  cancel(reason: string): void {
    if (this.#cancelled !== null || this.isSettled) return;
    this.#cancelled = reason;
    if (this.journal?.find("cancelled") === undefined) this.journal?.note({ type: "cancelled", reason });
    this.#actor?.cancel(this.identity.taskId, reason);
  }

  /** Has the actor stop without an end. */
  leave(): void {
    this.#actor?.leave(this.identity.taskId);
  }

  settle(result: TaskResult): void {
    this.isSettled = true;
    this.accept();
    this.#result.resolve(result);
  }

  fail(reason: unknown): void {
    this.isSettled = true;
    this.#result.reject(reason);
  }
}

/** What is told of a task that this process stops before it has ended. */
export function stoppedBefore(taskId: string): MeshStateError {
  return new MeshStateError(
    `The mesh stopped before the task "${taskId}" ended. Nothing is lost: it goes on when a mesh starts on the same data, ` +
      "and executing it again with the same id gives its result.",
  );
}
