// Results where any client finds them: one key for each task, and the news of its end among its events.
// Invariant: what stands here is how the task ended for good; a key is there before its end is told to anybody.
import type { KeyValue } from "./core/ports.ts";
import type { TaskResult } from "./core/task.ts";
import type { EventLabels } from "./event-feed.ts";
import type { EventTeller } from "./event-teller.ts";
import { resultBlob, resultText } from "./result-text.ts";

/** The name of the bucket of results; its keys are the tasks' ids. */
export const RESULTS = "results";

/** What a {@link ResultBoard} is made with. */
export interface ResultBoardOptions {
  readonly keyValue: KeyValue;
  readonly teller: EventTeller;
  /** How many bytes a value may have. */
  readonly maxBytes: number;
}

/** Posts results. */
export class ResultBoard {
  readonly #options: ResultBoardOptions;

  constructor(options: ResultBoardOptions) {
    this.#options = options;
  }

  /** Makes the bucket, so that clients can watch it before there is any result. @throws StorageError */
  async open(): Promise<void> {
    // No task's id has a dot: none of the keys is read.
    const stop = await this.#options.keyValue.watch(RESULTS, () => undefined, { prefix: "-." });
    stop();
  }

  /**
   * Posts a result, in place of an earlier post of the same one, and tells of it.
   *
   * @throws StorageError where it cannot be stored; nothing is told then.
   */
  async post(result: TaskResult, labels: EventLabels = {}): Promise<void> {
    const { keyValue, teller, maxBytes } = this.#options;
    const { taskId, role, status, output, error, resultId, executionTime, tokens, costUsd } = result;
    const text = resultText(result);
    const bytes = Buffer.byteLength(text);
    await keyValue.put(RESULTS, taskId, bytes <= maxBytes ? text : summaryOf(result, bytes));
    teller.tell(
      { type: "finished", taskId, role, status, output, error, resultId, executionTime, tokens, costUsd },
      labels,
    );
  }

  /** Posts a result whose post may have been missed: its process died at its very end. @throws StorageError */
  async ensure(result: TaskResult): Promise<void> {
    const { keyValue } = this.#options;
    if ((await keyValue.get(RESULTS, result.taskId)) === null) await this.post(result);
  }
}

/** A result that is too large to be posted: all of it but what makes it so, and where that is. */
function summaryOf(result: TaskResult, bytes: number): string {
  const elsewhere = { blob: resultBlob(result), bytes };
  return JSON.stringify({ ...result, output: null, code: null, attempts: [], elsewhere });
}
