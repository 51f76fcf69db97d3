// A task's chart run over its journal alone: no model, no sandbox, no waiting. Gives what the task has come to.
// Invariant: does nothing to the world; what is recorded happens again in the order in which it is recorded, and where
// the journal ends the chart stays.
import { createActor, fromPromise } from "xstate";
import type { TaskMachineContext } from "../machines/task-books.ts";
import { taskMachine } from "../machines/task-machine.ts";
import type { Moment, Suspension, Trial } from "../src/core/attempt.ts";
import { defer } from "../src/core/deferred.ts";
import { JournalError } from "../src/core/errors.ts";
import {
  findEntry,
  ROUTING,
  type JournalEntry,
  type JournalEntryOf,
  type JournalEntryType,
} from "../src/core/journal.ts";
import { profileOf } from "../src/core/profile.ts";
import { toError, type TaskFailure, type TaskResult } from "../src/core/task.ts";
import { askedBefore, stopAsBefore } from "./asked-before.ts";
import { draftOf } from "./draft.ts";
import { leafOf } from "./state-path.ts";

/** What a journal comes to. */
export interface RebuiltTask {
  /** The states that the chart went through, in order. */
  readonly states: readonly string[];
  readonly context: TaskMachineContext;
  /** Whether the chart came to an end. */
  readonly isEnded: boolean;
  /** Whether an effect failed with an error that the journal has in the task's result alone. */
  readonly isErrorFromResult: boolean;
}

/** @throws JournalError where the task was never taken up. */
export async function rebuildTask(entries: readonly JournalEntry[]): Promise<RebuiltTask> {
  const script = new Script(entries);
  const accepted = script.find("accepted");
  const claimed = script.find("claimed");
  if (accepted === undefined || claimed === undefined) {
    throw new JournalError("The task was accepted but never taken up: its journal has nothing to run over.");
  }
  const timers = new Set<() => void>();
  const states: string[] = [];
  const chart = createActor(
    taskMachine.provide({
      actors: {
        admit: fromPromise(async () => {
          await Promise.resolve();
          return script.isCancelledIn(states) ? script.stay() : null;
        }),
        route: fromPromise(async ({ input }) => {
          const routed =
            script.find("routed") ?? script.find("model-failed", ({ repair }) => repair === ROUTING);
          return script.play(routed, input, (entry) =>
            entry.type === "model-failed" ? raise(entry.error) : entry.routing,
          );
        }),
        recall: fromPromise(() => script.play(script.find("recalled"), null, ({ recall }) => recall)),
        draft: fromPromise(async ({ input }) => {
          const { repair, profile } = input;
          const answered = script.find("model-answered", (entry) => entry.repair === repair);
          const failed = script.find("model-failed", (entry) => entry.repair === repair);
          return script.play(answered ?? failed, input, (entry) =>
            entry.type === "model-failed" ? raise(entry.error) : draftOf(entry.answer, profileOf(profile)),
          );
        }),
        trial: fromPromise(async ({ input }): Promise<Trial | Suspension> => {
          const finished = script.find("run-finished", ({ attempt }) => attempt === input.attempt);
          const held = await script.heldBefore(finished, input);
          return held ?? script.play(finished, input, ({ trial }) => trial);
        }),
        handle: fromPromise(() => script.play(script.find("handler-finished"), null, ({ trial }) => trial)),
        approve: fromPromise(async ({ input: { approvalId } }) => {
          const answer = script.find("approval-answered", (entry) => entry.approvalId === approvalId);
          return script.play(answer, null, ({ decision, by, note }) => ({ decision, by, note }));
        }),
        settle: fromPromise(
          async (): Promise<TaskResult | null> => script.find("finished")?.result ?? script.end(),
        ),
      },
    }),
    {
      input: { taskId: accepted.taskId, ...claimed.terms },
      clock: {
        setTimeout: (fire: () => void) => {
          timers.add(fire);
          return fire;
        },
        clearTimeout: (fire: unknown) => timers.delete(fire as () => void),
      },
    },
  );
  script.onOutside = (event) => {
    const before = chart.getSnapshot();
    if (event.type === "cancelled") chart.send({ type: "cancel", reason: event.reason });
    else for (const fire of [...timers]) fire();
    return chart.getSnapshot() !== before;
  };
  chart.subscribe({
    next: ({ value }) => {
      const state = leafOf(value);
      if (states.at(-1) !== state) states.push(state);
    },
    complete: () => void script.end(),
    error: (thrown) => script.fail(thrown),
  });
  chart.start();
  await script.over;
  const { context, status } = chart.getSnapshot();
  chart.stop();
  return { states, context, isEnded: status === "done", isErrorFromResult: script.isErrorFromResult };
}

type Outside = JournalEntryOf<"cancelled" | "overdue">;

/** A journal as what its effects say, and what comes from outside, each in its turn. */
class Script {
  readonly #entries: readonly JournalEntry[];
  readonly #outside: Outside[];
  readonly #over = defer<null>();
  isErrorFromResult = false;
  /** Tells the chart; gives whether that changed anything. */
  onOutside: (event: Outside) => boolean = () => false;

  constructor(entries: readonly JournalEntry[]) {
    this.#entries = entries;
    this.#outside = entries.filter((entry) => entry.type === "cancelled" || entry.type === "overdue");
  }

  /** Resolves when the chart has ended or stays where it is. */
  get over(): Promise<null> {
    return this.#over.promise;
  }

  find<T extends JournalEntryType>(
    type: T,
    fits?: (entry: JournalEntryOf<T>) => boolean,
  ): JournalEntryOf<T> | undefined {
    return findEntry(this.#entries, type, fits);
  }

  /** What an effect came to: as it is recorded, or what was recorded before that in its place. */
  async play<E extends JournalEntry, T>(
    found: E | undefined,
    moment: Moment | null,
    take: (entry: E) => T,
  ): Promise<T> {
    // As in the live chart, an effect says nothing before its state is seen.
    await Promise.resolve();
    const asked = moment === null ? null : askedBefore(this.#entries, moment, (entry) => entry === found);
    const end = asked === null ? found : this.find("approval-asked", ({ subject }) => subject === asked);
    const [event] = this.#outside;
    if (event !== undefined && this.#indexOf(event) < this.#indexOf(end)) return this.#meet();
    if (moment !== null) stopAsBefore(this.#entries, moment, (entry) => entry === found);
    if (found !== undefined) return take(found);
    const failure = this.find("finished")?.result;
    if (failure?.status !== "failure" || failure.error === null) return this.stay();
    this.isErrorFromResult = true;
    return raise(failure.error);
  }

  /** The calls for which a run was put away at this moment; null where it was not. */
  async heldBefore(found: JournalEntry | undefined, moment: Moment): Promise<Suspension | null> {
    await Promise.resolve();
    const asked = askedBefore(this.#entries, moment, (entry) => entry === found);
    return asked?.type === "tools" ? { held: asked.calls } : null;
  }

  /** Whether the task was cancelled while it waited for a place: what is recorded next is its end. */
  isCancelledIn(states: readonly string[]): boolean {
    const next = this.#entries.filter((entry) => entry.type === "state")[states.length];
    return this.#outside[0]?.type === "cancelled" && next?.state === "settling";
  }

  /** The journal has no more of this effect: what is left from outside ends it, or the chart stays where it is. */
  stay(): Promise<never> {
    return this.#outside.length > 0 ? this.#meet() : this.end();
  }

  /** The chart ends or stays where it is. */
  end(): Promise<never> {
    this.#over.resolve(null);
    return new Promise<never>(() => undefined);
  }

  fail(thrown: unknown): void {
    this.#over.reject(thrown);
  }

  #indexOf(entry: JournalEntry | undefined): number {
    return entry === undefined ? Infinity : this.#entries.indexOf(entry);
  }

  /** Something from outside ends the effect: what it would have said is not heard. */
  #meet(): Promise<never> {
    const event = this.#outside.shift();
    if (event === undefined || !this.onOutside(event)) return this.stay();
    return new Promise<never>(() => undefined);
  }
}

function raise(failure: TaskFailure): never {
  throw toError(failure);
}
