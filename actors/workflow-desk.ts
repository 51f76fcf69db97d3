// Where workflows come in: checks each before anything runs, has it worked on, can cancel it, and goes on with those
// that a stopped process left.
// Invariant: of one id there is one workflow under way, in all processes of the mesh; who asks for the same joins it.
import { checkContext } from "./task-check.ts";
import { checkBudget, type Budget } from "../src/core/budget.ts";
import { planWorkflow, type PlannedStep, type WorkflowStep } from "../src/core/dag.ts";
import { OwnershipError, UnknownError } from "../src/core/errors.ts";
import { isName, requireName } from "../src/core/names.ts";
import type { TaskEvent } from "../src/core/task.ts";
import { UnderWay } from "../src/core/under-way.ts";
import { storedStep, workflowTaskId } from "../src/core/workflow.ts";
import type { WorkflowEvent } from "../src/core/workflow-event.ts";
import type { WorkflowResult } from "../src/core/workflow-result.ts";
import {
  refuseOther,
  unfinishedWorkflow,
  unfinishedWorkflows,
  type StoredWorkflow,
  type UnfinishedWorkflow,
} from "../src/workflow-record.ts";
import { HeldWorkflow, type HeldWorkflowParts } from "./held-workflow.ts";
import type { MeshStopMode } from "./stop-mode.ts";

/** The options of one workflow. */
export interface WorkflowRunOptions {
  /** Cancels the workflow when aborted. */
  readonly signal?: AbortSignal | undefined;
  /** What every step finds in its context, unless it has its own of that name. */
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  /** What all its tasks together may cost. */
  readonly budget?: Budget | undefined;
  /** Told of the workflow, its steps and their tasks as they come. */
  readonly onEvent?: ((event: WorkflowEvent | TaskEvent) => void) | undefined;
  /** The trace of whoever asks for it, as W3C Trace Context writes it. */
  readonly trace?: string | undefined;
}

/** What a {@link WorkflowDesk} is made with. */
export interface WorkflowDeskParts extends HeldWorkflowParts {
  /** The mesh's task queue; null for the common one. */
  readonly queue: string | null;
  /** @throws UnknownError where no agent of the mesh has the role. */
  readonly checkRole: (role: string) => void | Promise<void>;
  /** Counts work as under way until it ends. */
  readonly track: <T>(work: Promise<T>) => Promise<T>;
}

const LONGEST_ITEM = 999_999;

/** Takes workflows in and runs them. */
export class WorkflowDesk {
  readonly #parts: WorkflowDeskParts;
  readonly #held = new Map<string, HeldWorkflow>();
  /** Workflows whose agents are looked for. */
  readonly #joining = new UnderWay();
  #isStopping = false;

  constructor(parts: WorkflowDeskParts) {
    this.#parts = parts;
  }

  /**
   * Runs a workflow, goes on with it, or gives the results of one that has ended.
   *
   * Where another process works on it, its result is waited for.
   *
   * @throws WorkflowError, UnknownError, DefinitionError or TaskError, all before anything runs.
   */
  async run(
    id: string,
    steps: readonly WorkflowStep[],
    options: WorkflowRunOptions = {},
  ): Promise<WorkflowResult> {
    const budget = options.budget === undefined ? undefined : checkBudget(options.budget, `Workflow "${id}"`);
    const { context = {}, trace } = options;
    const held = await this.#join(id, steps, { context, budget, trace });
    return this.#follow(held, id, options);
  }

  #join(
    id: string,
    steps: readonly WorkflowStep[],
    given: Pick<StoredWorkflow, "context" | "budget" | "trace">,
  ): Promise<HeldWorkflow> {
    return this.#joining.during(() => this.#joinPlanned(id, steps, given));
  }

  async #joinPlanned(
    id: string,
    steps: readonly WorkflowStep[],
    { context, budget, trace }: Pick<StoredWorkflow, "context" | "budget" | "trace">,
  ): Promise<HeldWorkflow> {
    const planned = await this.#plan(id, steps, context);
    const { queue } = this.#parts;
    const definition: StoredWorkflow = { id, context, steps: planned.map(storedStep), budget, queue, trace };
    const held = this.#held.get(id) ?? this.#begin(definition, planned);
    if (held.definition !== definition) refuseOther(held.definition, definition);
    return held;
  }

  async #follow(
    held: HeldWorkflow,
    id: string,
    { signal, onEvent }: WorkflowRunOptions,
  ): Promise<WorkflowResult> {
    held.asked = true;
    if (onEvent !== undefined) held.listeners.add(onEvent);
    const cancel = () =>
      void this.cancel(id, "The workflow was cancelled by its caller.").catch(() => undefined);
    signal?.addEventListener("abort", cancel, { once: true });
    if (signal?.aborted === true) cancel();
    try {
      return await held.result;
    } finally {
      signal?.removeEventListener("abort", cancel);
      if (onEvent !== undefined) held.listeners.delete(onEvent);
    }
  }

  /**
   * Cancels a workflow, wherever in the mesh it is under way: its running steps are stopped, the others not begun.
   * Resolves with what was done.
   *
   * @throws UnknownError where none of that id is under way; OwnershipError where another process has it and this one
   * cannot give its result.
   */
  async cancel(id: string, reason = "The workflow was cancelled."): Promise<WorkflowResult> {
    const held = this.#held.get(id) ?? (await this.#joinElsewhere(id));
    held.asked = true;
    return held.cancel(reason);
  }

  /**
   * Leaves what was only gone on with, and what another process works on, as it is. What this program asked for is let
   * be (`drain`), cancelled, or left too (`suspend`).
   */
  async stop(mode: MeshStopMode, reason: string): Promise<void> {
    this.#isStopping = true;
    await this.#joining.none();
    const ended = [...this.#held.values()].map(async (held) => {
      const isLeft = !held.asked || mode === "suspend" || (mode === "cancel" && (await held.isElsewhere()));
      if (isLeft) held.leave();
      else if (mode === "cancel") await held.cancel(reason);
      if (isLeft) await held.result;
    });
    await Promise.allSettled(ended);
  }

  /** Hears of no workflows any more; to be called when none is under way. */
  async close(): Promise<void> {
    await this.#parts.leases.close();
  }

  /**
   * Goes on with the workflows of this task queue that were begun and have not ended; those that need their program
   * wait for it.
   */
  async resume(): Promise<void> {
    const { ledger, log } = this.#parts;
    const unfinished = await unfinishedWorkflows(ledger, (id, error) =>
      log.error({ err: error, workflowId: id }, "a workflow's record cannot be read"),
    );
    for (const one of unfinished) this.#goOn(one);
  }

  /** Goes on with workflows whose node dies or leaves them: any node can. @throws StorageError */
  async adopt(): Promise<void> {
    const { leases, ledger, log } = this.#parts;
    const look = async (id: string) => {
      if (this.#isStopping || this.#held.has(id)) return;
      const found = await unfinishedWorkflow(ledger, id);
      if (found !== null) this.#goOn(found);
    };
    await leases.onFreed((id) => {
      look(id).catch((thrown: unknown) =>
        log.warn({ err: thrown, workflowId: id }, "a workflow that was left cannot be looked at"),
      );
    });
  }

  #goOn({ id, context, steps, budget, queue }: UnfinishedWorkflow): void {
    const { log } = this.#parts;
    if (queue !== this.#parts.queue || this.#isStopping || this.#held.has(id)) return;
    if (steps === null) {
      log.info(
        { workflowId: id },
        "an unfinished workflow waits for its program: functions decide on its steps",
      );
      return;
    }
    const resumed = this.#join(id, steps, { context, budget }).then(({ result }) => result);
    resumed.then(
      ({ status }) => log.info({ workflowId: id, status }, "an unfinished workflow was brought to its end"),
      (thrown: unknown) =>
        log.warn({ err: thrown, workflowId: id }, "an unfinished workflow was not gone on with"),
    );
  }

  /** Joins a workflow that another process works on. */
  async #joinElsewhere(id: string): Promise<HeldWorkflow> {
    const { leases, ledger } = this.#parts;
    const node = isName(id) ? await leases.holder(id) : null;
    const found = node === null ? null : await unfinishedWorkflow(ledger, id);
    if (node === null || found === null) {
      throw new UnknownError("TASK_UNKNOWN", `No workflow "${id}" is under way in this mesh.`);
    }
    if (found.steps !== null) return this.#held.get(id) ?? this.#join(id, found.steps, found);
    throw new OwnershipError(
      `Cannot cancel the workflow "${id}" from here: the process "${node}" works on it, and functions decide on its ` +
        "steps. Cancel it there, or from a program that has them: call its mesh.workflow() with a signal.",
    );
  }

  async #plan(id: string, steps: readonly WorkflowStep[], context: Readonly<Record<string, unknown>>) {
    requireName(id, "The workflow's id");
    const planned = planWorkflow(steps);
    for (const step of planned) {
      await this.#parts.checkRole(step.agent);
      const longest = {
        step: step.id,
        index: step.forEach === null ? null : LONGEST_ITEM,
        attempt: step.retries.max + 1,
      };
      requireName(workflowTaskId(id, longest), `The task id of step "${step.id}"`);
      checkContext({ ...context, ...step.context });
      if (Array.isArray(step.forEach)) checkContext({ forEach: step.forEach });
    }
    return planned;
  }

  #begin(definition: StoredWorkflow, steps: readonly PlannedStep[]): HeldWorkflow {
    const { id } = definition;
    const held = new HeldWorkflow(definition, steps, this.#parts);
    this.#held.set(id, held);
    const end = () => this.#held.delete(id);
    held.result.then(end, end);
    void this.#parts.track(held.result).catch(() => undefined);
    return held;
  }
}
