// The actor system: takes agents in, starts their actors, routes tasks and messages to them, stops them.
// Invariant: everything that was accepted ends in a result before `stop` resolves. It opens nothing itself: what
// it stands on comes from `open`, so that the same system runs embedded, over NATS and in tests.
import type { AgentHandle } from "../actors/agent-handle.ts";
import { openWorkflows } from "../actors/mesh-workflows.ts";
import type { Inspect } from "../actors/parts.ts";
import { Population } from "../actors/population.ts";
import type { MeshEvent } from "../actors/mesh-event.ts";
import type { MeshResources } from "../actors/mesh-resources.ts";
import { Runtime } from "../actors/runtime.ts";
import type { MeshStopMode, StopOptions } from "../actors/stop-mode.ts";
import { acceptedTask, type AcceptedTask } from "../actors/accepted-task.ts";
import type { ExecuteOptions } from "../actors/execute-options.ts";
import type { WorkflowDesk, WorkflowRunOptions } from "../actors/workflow-desk.ts";
import type { Answerer } from "./approvals.ts";
import type { Approval } from "./core/approval.ts";
import type { Address } from "./core/address.ts";
import type { AgentDefinition, OutputOf } from "./core/agent.ts";
import type { WorkflowStep } from "./core/dag.ts";
import { MeshStateError } from "./core/errors.ts";
import type { LogFields } from "./core/log.ts";
import type { ActorInfo, AskOptions, BroadcastResult, Discovery } from "./core/handler.ts";
import { requireName } from "./core/names.ts";
import type { MeshView } from "./mesh-view.ts";
import type { BudgetStatus } from "./core/budget-record.ts";
import type { Amounts, BudgetScope, ScopeName } from "./core/budget.ts";
import type { Blobs, Unsubscribe } from "./core/ports.ts";
import type { Task, TaskResult } from "./core/task.ts";
import type { WorkflowResult } from "./core/workflow-result.ts";

/** Where a mesh stands between its making and its end. */
export type MeshPhase = "new" | "starting" | "started" | "stopping" | "stopped";

/** Roles with the types of their outputs, as `add` collects them. */
export type AgentOutputs = Readonly<Record<string, unknown>>;

/** The outputs of a mesh that no agent was added to. */
// eslint-disable-next-line @typescript-eslint/no-generated-empty-object-type -- no role at all is what is meant.
export type NoAgents = Record<never, never>;

/** What is said to those whose work was not done. */
const STOPPED = "The mesh was stopped.";

/** The actor system; its parts are given by whoever extends it. */
export abstract class MeshSystem<Agents extends AgentOutputs = NoAgents> {
  readonly #population = new Population();
  readonly #listeners = new Set<(event: MeshEvent) => void>();
  readonly #inspect: Inspect | undefined;
  #phase: MeshPhase = "new";
  #running: Runtime | null = null;
  #workflows: WorkflowDesk | null = null;
  #stopping: Promise<void> | null = null;

  constructor(inspect?: Inspect) {
    this.#inspect = inspect;
  }

  /** Opens what the mesh stands on; called once by `start`. */
  protected abstract open(): Promise<MeshResources>;

  /**
   * Adds an agent, before `start`.
   *
   * @throws DefinitionError where the role is taken; MeshStateError where the mesh has started (use `spawn`).
   */
  add<Role extends string, Out>(
    agent: AgentDefinition<Role, Out>,
  ): MeshSystem<Agents & { readonly [R in Role]: Out }> {
    if (this.#phase !== "new") {
      throw new MeshStateError(
        `Cannot add "${agent.role}": the mesh is ${this.#phase}. Use spawn() for new agents.`,
      );
    }
    this.#population.register(agent);
    return this as unknown as MeshSystem<Agents & { readonly [R in Role]: Out }>;
  }

  /**
   * Opens the parts, starts one actor for each agent, and goes on with what an earlier process left.
   *
   * @throws MeshStateError where it was started before; ConfigError, NoModelError, StorageError or another where a
   * part cannot be opened: what was opened is closed again then.
   */
  async start(): Promise<this> {
    if (this.#phase !== "new") throw new MeshStateError(`Cannot start: the mesh is ${this.#phase} already.`);
    this.#phase = "starting";
    let resources: MeshResources | null = null;
    try {
      resources = await this.open();
      this.#running = new Runtime(resources, this.#population, {
        inspect: this.#inspect,
        publish: (event) => this.#publish(event),
        subscribe: (listener) => this.subscribe(listener),
      });
      await this.#running.open();
      for (const agent of this.#population.agents) await this.#running.spawn(agent);
      // Once all are there: a task that goes on may give tasks to any of them.
      for (const { role } of this.#population.agents) await this.#running.serve(role);
    } catch (thrown) {
      this.#phase = "stopped";
      await this.#running?.stop("cancel", "The mesh could not start.");
      this.#running = null;
      await resources?.close();
      throw thrown;
    }
    this.#phase = "started";
    const workflows = this.#requireWorkflows("go on with workflows");
    if (resources.isDistributed) await workflows.adopt();
    await workflows.resume();
    return this;
  }

  /**
   * Stops all actors and closes all that was opened; the process can then end by itself. Called again while it drains,
   * with `cancel` or `suspend`, it hastens the end.
   */
  async stop(options: StopOptions = {}): Promise<void> {
    if (this.#phase === "new") {
      this.#phase = "stopped";
      return;
    }
    if (this.#phase === "stopped") return;
    if (this.#stopping === null) this.#stopping = this.#stop(this.#require("stop"), options);
    else await this.#hasten(options.mode ?? "drain");
    await this.#stopping;
  }

  async #stop(running: Runtime, { mode = "drain", timeoutMs }: StopOptions): Promise<void> {
    this.#phase = "stopping";
    await this.#workflows?.stop(mode, STOPPED);
    const overdue =
      timeoutMs === undefined ? undefined : setTimeout(() => void this.#hasten("cancel"), timeoutMs);
    await running.stop(mode, STOPPED);
    clearTimeout(overdue);
    await this.#workflows?.close();
    await running.resources.close();
    this.#running = null;
    this.#phase = "stopped";
  }

  /** Ends what a stop waits for. */
  async #hasten(mode: MeshStopMode): Promise<void> {
    if (mode === "drain") return;
    const running = this.#running;
    await Promise.all([
      this.#workflows?.stop(mode, STOPPED),
      running?.desk.close(mode === "cancel" ? "cancel" : "leave", STOPPED),
    ]);
  }

  /** Stops it, by draining. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Where it stands between its making and its end. */
  get phase(): MeshPhase {
    return this.#phase;
  }

  /** What can be seen of the mesh: its tasks and workflows as they are stored, and what they are doing. */
  get view(): MeshView {
    return this.#require("look at the mesh").view;
  }

  /** What this process is called in journals, in leases and among the nodes of the mesh; null unless it has started. */
  get node(): string | null {
    return this.#running?.resources.node ?? null;
  }

  /** What lines of a log say of a task that this process has in hand: the node, the task's workflow and its trace. */
  logFields(taskId: string): LogFields {
    const running = this.#running;
    return running === null ? {} : { node: running.resources.node, ...running.desk.logFields(taskId) };
  }

  /** The agents of this mesh. */
  get agents(): readonly AgentHandle[] {
    return this.#population.agents.map((definition) => ({
      role: definition.role,
      capabilities: definition.capabilities,
      definition,
      execute: (task, options) => this.execute(definition.role, task, options),
      standing: () => this.#population.standingOf(definition.role),
      pause: () => this.pause(definition.role),
      resume: () => this.resume(definition.role),
    }));
  }

  /**
   * Runs a task with an agent, by its role or its definition; resolves with the result, also of a failure.
   *
   * @throws MeshStateError, UnknownError, TaskError or DeliveryError where the task is not accepted.
   */
  execute<Role extends keyof Agents & string>(
    role: Role,
    task: string | Task,
    options?: ExecuteOptions,
  ): Promise<TaskResult<Agents[Role]>>;
  execute<A extends AgentDefinition>(
    agent: A,
    task: string | Task,
    options?: ExecuteOptions,
  ): Promise<TaskResult<OutputOf<A>>>;
  execute(role: string, task: string | Task, options?: ExecuteOptions): Promise<TaskResult>;
  async execute(
    who: string | AgentDefinition,
    task: string | Task,
    options: ExecuteOptions = {},
  ): Promise<TaskResult> {
    const role = typeof who === "string" ? who : who.role;
    const running = this.#require(`execute a task of "${role}"`);
    return running.desk.execute(role, task, running.traced(options));
  }

  /**
   * Gives a task to an agent and resolves once it is accepted: from then on it ends in a result, which can be waited for.
   *
   * @throws as `execute`, where the task is not accepted.
   */
  async submit(role: string, task: string | Task, options: ExecuteOptions = {}): Promise<AcceptedTask> {
    const running = this.#require(`submit a task of "${role}"`);
    const { desk } = running;
    return acceptedTask((...given) => desk.execute(...given), {
      role,
      task,
      options: running.traced(options),
    });
  }

  /**
   * Runs steps that may depend on each other, independent ones at once. Of a workflow that was begun before, by this
   * process or by one that died, what is done is taken from the record; of one that has ended, all. Where another process
   * of the mesh works on it, its result is waited for.
   *
   * @throws WorkflowError, UnknownError or MeshStateError, all before anything runs.
   */
  async workflow(
    id: string,
    steps: readonly WorkflowStep[],
    options: WorkflowRunOptions = {},
  ): Promise<WorkflowResult> {
    const attempt = `run the workflow "${id}"`;
    return this.#requireWorkflows(attempt).run(id, steps, this.#require(attempt).traced(options));
  }

  /**
   * Cancels a workflow, also one that another process of the mesh works on: its running steps are stopped, the others
   * not begun; resolves with what was done.
   *
   * @throws UnknownError where no such workflow is under way; OwnershipError where another process has it and functions
   * decide on its steps.
   */
  async cancelWorkflow(id: string, reason?: string): Promise<WorkflowResult> {
    return this.#requireWorkflows(`cancel the workflow "${id}"`).cancel(id, reason);
  }

  /**
   * Cancels a task: its model call is aborted, its guest killed; resolves with its result.
   *
   * @throws UnknownError where no such task is under way.
   */
  async cancel(taskId: string, reason?: string): Promise<TaskResult> {
    return this.#require(`cancel the task "${taskId}"`).desk.cancel(taskId, reason);
  }

  /** What waits to be allowed by a person, the oldest first. */
  async pending(): Promise<readonly Approval[]> {
    return this.#require("list approvals").approvals.pending();
  }

  /**
   * Allows what a task waits for; it goes on at once.
   *
   * @throws ApprovalError where no such approval is waited for, or it was answered already.
   */
  async approve(approvalId: string, answerer?: Answerer): Promise<Approval> {
    return this.#require(`approve "${approvalId}"`).approvals.answer(approvalId, "approved", answerer);
  }

  /**
   * Refuses what a task waits for: code and tool calls go to repair, with the note as the reason.
   *
   * @throws as `approve`.
   */
  async reject(approvalId: string, answerer?: Answerer): Promise<Approval> {
    return this.#require(`reject "${approvalId}"`).approvals.answer(approvalId, "rejected", answerer);
  }

  /**
   * Starts one more actor of an agent, which becomes known if it was not; gives its address, `<role>.<instance>`.
   *
   * @throws DefinitionError where the instance is no name, or another agent has the role.
   */
  async spawn(agent: AgentDefinition, options: { readonly instance?: string } = {}): Promise<Address> {
    const running = this.#require(`spawn an actor of "${agent.role}"`);
    if (options.instance !== undefined) requireName(options.instance, "The actor's instance");
    if (!this.#population.isRegistered(agent)) this.#population.register(agent);
    const address = await running.spawn(agent, options.instance);
    await running.serve(agent.role);
    return address;
  }

  /**
   * Puts a message into an actor's mailbox; `to` is an address, or a role for any actor of it.
   *
   * @throws UnknownError where there is none; DeliveryError where its mailbox is full or it stopped; ValueError where the
   * codec cannot carry the body.
   */
  async send(to: string, body: unknown): Promise<void> {
    return this.#require(`send to "${to}"`).post.send(null, to, body);
  }

  /**
   * Sends a message and waits for the answer.
   *
   * @throws as `send`; DeliveryError `HANDLER_FAILED` at once where the handler threw, `ASK_TIMEOUT` where nobody answered
   * in time; CancelledError where `signal` was aborted.
   */
  async ask(to: string, body: unknown, options: AskOptions = {}): Promise<unknown> {
    return this.#require(`ask "${to}"`).post.ask(null, to, body, options);
  }

  /** Sends a message to every actor that matches. */
  async broadcast(to: Discovery, body: unknown): Promise<BroadcastResult> {
    return this.#require("broadcast").post.broadcast(null, to, body);
  }

  /** The actors that match, in the order of the strategy: the first is the one to use. */
  async discover(query: Discovery = {}): Promise<readonly ActorInfo[]> {
    return this.#require("discover actors").directory.find(query);
  }

  /** Named byte sequences that handlers and programs share, apart from the stored results. */
  get blobs(): Blobs {
    return this.#require("use blobs").blobs;
  }

  /** How a budget stands; `scope` names whose, as `mesh`, `agent:coder` or `task:t1`, and what it limits now. */
  async budget(scope: BudgetScope): Promise<BudgetStatus> {
    return this.#require("read a budget").book.status(scope);
  }

  /** Lifts the limits of a budget for good, by so much; with an `id` it counts once, however often it is called. */
  async raiseBudget(
    name: ScopeName,
    amounts: Amounts,
    options: { readonly id?: string } = {},
  ): Promise<void> {
    await this.#require("raise a budget").book.raise(name, amounts, options);
  }

  /** Keeps a role's tasks and messages waiting; what runs goes on. */
  pause(role: string): void {
    this.#require(`pause "${role}"`);
    for (const actor of this.#population.actorsOf(role)) actor.pause();
  }

  /** Lets a role's tasks and messages be taken up again. */
  resume(role: string): void {
    this.#require(`resume "${role}"`);
    for (const actor of this.#population.actorsOf(role)) actor.resume();
  }

  /** Tells of tasks and actors of this process as things happen to them; the listener must not throw. */
  subscribe(listener: (event: MeshEvent) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #publish(event: MeshEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #requireWorkflows(what: string): WorkflowDesk {
    const running = this.#require(what);
    this.#workflows ??= openWorkflows(running, {
      inspect: this.#inspect,
      publish: (event) => this.#publish(event),
    });
    return this.#workflows;
  }

  #require(what: string): Runtime {
    if (this.#running !== null && this.#phase === "started") return this.#running;
    const hint = this.#phase === "new" ? " Call start() first, and wait for it." : "";
    const phase = this.#phase === "new" ? "not started" : this.#phase;
    throw new MeshStateError(`Cannot ${what}: the mesh is ${phase}.${hint}`);
  }
}
