// Where tasks come in: gives them ids, finds an actor for each, and can cancel them.
// Invariant: a task that was accepted has its result begun on disk before anything works on it.
import { NOTHING_DONE } from "../src/core/attempt.ts";
import { encode } from "../src/core/codec.ts";
import { messageOf, TaskError, UnknownError } from "../src/core/errors.ts";
import { DEFAULT_LIMITS } from "../src/core/guest.ts";
import { isName } from "../src/core/names.ts";
import type { Task, TaskEvent, TaskFailure, TaskResult } from "../src/core/task.ts";
import type { AgentActor } from "./agent-actor.ts";
import type { ActorParts } from "./parts.ts";
import type { Population } from "./population.ts";

/** The options of one task. */
export interface ExecuteOptions {
  /** Cancels the task when aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Told of states, text, code, console output and tool calls as they come. */
  readonly onEvent?: ((event: TaskEvent) => void) | undefined;
}

interface Held {
  readonly actor: AgentActor;
  readonly result: Promise<TaskResult>;
  /** Aborted, with the reason as text, to cancel the task. */
  readonly cancellation: AbortController;
}

/** Takes tasks in and hands them to actors. */
export class TaskDesk {
  readonly #parts: ActorParts;
  readonly #population: Population;
  readonly #publish: (event: TaskEvent) => void;
  readonly #held = new Map<string, Held>();
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(parts: ActorParts, population: Population, publish: (event: TaskEvent) => void) {
    this.#parts = parts;
    this.#population = population;
    this.#publish = publish;
  }

  /**
   * Runs a task with an agent of the role.
   *
   * @throws UnknownError, TaskError or DeliveryError where the task is not accepted; a task that was accepted
   * never throws, it ends in a result.
   */
  async execute(role: string, given: string | Task, options: ExecuteOptions = {}): Promise<TaskResult> {
    const { id, task, context } = checkTask(given);
    const actor = this.#population.idlest(role);
    checkContext(context, actor.agent.limits.contextBytes);
    if (this.#held.has(id))
      throw new TaskError(`A task with the id "${id}" is under way: ids are used once.`);
    const giveBack = actor.accept();
    const cancellation = new AbortController();
    const run = this.#run(actor, { id, task, context, role }, { ...options, cancellation });
    const result = this.track(
      run.finally(() => {
        this.#held.delete(id);
        giveBack();
      }),
    );
    this.#held.set(id, { actor, result, cancellation });
    return result;
  }

  /** Counts work as under way until it ends. */
  track<T>(work: Promise<T>): Promise<T> {
    const ended: Promise<unknown> = work.then(
      () => this.#underWay.delete(ended),
      () => this.#underWay.delete(ended),
    );
    this.#underWay.add(ended);
    return work;
  }

  /**
   * Cancels a task and gives its result; one that ended in that very moment keeps its own.
   *
   * @throws UnknownError where no task of that id is under way.
   */
  async cancel(taskId: string, reason = "The task was cancelled."): Promise<TaskResult> {
    const held = this.#held.get(taskId);
    if (held === undefined) {
      throw new UnknownError("TASK_UNKNOWN", `No task "${taskId}" is under way in this mesh.`);
    }
    held.cancellation.abort(reason);
    return held.result;
  }

  /** Stores and gives the result of a task that is not run at all. */
  async refuse(role: string, given: Task & { readonly id: string }, error: TaskFailure): Promise<TaskResult> {
    const { id: taskId, task } = given;
    const { results } = this.#parts;
    const entry = await results.begin({ taskId, role, task });
    const result: TaskResult = {
      ...NOTHING_DONE,
      taskId,
      role,
      status: error.category === "cancelled" ? "cancelled" : "failure",
      error,
      resultId: entry.resultId,
      functionId: null,
      executionTime: 0,
    };
    await entry.finish(result);
    return result;
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async #run(
    actor: AgentActor,
    { id, task, context, role }: Required<Task> & { readonly role: string },
    options: ExecuteOptions & { readonly cancellation: AbortController },
  ): Promise<TaskResult> {
    const { results, clock } = this.#parts;
    const { signal, cancellation } = options;
    const entry = await results.begin({ taskId: id, role, task });
    const result = actor.run({
      taskId: id,
      task,
      context,
      entry,
      acceptedAt: clock.now(),
      release: null,
      tell: (progress) => {
        const event: TaskEvent = { ...progress, taskId: id, role };
        options.onEvent?.(event);
        this.#publish(event);
      },
    });
    const cancel = () => actor.cancel(id, String(cancellation.signal.reason));
    const onAbort = () => cancellation.abort("The task was cancelled by its caller.");
    cancellation.signal.addEventListener("abort", cancel, { once: true });
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
    // Cancelled while it was taken in.
    if (cancellation.signal.aborted) cancel();
    try {
      return await result;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }
}

/** A context that could not cross into a guest is refused before a model is asked and paid. */
export function checkContext(
  context: Readonly<Record<string, unknown>>,
  maxBytes = DEFAULT_LIMITS.contextBytes,
): void {
  try {
    encode(context, { maxBytes });
  } catch (thrown) {
    throw new TaskError(`The task's context cannot be handed on: ${messageOf(thrown)}`, { cause: thrown });
  }
}

function checkTask(given: string | Task): Required<Task> {
  const task = typeof given === "string" ? { task: given } : given;
  if (typeof task !== "object" || task === null || typeof task.task !== "string" || task.task.trim() === "") {
    throw new TaskError('A task is a text, or an object { task: "…", context?, id? }; this one has no text.');
  }
  for (const key of Object.keys(task)) {
    if (!["id", "task", "context"].includes(key)) {
      throw new TaskError(`Unknown task option "${key}"; known are: id, task, context.`);
    }
  }
  const id = task.id ?? crypto.randomUUID();
  if (!isName(id)) {
    throw new TaskError(
      `The task id ${JSON.stringify(id)} is not valid: use 1 to 128 letters, digits, "_" and "-".`,
    );
  }
  const context = task.context ?? {};
  if (typeof context !== "object" || Array.isArray(context)) {
    throw new TaskError("A task's context is an object of named values.");
  }
  return { id, task: task.task, context };
}
