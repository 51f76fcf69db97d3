// One running actor: its chart, its mailbox, its tasks, bound to the parts of the mesh.
// Invariant: what it accepted it ends: each task has one result, each message one answer.
// A task's chart is no child of the actor's: XState copies a chart's children at each spawn and stop, and looks through
// all timers of a tree of charts at each stop, so that 10,000 tasks of one tree would cost the square of that.
import { createActor, fromPromise, toPromise } from "xstate";
import { agentMachine, type AgentActorRef, type Crash } from "../machines/agent-machine.ts";
import type { taskMachine, TaskActorRef } from "../machines/task-machine.ts";
import { addressOf, type Address } from "../src/core/address.ts";
import type { AgentDefinition } from "../src/core/agent.ts";
import { sealError } from "../src/core/envelope.ts";
import { DeliveryError, FettleError, messageOf } from "../src/core/errors.ts";
import type { ActorContext, ActorInfo } from "../src/core/handler.ts";
import type { Unsubscribe } from "../src/core/ports.ts";
import type { TaskTerms } from "../src/core/journal.ts";
import type { Task, TaskResult } from "../src/core/task.ts";
import type { TaskTelemetry, Traced } from "../src/core/telemetry.ts";
import type { Release } from "../src/admission.ts";
import type { Memory } from "../src/core/memory.ts";
import { createMemory } from "../src/memory.ts";
import { Mailbox } from "../src/mailbox.ts";
import type { Assignment } from "./assignment.ts";
import { meterOfActor } from "./compressing.ts";
import { DurableMail } from "./durable-mail.ts";
import { endTask } from "./ending.ts";
import { readMailbox, stoppedError, type Mail } from "./intake.ts";
import { receive } from "./letterbox.ts";
import { taskMsOf, type ActorParts } from "./parts.ts";
import { Spending } from "./spending.ts";
import { tellStates } from "./state-telling.ts";
import type { StopMode } from "./stop-mode.ts";
import { SubtaskNames } from "./subtask-names.ts";
import { bindTask } from "./task-binding.ts";

/** What an {@link AgentActor} is made with. */
export interface AgentActorOptions {
  /** The part of the address after the role. */
  readonly instance: string;
  /** Told of tasks that came as messages. */
  readonly execute: (task: string | Task, options: Traced) => Promise<TaskResult>;
  /** Told when it begins to take up tasks, or takes none for a while. */
  readonly onReadiness: () => void;
  /** Told when it crashed too often and stays stopped. */
  readonly onExhausted: (crash: Crash | null) => void;
}

interface RunningTask {
  readonly assignment: Assignment;
  readonly chart: TaskActorRef;
}

const HANDLED = Object.freeze({
  kind: "custom" as const,
  maxRepairs: 0,
  approval: "never" as const,
  recalls: false,
  routes: false,
  profile: null,
});

/** Runs an agent: takes its messages and tasks until stopped. */
export class AgentActor {
  readonly info: ActorInfo;
  readonly agent: AgentDefinition;
  readonly #parts: ActorParts;
  readonly #options: AgentActorOptions;
  readonly #mailbox: Mailbox<Mail>;
  /** The actor's own, for its setup and its messages; a task has one of its own. */
  readonly #memory: Memory;
  readonly #tasks = new Map<string, RunningTask>();
  readonly #taskMachine: typeof taskMachine;
  readonly #chart: AgentActorRef;
  readonly #ended: Promise<void>;
  #state: unknown;
  #unsubscribe: Unsubscribe | null = null;
  #accepting = true;
  /** Whether it is paused, prepares itself or recovers from a crash. */
  #isHeld = true;
  #accepted = 0;
  /** Null where the agent's mailbox is in memory. */
  readonly #mail: DurableMail | null;

  constructor(agent: AgentDefinition, parts: ActorParts, options: AgentActorOptions) {
    const address = addressOf(agent.role, options.instance);
    this.agent = agent;
    const { role, capabilities, mailbox } = agent;
    this.info = Object.freeze({ address, role, capabilities, ...(mailbox === "durable" ? { mailbox } : {}) });
    this.#parts = parts;
    this.#options = options;
    const { stores, model } = parts;
    const scope = { role: agent.role, taskId: `actor-${options.instance}-${agent.role}`.slice(0, 128) };
    const meter = meterOfActor(
      address,
      (taskId) =>
        new Spending(
          parts.book,
          { taskId, role: agent.role },
          { task: undefined, workflow: null, agent: agent.budget, mesh: parts.budget },
        ),
      {
        clock: parts.clock,
        timeoutMs: taskMsOf(agent, parts),
        onAnswer: (answer, ms) =>
          parts.telemetry.tell({ type: "model-answer", role: agent.role, answer, ms }),
      },
    );
    this.#memory = createMemory({ ...stores, model, meter, scope });
    this.#mailbox = new Mailbox({ owner: address, capacity: agent.mailboxSize });
    this.#mail =
      mailbox === "memory"
        ? null
        : new DurableMail(parts, {
            role,
            capacity: agent.mailboxSize,
            push: (mail) => this.#mailbox.push(mail),
          });
    this.#taskMachine = bindTask(agent, parts, {
      address,
      assignmentOf: (taskId) => this.#assignmentOf(taskId),
      context: (signal, assignment) => this.#taskContext(signal, assignment),
    });
    this.#chart = createActor(this.#bindAgent(), {
      id: address,
      input: { address, supervision: agent.supervision },
      ...this.#surroundings,
    });
    this.#ended = toPromise(this.#chart).then(
      () => this.#leave(),
      (thrown: unknown) => {
        parts.log.error({ err: thrown, address }, "an actor's chart failed");
        this.#leave();
      },
    );
  }

  get address(): Address {
    return this.info.address;
  }

  /** Whether it takes tasks and messages. */
  get isOpen(): boolean {
    return this.#accepting;
  }

  /** Whether a task that comes now is taken up now, where there is a place. */
  get isReady(): boolean {
    return this.#accepting && !this.#isHeld;
  }

  /** Tasks that it works on. */
  get burden(): number {
    return this.#tasks.size;
  }

  /** Its own chart, and those of its tasks: to be looked at. */
  get chart(): AgentActorRef {
    return this.#chart;
  }

  get taskCharts(): readonly TaskActorRef[] {
    return [...this.#tasks.values()].map(({ chart }) => chart);
  }

  /** Messages that wait in its mailbox. */
  get unread(): number {
    return this.#mailbox.size;
  }

  /** What its tasks start from. */
  get terms(): TaskTerms {
    const { agent } = this;
    const { maxRepairs } = this.#parts.defaults;
    const deadlineMs = taskMsOf(agent, this.#parts);
    if (agent.kind === "custom") {
      return { ...HANDLED, deadlineMs };
    }
    const { approval, reuse, profile } = agent;
    return {
      kind: "prompt",
      deadlineMs,
      maxRepairs: agent.maxRepairs ?? maxRepairs,
      approval,
      recalls: reuse === "exact",
      routes: profile === "auto",
      profile: profile === "auto" ? null : (profile ?? "coder"),
    };
  }

  /** Resolves when it has stopped and left the mesh. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Joins the mesh and begins to work. */
  start(): void {
    const { admission, directory, fabric, subjects } = this.#parts;
    const { concurrency, kind } = this.agent;
    // A custom agent often waits for tasks that it gave to others: counting it could block them.
    admission.join(this.address, { concurrency, counted: kind === "prompt" });
    this.#unsubscribe = fabric.messages.subscribe(subjects.actor(this.address), (message) =>
      receive(message, this.#mailbox),
    );
    directory.add(this.info);
    this.#chart.start();
    this.#mail?.open();
  }

  /**
   * Makes room for a task that is to be run; gives the function that gives the room back.
   *
   * @throws DeliveryError where it takes no more tasks (`ACTOR_STOPPED`, `QUEUE_FULL`).
   */
  accept(): Release {
    if (!this.#accepting) throw stoppedError(this.address);
    const { concurrency, mailboxSize, role } = this.agent;
    if (this.#accepted >= concurrency + mailboxSize) {
      throw new DeliveryError(
        "QUEUE_FULL",
        `Cannot queue a task for "${this.address}": it has ${this.#accepted}, of which ${concurrency} may run ` +
          `at once and ${mailboxSize} wait. Submit slower, start more actors of the role "${role}", or raise the agent's mailboxSize.`,
        { retryable: true },
      );
    }
    this.#accepted += 1;
    return () => {
      this.#accepted -= 1;
    };
  }

  /**
   * Runs an accepted task to its end, null where it was left; one whose actor has stopped meanwhile ends as cancelled.
   */
  async run(assignment: Assignment, terms: TaskTerms): Promise<TaskResult | null> {
    if (this.#accepting) return this.#runTask(assignment, terms);
    const { name, message } = stoppedError(this.address);
    return endTask(this.agent, this.#parts, { assignment, error: { name, message, category: "cancelled" } });
  }

  async #runTask(assignment: Assignment, terms: TaskTerms): Promise<TaskResult | null> {
    const { taskId } = assignment;
    const chart = createActor(this.#taskMachine, {
      id: `task-${taskId}`,
      input: { taskId, ...terms },
      ...this.#surroundings,
    });
    this.#tasks.set(taskId, { assignment, chart });
    this.#chart.send({ type: "taskStarted" });
    chart.start();
    tellStates(chart, assignment);
    try {
      return await toPromise(chart);
    } finally {
      this.#tasks.delete(taskId);
      this.#chart.send({ type: "taskEnded" });
    }
  }

  /** What all charts are given. */
  get #surroundings() {
    const { clock, inspect } = this.#parts;
    return inspect === undefined ? { clock } : { clock, inspect };
  }

  /** Cancels a task; does nothing where it has none of that id. */
  cancel(taskId: string, reason: string): void {
    this.#tasks.get(taskId)?.chart.send({ type: "cancel", reason });
  }

  /** Stops the work on a task without an end. */
  leave(taskId: string): void {
    this.#tasks.get(taskId)?.chart.send({ type: "leave" });
  }

  /** Keeps messages and tasks waiting; what runs goes on. */
  pause(): void {
    this.#chart.send({ type: "pause" });
  }

  resume(): void {
    this.#chart.send({ type: "resume" });
  }

  /** Stops it: after what it has, or by cancelling that. Resolves when it has left the mesh. */
  async stop(mode: StopMode, reason = "The actor was stopped."): Promise<void> {
    this.#accepting = false;
    this.#parts.directory.remove(this.address);
    await this.#mail?.close();
    this.#chart.send(mode === "drain" ? { type: "drain" } : { type: "stop", reason });
    await this.#ended;
  }

  #bindAgent(): typeof agentMachine {
    const { admission, clock, log, telemetry } = this.#parts;
    const { address } = this.info;
    const crash = (message: string): Crash => ({ at: clock.now(), message });
    return agentMachine.provide({
      actors: {
        prepare: fromPromise(async ({ signal }) => {
          try {
            this.#state = await this.agent.setup?.(this.#context(signal));
            return null;
          } catch (thrown) {
            return crash(`setup failed: ${messageOf(thrown)}`);
          }
        }),
        serve: fromPromise(async ({ signal }) => {
          const message = await readMailbox({
            agent: this.agent,
            address,
            mailbox: this.#mailbox,
            signal,
            context: (scope) => this.#context(scope),
            execute: this.#options.execute,
            deliver: (message, work) => telemetry.deliver(message, work),
            warn: (thrown, { id, from }) =>
              log.warn({ err: thrown, address, messageId: id, from }, "a message could not be handled"),
          });
          return message === null ? null : crash(message);
        }),
      },
      actions: {
        hold: () => {
          this.#isHeld = true;
          this.#mailbox.hold();
          admission.hold(address);
          this.#options.onReadiness();
        },
        unhold: () => {
          this.#isHeld = false;
          this.#mailbox.unhold();
          admission.unhold(address);
          this.#options.onReadiness();
        },
        closeIntake: () => {
          this.#accepting = false;
          this.#mailbox.close();
        },
        cancelTasks: (_, reason) => {
          for (const { chart } of this.#tasks.values()) {
            chart.send(reason === undefined ? { type: "cancel" } : { type: "cancel", reason });
          }
        },
        reportCrash: ({ context }) =>
          log.warn(
            { address, crash: context.lastCrash?.message, restarts: context.restarts },
            "an actor crashed and will be restarted",
          ),
        announceEnd: ({ context }) => {
          log.error(
            { address, crash: context.lastCrash?.message, restarts: context.restarts },
            "an actor crashed too often and stays stopped",
          );
          this.#options.onExhausted(context.lastCrash);
        },
      },
    });
  }

  #assignmentOf(taskId: string): Assignment {
    const task = this.#tasks.get(taskId);
    if (task !== undefined) return task.assignment;
    throw new FettleError("TASK_UNKNOWN", `The actor "${this.address}" holds no task "${taskId}".`);
  }

  #context(signal: AbortSignal, task?: TaskTelemetry): ActorContext {
    return {
      ...this.#parts.operations(this.address, task),
      self: this.address,
      role: this.agent.role,
      state: this.#state,
      memory: this.#memory,
      blobs: this.#parts.blobs,
      signal,
    };
  }

  /** What a handler gives to others on behalf of a task is given once, however often the task is taken up. */
  #taskContext(signal: AbortSignal, { taskId, memory, journal }: Assignment): ActorContext {
    const context = this.#context(signal, journal.telemetry);
    const names = new SubtaskNames(taskId);
    return { ...context, memory, execute: (role, task) => context.execute(role, names.name(role, task)) };
  }

  #leave(): void {
    this.#accepting = false;
    this.#mailbox.close();
    this.#unsubscribe?.();
    this.#parts.directory.remove(this.address);
    this.#parts.admission.leave(this.address);
    void this.#mail?.close();
    for (const { reply, settle } of this.#mailbox.clear()) {
      reply(sealError(stoppedError(this.address)));
      settle?.({ type: "stopped" });
    }
  }
}
