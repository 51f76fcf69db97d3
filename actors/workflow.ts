// Runs one workflow: binds the charts' slots to its record, the tasks of the mesh and the clock.
// Invariant: each effect looks in the record first; what it does is recorded before the chart sees it. A cancelled
// workflow begins nothing more, and what the record holds counts all the same.
import { createActor, fromPromise, toPromise } from "xstate";
import { itemMachine, type ItemTry } from "../machines/item-machine.ts";
import { stepMachine } from "../machines/step-machine.ts";
import { workflowMachine } from "../machines/workflow-machine.ts";
import type { Budget } from "../src/core/budget.ts";
import type { Clock } from "../src/core/clock.ts";
import type { PlannedStep } from "../src/core/dag.ts";
import { FettleError, MeshStateError, OwnershipError } from "../src/core/errors.ts";
import type { StepOf } from "../src/core/journal.ts";
import { pause } from "../src/core/pause.ts";
import type { Scope } from "../src/core/reference.ts";
import type { Task, TaskEvent, TaskFailure, TaskResult } from "../src/core/task.ts";
import { workflowTaskId } from "../src/core/workflow.ts";
import type { WorkflowEvent } from "../src/core/workflow-event.ts";
import { sumOf, type Decision, type WorkflowResult } from "../src/core/workflow-result.ts";
import type { ApprovalWait } from "../src/approval-wait.ts";
import type { WorkflowRecord } from "../src/workflow-record.ts";
import { decide } from "./deciding.ts";
import type { Inspect } from "./parts.ts";

/** What a workflow needs of the mesh. */
export interface WorkflowPorts {
  readonly clock: Clock;
  readonly inspect: Inspect | undefined;
  /** Runs a task to its end; one of an id that has ended gives its recorded result. */
  readonly runTask: (
    role: string,
    task: Task & { readonly id: string },
    options: TaskRunOptions,
  ) => Promise<TaskResult>;
  /** How long a task has waited for a person since a time, in milliseconds since 1970. */
  readonly approvalWait: (taskId: string, since: number) => Promise<ApprovalWait>;
  /** Has a mesh that stops leave a task for the next start. */
  readonly leaveTask: (taskId: string) => void;
  /** Cancels a task that is under way; gives null where it is not. */
  readonly cancelTask: (taskId: string) => Promise<TaskResult | null>;
  /** Stores and gives the result of a task that is not run. */
  readonly refuseTask: (
    role: string,
    task: Task & { readonly id: string },
    error: TaskFailure,
  ) => Promise<TaskResult>;
}

/** How a workflow has a task run. */
export interface TaskRunOptions {
  readonly signal: AbortSignal;
  readonly step: StepOf;
  readonly onEvent: (event: TaskEvent) => void;
}

type Why = "timeout" | "cancelled";

/** A workflow under way. */
export class WorkflowRun {
  readonly result: Promise<WorkflowResult>;
  readonly #id: string;
  readonly #byId: ReadonlyMap<string, PlannedStep>;
  readonly #record: WorkflowRecord;
  readonly #ports: WorkflowPorts;
  readonly #tell: (event: WorkflowEvent) => void;
  readonly #onEvent: (event: TaskEvent) => void;
  /** The tasks that are under way, by id: since when, and how each is stopped. */
  readonly #tries = new Map<string, { readonly begunAt: number; readonly stop: (why: Why) => void }>();
  readonly #startedAt = new Map<string, number>();
  readonly #chart;
  readonly #budget: Budget | undefined;
  #isCancelled: boolean;
  /** Why it goes on elsewhere, or later; null as long as it goes on here. */
  #left: Error | null = null;

  constructor(
    workflow: {
      readonly steps: readonly PlannedStep[];
      readonly context: Readonly<Record<string, unknown>>;
      readonly budget?: Budget | undefined;
    },
    record: WorkflowRecord,
    options: WorkflowPorts & {
      readonly tell: (event: WorkflowEvent) => void;
      readonly onEvent: (event: TaskEvent) => void;
    },
  ) {
    this.#id = record.id;
    this.#budget = workflow.budget;
    this.#record = record;
    this.#ports = options;
    this.#tell = options.tell;
    this.#onEvent = options.onEvent;
    this.#byId = new Map(workflow.steps.map((step) => [step.id, step]));
    this.#isCancelled = record.cancelled !== null;
    const { clock, inspect } = options;
    this.#chart = createActor(this.#bind(), {
      id: `workflow-${record.id}`,
      input: { id: record.id, ...workflow },
      clock,
      ...(inspect === undefined ? {} : { inspect }),
    });
    this.#tell({
      type: "workflow-started",
      workflowId: record.id,
      steps: workflow.steps.map(({ id, agent, dependsOn }) => ({ id, agent, dependsOn })),
      resumed: record.found,
    });
    this.result = toPromise(this.#chart).then((result) => {
      // A chart that is stopped has no output.
      if (typeof result === "object" && result !== null) return result;
      throw this.#left ?? leftAsItIs(this.#id);
    });
    this.#chart.start();
  }

  /** Leaves it as it is, to be gone on with; `result` rejects with a MeshStateError. */
  leave(): void {
    this.#stop(leftAsItIs(this.#id));
    for (const taskId of this.#tries.keys()) this.#ports.leaveTask(taskId);
  }

  /** Leaves it to another process, with the tasks that were begun; `result` rejects with an OwnershipError. */
  yield(): void {
    this.#stop(new OwnershipError(`The workflow "${this.#id}" is gone on with by another process.`));
  }

  /** Stops what runs and begins nothing more; resolves when that is recorded. Of one that has ended, nothing changes. */
  async cancel(reason: string): Promise<void> {
    if (this.#isCancelled || this.#record.isEnding) return;
    await this.#record.append({ type: "cancelled", reason });
    this.#isCancelled = true;
    this.#chart.send({ type: "cancel" });
  }

  #stop(why: Error): void {
    this.#left ??= why;
    this.#record.close();
    this.#chart.stop();
  }

  #bind(): typeof workflowMachine {
    const item = itemMachine.provide({
      actors: {
        task: fromPromise(({ input }) => this.#runTask(input, input.context)),
        timeLeft: fromPromise(({ input }) => this.#timeLeft(input, input.timeoutMs)),
        pause: fromPromise(({ input, signal }) => this.#pause(input, signal)),
      },
      actions: {
        abort: (_, params) => this.#tries.get(workflowTaskId(this.#id, params))?.stop(params.why),
      },
    });
    const step = stepMachine.provide({
      actors: {
        item,
        decide: fromPromise(({ input }) => this.#decide(input.step, input.scope)),
        refuse: fromPromise(({ input }) => this.#refuse(input.step, input.error)),
        settle: fromPromise(async ({ input: { step, outcome } }) => {
          const { id, agent } = step;
          const recordedTime = this.#record.stepTime(id);
          const executionTime = recordedTime ?? this.#secondsSince(this.#startedAt.get(id));
          const recorded = recordedTime !== undefined;
          if (!recorded) {
            await this.#record.append({
              type: "step-ended",
              step: id,
              status: outcome.status,
              executionTime,
            });
          }
          const result = { id, agent, ...outcome, executionTime, ...sumOf(outcome.tasks), recorded };
          const { status, error, tokens, costUsd } = result;
          const told = { workflowId: this.#id, step: id };
          if (status === "skipped") this.#tell({ type: "step-skipped", ...told });
          else
            this.#tell({
              type: "step-finished",
              ...told,
              status,
              error,
              executionTime,
              tokens,
              costUsd,
              recorded,
            });
          return result;
        }),
      },
      actions: {
        tell: (_, event) => {
          // Of a step that had ended before, its end is all there is to tell.
          if ("step" in event && this.#record.stepTime(event.step) !== undefined) return;
          if (event.type === "step-started") this.#startedAt.set(event.step, this.#ports.clock.now());
          this.#tell({ ...event, workflowId: this.#id });
        },
      },
    });
    return workflowMachine.provide({
      actors: {
        step,
        settle: fromPromise(async ({ input }) => {
          const { status, tokens, costUsd } = input;
          const recordedTime = this.#record.executionTime;
          const recorded = recordedTime !== null;
          const executionTime = recordedTime ?? this.#secondsSince(this.#record.startedAt);
          if (!recorded) await this.#record.append({ type: "ended", status, executionTime });
          this.#tell({
            type: "workflow-finished",
            workflowId: this.#id,
            status,
            executionTime,
            tokens,
            costUsd,
            recorded,
          });
          return { ...input, executionTime, recorded };
        }),
      },
    });
  }

  /** Runs one try; null where the workflow was cancelled before it began. */
  async #runTask(one: ItemTry, context: Readonly<Record<string, unknown>>): Promise<TaskResult | null> {
    const { step: name, index, attempt } = one;
    const taskId = workflowTaskId(this.#id, one);
    const recorded = this.#record.task(taskId);
    if (recorded !== undefined) return recorded;
    const step = this.#step(name);
    if (this.#isCancelled) return this.#leave(step, taskId);
    this.#tell({ type: "step-task", workflowId: this.#id, step: name, index, taskId, attempt });
    const controller = new AbortController();
    let stopping: Promise<unknown> = Promise.resolve();
    const stop = (why: Why) => {
      if (controller.signal.aborted) return;
      // A timeout is recorded before it stops anything: found again, the task counts as overdue and not as cancelled.
      stopping =
        why === "timeout"
          ? this.#record.append({ type: "timed-out", step: name, taskId })
          : Promise.resolve();
      void stopping.then(
        () => controller.abort(),
        () => controller.abort(),
      );
    };
    this.#tries.set(taskId, { begunAt: this.#ports.clock.now(), stop });
    try {
      const ended = await this.#execute(
        step,
        { id: taskId, task: step.task, context },
        {
          signal: controller.signal,
          step: { workflowId: this.#id, stepId: name, budget: this.#budget },
          onEvent: this.#onEvent,
        },
      );
      await stopping;
      const overdue = ended.status === "cancelled" && this.#record.hasTimedOut(taskId);
      const result = overdue ? timedOut(ended, step) : ended;
      return (await this.#record.append({ type: "task-ended", step: name, result })).result;
    } finally {
      this.#tries.delete(taskId);
    }
  }

  /** What a try has left of its time, in milliseconds, where it waited for a person meanwhile; 0 or less for none. */
  async #timeLeft(one: ItemTry, timeoutMs: number): Promise<number> {
    const taskId = workflowTaskId(this.#id, one);
    const begunAt = this.#tries.get(taskId)?.begunAt;
    if (begunAt === undefined) return 0;
    const { waitedMs, isWaiting } = await this.#ports.approvalWait(taskId, begunAt);
    if (waitedMs === 0 && !isWaiting) return 0;
    const left = timeoutMs - (this.#ports.clock.now() - begunAt - waitedMs);
    return isWaiting ? Math.max(left, WAITING_MS) : left;
  }

  /** Of a workflow that was cancelled, a task that is under way all the same, taken up after a crash, is ended. */
  async #leave(step: PlannedStep, taskId: string): Promise<TaskResult | null> {
    const result = await this.#ports.cancelTask(taskId);
    if (result === null) return null;
    return (await this.#record.append({ type: "task-ended", step: step.id, result })).result;
  }

  /** A task that is not accepted ends as one that failed, unless the mesh or its store is what fails. */
  async #execute(
    step: PlannedStep,
    task: Task & { readonly id: string },
    options: TaskRunOptions,
  ): Promise<TaskResult> {
    for (;;) {
      try {
        return await this.#ports.runTask(step.agent, task, options);
      } catch (thrown) {
        if (!(thrown instanceof FettleError)) throw thrown;
        if (thrown.code === "QUEUE_FULL" && !options.signal.aborted) {
          await pause(FULL_QUEUE_MS, { clock: this.#ports.clock, signal: options.signal });
          continue;
        }
        if (!NOT_ACCEPTED.has(thrown.code)) throw thrown;
        const { name, message } = thrown;
        return this.#ports.refuseTask(step.agent, task, { name, message, category: "internal" });
      }
    }
  }

  async #pause(
    next: ItemTry & { readonly delayMs: number; readonly error: TaskFailure | null },
    signal: AbortSignal,
  ): Promise<null> {
    const { step, index, attempt, delayMs, error } = next;
    const isRecorded = this.#record.task(workflowTaskId(this.#id, next)) !== undefined;
    if (isRecorded || this.#isCancelled || error === null) return null;
    this.#tell({ type: "step-retry", workflowId: this.#id, step, index, attempt, delayMs, error });
    await pause(delayMs, { clock: this.#ports.clock, signal });
    return null;
  }

  async #decide(step: PlannedStep, scope: Scope): Promise<Decision> {
    const recorded = this.#record.decision(step.id);
    if (recorded !== undefined) return recorded;
    if (this.#isCancelled) {
      return { run: false, error: notBegun(step) };
    }
    const decision = await decide(step, scope);
    return (await this.#record.append({ type: "decided", step: step.id, decision })).decision;
  }

  async #refuse(step: PlannedStep, error: TaskFailure): Promise<TaskResult> {
    const { id, agent, task } = step;
    const taskId = workflowTaskId(this.#id, { step: id, index: null, attempt: 1 });
    const recorded = this.#record.task(taskId);
    if (recorded !== undefined) return recorded;
    const result = await this.#ports.refuseTask(
      agent,
      { id: taskId, task },
      this.#isCancelled ? notBegun(step) : error,
    );
    return (await this.#record.append({ type: "task-ended", step: id, result })).result;
  }

  #step(id: string): PlannedStep {
    const step = this.#byId.get(id);
    if (step !== undefined) return step;
    throw new FettleError("WORKFLOW_INVALID", `The workflow "${this.#id}" has no step "${id}".`);
  }

  #secondsSince(at: number | undefined): number {
    return at === undefined ? 0 : Math.max(0, this.#ports.clock.now() - at) / 1000;
  }
}

const FULL_QUEUE_MS = 50;
/** The time of a task that waits for a person is not looked at more often than this, in milliseconds. */
const WAITING_MS = 1_000;

/** What is told of a workflow that stops unfinished with its mesh. */
export function leftAsItIs(id: string): MeshStateError {
  return new MeshStateError(`The workflow "${id}" was left: it goes on when a mesh is started again.`);
}

/** Errors of a task that a mesh in good order does not accept, now or ever. */
const NOT_ACCEPTED: ReadonlySet<string> = new Set([
  "TASK_INVALID",
  "AGENT_UNKNOWN",
  "ACTOR_STOPPED",
  "QUEUE_FULL",
]);

function notBegun({ id }: PlannedStep): TaskFailure {
  const message = `Step "${id}" was not run: the workflow was cancelled.`;
  return { name: "CancelledError", message, category: "cancelled" };
}

function timedOut(result: TaskResult, step: PlannedStep): TaskResult {
  const message =
    `Step "${step.id}" did not end within ${(step.timeoutMs ?? 0) / 1000} s. ` +
    "Raise its timeoutMs if it needs longer.";
  return { ...result, status: "failure", error: { name: "TimeoutError", message, category: "timeout" } };
}
