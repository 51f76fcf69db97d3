// Where tasks come in: gives them ids, journals and queues them, and has a role's actors take them up; can cancel them.
// Invariant: a task that was accepted is in its journal and in its queue, and ends in one result, here or in another
// process; the same id never stands for two tasks.
import { OwnershipError } from "../src/core/errors.ts";
import type { LogFields } from "../src/core/log.ts";
import type { Unsubscribe } from "../src/core/ports.ts";
import type { Task, TaskEvent, TaskFailure, TaskResult } from "../src/core/task.ts";
import { UnderWay } from "../src/core/under-way.ts";
import { Journal } from "../src/journal.ts";
import type { Assignment, Progress } from "./assignment.ts";
import { makeAssignment } from "./assigning.ts";
import { termsOf } from "./claims.ts";
import { cancelAt } from "./deadline.ts";
import { cancelledError, endedBefore, endTask } from "./ending.ts";
import type { ExecuteOptions } from "./execute-options.ts";
import { HeldTask, requireSameTask, stoppedBefore, type TaskListener, type TaskOrigin } from "./held-task.ts";
import { HeldTasks } from "./held-tasks.ts";
import { acceptTask, refuseTask } from "./acceptance.ts";
import { askOwner, serveCancels } from "./cancel-line.ts";
import { openUnended, placeOf } from "./journal-place.ts";
import type { ActorParts } from "./parts.ts";
import { Parking } from "./parking.ts";
import { placesOf } from "./places.ts";
import type { Population } from "./population.ts";
import { contextBytesOf } from "./role-check.ts";
import { ResultLookout } from "./result-lookout.ts";
import { checkContext, checkTask } from "./task-check.ts";
import { TaskIntake } from "./task-intake.ts";

/** Takes tasks in and hands them to actors. */
export class TaskDesk {
  readonly #parts: ActorParts;
  readonly #population: Population;
  readonly #publish: TaskListener;
  readonly #held = new HeldTasks();
  readonly #intakes = new Map<string, TaskIntake>();
  readonly #parking = new Parking();
  readonly #underWay = new UnderWay();
  readonly #lookout: ResultLookout;
  readonly #stopCancels: Unsubscribe;
  #isDraining = false;

  constructor(parts: ActorParts, population: Population, publish: TaskListener) {
    this.#parts = parts;
    this.#population = population;
    this.#publish = publish;
    this.#stopCancels = serveCancels(parts, (taskId, reason) => {
      const held = this.#held.get(taskId);
      if (held?.isTaken !== true) return false;
      void this.cancel(taskId, reason).catch(ignoreLoss);
      return true;
    });
    this.#lookout = new ResultLookout(parts, {
      awaited: () => this.#awaited(),
      found: (result) => this.#held.settle(result),
    });
  }

  /** Tells that the actors of a role, or of any, take more tasks than before, or fewer. */
  fit(role?: string): void {
    if (role === undefined) for (const intake of this.#intakes.values()) intake.fit();
    else this.#intakes.get(role)?.fit();
  }

  /** Begins to take up a role's tasks, or has more actors for it. */
  async serve(role: string): Promise<void> {
    if (this.#intakes.has(role)) {
      this.fit(role);
      return;
    }
    const intake = new TaskIntake(this.#parts, {
      role,
      contextBytes: this.#population.agent(role).limits.contextBytes,
      places: () => this.#placesOf(role),
      run: (journal) => this.#run(journal),
      fresh: async (taskId) => {
        const held = this.#held.get(taskId);
        await held?.accepting;
        return held?.journal ?? null;
      },
      isStopping: () => this.#isDraining,
      ended: async (result) => {
        await this.#parts.board?.ensure(result);
        this.#held.settle(result);
      },
    });
    this.#intakes.set(role, intake);
    await intake.open();
  }

  /**
   * Runs a task with an agent of the role. A task whose id is known already is not run again: one that has ended gives
   * its result, one that has not is joined.
   *
   * @throws UnknownError, TaskError or DeliveryError where the task is not accepted. One that was accepted ends in a
   * result; where this process stops before, it throws MeshStateError, and the task is gone on with at the next start.
   */
  async execute(
    role: string,
    given: string | Task,
    options: ExecuteOptions & TaskOrigin = {},
  ): Promise<TaskResult> {
    const { id: taskId, ...asked } = checkTask(given);
    const { context } = asked;
    const isHere = this.#population.has(role);
    const contextBytes = contextBytesOf(role, this.#population, this.#parts);
    checkContext(context, isHere ? (contextBytes as number | undefined) : await contextBytes);
    const { step = null, trace } = options;
    const identity = { taskId, role, ...asked, step, ...(trace === undefined ? {} : { trace }) };
    const known = this.#held.get(taskId);
    if (known !== undefined) {
      requireSameTask(known.identity, identity);
      known.isOwn = true;
      return this.#follow(known, options);
    }
    const giveBack = isHere ? this.#population.idlest(role).accept() : () => undefined;
    const held = new HeldTask(identity, true);
    this.#held.set(taskId, held);
    const result = this.#follow(held, options);
    const unlisten = this.#lookout.follow(taskId, (event) => {
      held.tell(event);
      this.#publish(event);
    });
    const { isNew = typeof given === "string" || given.id === undefined } = options;
    held.accepting = this.#accept(held, isNew).catch((thrown: unknown) => held.fail(thrown));
    return result.finally(() => {
      unlisten();
      giveBack();
      this.#held.drop(held);
    });
  }

  /** @throws UnknownError where no agent of the mesh has the role. */
  async checkRole(role: string): Promise<void> {
    await contextBytesOf(role, this.#population, this.#parts);
  }

  /** What lines of the log say of a task that this process holds, beside its id. */
  logFields(taskId: string): LogFields {
    return this.#held.get(taskId)?.logFields ?? {};
  }

  /** Counts work as under way until it ends. */
  track<T>(work: Promise<T>): Promise<T> {
    return this.#underWay.during(() => work);
  }

  /**
   * Cancels a task and gives its result; one that ended in that very moment keeps its own.
   *
   * @throws UnknownError where no task of that id is under way.
   */
  async cancel(taskId: string, reason = "The task was cancelled."): Promise<TaskResult> {
    const held = this.#held.get(taskId) ?? (await this.#openWaiting(taskId));
    held.cancel(reason);
    if (held.isTaken) await held.journal?.append().catch(ignoreLoss);
    else if (await this.#isCancelledElsewhere(held, reason)) this.#await(held);
    else await this.#endWaiting(held);
    return held.result;
  }

  /** Whether another node works on a task and cancels it. */
  async #isCancelledElsewhere(held: HeldTask, reason: string): Promise<boolean> {
    if (this.#parts.peers === null || !held.isAccepted) return false;
    const journal = await Journal.open(placeOf(held.identity.taskId, this.#parts));
    if (journal === null || held.isTaken) return false;
    // What this process knew of it may be of a time before that node took it.
    held.journal = journal;
    return askOwner(this.#parts, journal, reason);
  }

  /** Has the result of a task looked for that another process ends. */
  #await(held: HeldTask): void {
    held.isOwn = true;
    const { taskId } = held.identity;
    const unlisten = this.#lookout.follow(taskId, () => undefined);
    const forget = () => {
      unlisten();
      this.#held.drop(held);
    };
    held.result.then(forget, forget);
    void this.#lookout.look(taskId); // It may have ended before this one listened.
  }

  /**
   * A task that was given to this process no longer counts as such: a mesh that stops leaves it for the next start, and
   * does not wait for one that it does not work on.
   */
  disown(taskId: string): void {
    const held = this.#held.get(taskId);
    held?.disown();
    if (held?.isTaken === false) held.fail(stoppedBefore(taskId));
  }

  /** Stores and gives the result of a task that is not run at all. */
  refuse(role: string, given: Task & { readonly id: string }, error: TaskFailure): Promise<TaskResult> {
    return refuseTask(this.#parts, { ...given, role }, error);
  }

  /** Resolves when nothing is under way that was given to this process; what waits for a person is left. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    this.fit();
    for (const taskId of this.#parking.all) this.#held.get(taskId)?.leave();
    await this.#underWay.none();
  }

  /**
   * Takes up no more tasks; those given to this process are cancelled or left for the next start, others are left.
   * Resolves when nothing is in hand.
   */
  async close(mode: "cancel" | "leave", reason: string): Promise<void> {
    this.#isDraining = true;
    const closing = [...this.#intakes.values()].map((intake) => intake.close());
    const own: Promise<unknown>[] = [];
    for (const held of this.#held.values()) {
      own.push(held.accepting);
      if (mode === "cancel" && held.isOwn) {
        held.cancel(reason);
        own.push(held.result);
        if (!held.isTaken) await this.#endWaiting(held);
      } else if (held.isTaken) held.leave();
      else held.fail(stoppedBefore(held.identity.taskId));
    }
    await Promise.allSettled(own);
    await Promise.all(closing);
    this.#lookout.stop();
    this.#stopCancels();
  }

  /** Waits for a task's result; the caller's signal cancels it, and its listener is told meanwhile. */
  async #follow(held: HeldTask, { signal, onEvent, onAccepted }: ExecuteOptions): Promise<TaskResult> {
    const cancel = () =>
      void this.cancel(held.identity.taskId, "The task was cancelled by its caller.").catch(() => undefined);
    if (onEvent !== undefined) held.listeners.add(onEvent);
    if (onAccepted !== undefined) void held.accepted.then(onAccepted);
    signal?.addEventListener("abort", cancel, { once: true });
    if (signal?.aborted === true) cancel();
    try {
      return await this.track(held.result);
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** Journals and queues a task, or finds it in its journal. */
  async #accept(held: HeldTask, isNew: boolean): Promise<void> {
    const accepted = await acceptTask(this.#parts, held.identity, isNew);
    held.accept();
    if ("ended" in accepted) held.settle(accepted.ended);
    // An actor that took it in this very moment has read its journal for itself.
    else if (!held.isTaken) [held.journal, held.entry] = [accepted.journal, accepted.entry];
    if (held.cancelled !== null && !held.isTaken && !held.isSettled) await this.#endWaiting(held);
  }

  /** Works on a task that was taken off its queue; null where it was left. */
  async #run(journal: Journal): Promise<TaskResult | null> {
    const { accepted } = journal;
    const { board, clock } = this.#parts;
    const { taskId, role } = accepted;
    const held = this.#held.get(taskId) ?? new HeldTask(accepted, false);
    // It was given out twice: whoever has it first may leave it to another process.
    if (held.isTaken) return held.outcome;
    held.take(journal);
    this.#held.set(taskId, held);
    const forget = cancelAt(accepted.deadline, clock, (reason) => held.cancel(reason));
    try {
      const result = await this.#work(held, journal);
      if (result !== null) this.#parts.tally.count(result);
      const posted = result === null ? undefined : board?.post(result, held.labels);
      if (result !== null) await this.#held.conclude(held, { result, posted });
      else if (this.#isDraining) held.fail(stoppedBefore(taskId));
      return result;
    } finally {
      forget();
      journal.telemetry.end();
      this.#parking.unpark(role, taskId);
      held.release();
      if (!held.isOwn || held.isSettled) this.#held.drop(held);
    }
  }

  async #work(held: HeldTask, journal: Journal): Promise<TaskResult | null> {
    const { taskId, role } = held.identity;
    const agent = this.#population.agent(role);
    const assignment = this.#assign(held, journal);
    const error = endedBefore(journal);
    if (error !== null) return endTask(agent, this.#parts, { assignment, error });
    const actor = this.#population.idlest(role, { orStopped: true });
    const terms = journal.find("claimed")?.terms ?? termsOf(actor.terms, journal.accepted.profile);
    journal.note({ type: "claimed", node: this.#parts.node, queue: this.#parts.subjects.taskQueue, terms });
    const running = actor.run(assignment, terms);
    held.assign(actor);
    const result = await running;
    held.assign(null);
    if (result !== null) return result;
    // What ended in the very moment when it was left has ended.
    await journal.written();
    const ended = journal.find("finished");
    if (ended !== undefined) return ended.result;
    if (!this.#isDraining) return null;
    await journal
      .append({ type: "left", node: this.#parts.node, reason: "The mesh stopped." })
      .catch((thrown: unknown) =>
        this.#parts.log.warn({ err: thrown, taskId }, "cannot journal that a task was left"),
      );
    return null;
  }

  #assign(held: HeldTask, journal: Journal): Assignment {
    const { taskId, role } = held.identity;
    const tell = (progress: Progress) => {
      const event: TaskEvent = { ...progress, taskId, role };
      if (event.type === "approval") this.#park(held);
      else if (event.type === "state" && event.state !== "awaitingApproval")
        this.#parking.unpark(role, taskId);
      held.tell(event);
      this.#publish(event);
      this.#parts.teller?.tell(event, held.labels);
    };
    const { entry } = held;
    return makeAssignment(this.#parts, this.#population.agent(role), {
      journal,
      entry,
      tell,
      leave: () => held.leave(),
    });
  }

  #placesOf(role: string): number {
    const [parked, isDraining] = [this.#parking.count(role), this.#isDraining];
    return placesOf(role, this.#parts, { population: this.#population, parked, isDraining });
  }

  /** A task that waits for a person takes no place; a mesh that drains does not wait for it. */
  #park(held: HeldTask): void {
    const { role, taskId } = held.identity;
    this.#parking.park(role, taskId);
    this.fit(role);
    if (this.#isDraining) held.leave();
  }

  /** A task of the fabric that waits in its queue. @throws UnknownError */
  async #openWaiting(taskId: string): Promise<HeldTask> {
    const journal = await openUnended(taskId, this.#parts);
    const held = this.#held.get(taskId) ?? new HeldTask(journal.accepted, false);
    held.journal ??= journal;
    held.accept();
    this.#held.set(taskId, held);
    return held;
  }

  /** Ends a cancelled task that no actor here has; where one takes it in this very moment, that one ends it. */
  async #endWaiting(held: HeldTask): Promise<void> {
    const { taskId, role } = held.identity;
    // That of a task that was found is not kept: another process may be at work on it.
    const isFound = held.journal === null && held.isAccepted;
    const journal = isFound ? await Journal.open(placeOf(taskId, this.#parts)) : held.journal;
    const ended = journal?.find("finished");
    if (ended !== undefined) held.settle(ended.result);
    const { cancelled } = held;
    // Not journaled yet: it is ended once it is.
    if (journal === null || cancelled === null || held.isTaken || held.isSettled) return;
    held.hold();
    try {
      await journal.append({ type: "cancelled", reason: cancelled });
      if (!this.#population.has(role)) {
        // It is in the queue: a node that has the agent takes it, and ends it.
        this.#await(held);
        return;
      }
      const assignment = this.#assign(held, journal);
      const error = cancelledError(cancelled);
      held.settle(await endTask(this.#population.agent(role), this.#parts, { assignment, error }));
    } catch (thrown) {
      // Another process has it: its result comes from there.
      if (!(thrown instanceof OwnershipError)) held.fail(thrown);
    } finally {
      held.release();
      if (!held.isOwn) this.#held.drop(held);
    }
  }

  #awaited(): readonly string[] | null {
    const waiting = [...this.#held.values()].filter((held) => held.isOwn && !held.isTaken && !held.isSettled);
    return this.#held.size === 0 ? null : waiting.map(({ identity }) => identity.taskId);
  }
}

/** That another process has the task by now is no error of what is done meanwhile. */
function ignoreLoss(thrown: unknown): void {
  if (!(thrown instanceof OwnershipError)) throw thrown;
}
