// A task's chart run over its journal alone: no model, no sandbox, no waiting. Gives what the task has come to.
// Invariant: does nothing to the world; stops where the journal ends.
import { createActor, fromPromise } from "xstate";
import type { TaskMachineContext } from "../machines/task-books.ts";
import { taskMachine } from "../machines/task-machine.ts";
import { defer } from "../src/core/deferred.ts";
import type { JournalEntry, JournalEntryOf, JournalEntryType } from "../src/core/journal.ts";
import { profileOf } from "../src/core/profile.ts";
import type { TaskFailure, TaskResult } from "../src/core/task.ts";
import { JournalError } from "../src/core/errors.ts";
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
}

/** @throws JournalError where the task was never taken up. */
export async function rebuildTask(entries: readonly JournalEntry[]): Promise<RebuiltTask> {
  const find = <T extends JournalEntryType>(
    type: T,
    fits: (entry: JournalEntryOf<T>) => boolean = () => true,
  ) =>
    entries.find(
      (entry): entry is JournalEntryOf<T> => entry.type === type && fits(entry as JournalEntryOf<T>),
    );
  const accepted = find("accepted");
  const claimed = find("claimed");
  if (accepted === undefined || claimed === undefined) {
    throw new JournalError("The task was accepted but never taken up: its journal has nothing to run over.");
  }
  const over = defer<null>();
  /** The journal has nothing more to say: the chart stays where it is. */
  const end = (): Promise<never> => {
    over.resolve(null);
    return new Promise<never>(() => undefined);
  };
  const chart = createActor(
    taskMachine.provide({
      actors: {
        admit: fromPromise(async () => null),
        route: fromPromise(async ({ input }) => {
          stopAsBefore(entries, input, ({ type }) => type === "routed");
          const failed = find("model-failed", ({ repair }) => repair === -1);
          return failed === undefined ? (find("routed")?.routing ?? end()) : raise(failed.error);
        }),
        recall: fromPromise(async () => {
          const recalled = find("recalled");
          return recalled === undefined ? end() : recalled.recall;
        }),
        draft: fromPromise(async ({ input }) => {
          const { repair, profile } = input;
          stopAsBefore(entries, input, (entry) => isAnswer(entry) && entry.repair === repair);
          const answered = find("model-answered", (entry) => entry.repair === repair);
          if (answered !== undefined) return draftOf(answered.answer, profileOf(profile));
          const failed = find("model-failed", (entry) => entry.repair === repair);
          return failed === undefined ? end() : raise(failed.error);
        }),
        trial: fromPromise(async ({ input }) => {
          const isEnd = (entry: JournalEntry) =>
            entry.type === "run-finished" && entry.attempt === input.attempt;
          stopAsBefore(entries, input, isEnd);
          const asked = askedBefore(entries, input, isEnd);
          if (asked?.type === "tools") return { held: asked.calls };
          return find("run-finished", isEnd)?.trial ?? end();
        }),
        handle: fromPromise(async () => find("handler-finished")?.trial ?? end()),
        approve: fromPromise(async ({ input: { approvalId } }) => {
          return find("approval-answered", (entry) => entry.approvalId === approvalId) ?? end();
        }),
        settle: fromPromise(async (): Promise<TaskResult | null> => find("finished")?.result ?? end()),
      },
    }),
    { input: { taskId: accepted.taskId, ...claimed.terms } },
  );
  const states: string[] = [];
  chart.subscribe({
    next: ({ value }) => {
      const state = leafOf(value);
      if (states.at(-1) !== state) states.push(state);
    },
    complete: () => over.resolve(null),
    error: (thrown) => over.reject(thrown),
  });
  chart.start();
  await over.promise;
  const cancelled = find("cancelled");
  if (cancelled !== undefined) chart.send({ type: "cancel", reason: cancelled.reason });
  const { context, status } = chart.getSnapshot();
  chart.stop();
  return { states, context, isEnded: status === "done" };
}

function isAnswer(entry: JournalEntry) {
  return entry.type === "model-answered" || entry.type === "model-failed";
}

function raise({ name, message }: TaskFailure): never {
  throw Object.assign(new Error(message), { name });
}
