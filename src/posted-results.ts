// Results as programs of ours read them off the board: at once, or as soon as they are there.
// Invariant: what is given is how the task ended for good; its output is the value itself and not its readable form.
import { z } from "zod";
import { decode } from "./core/codec.ts";
import { CancelledError, messageOf, StorageError } from "./core/errors.ts";
import type { KeyValue, Messages } from "./core/ports.ts";
import type { Subjects } from "./core/subjects.ts";
import type { TaskResult } from "./core/task.ts";
import { RESULTS } from "./result-board.ts";

/** News of a task's end may be lost: so often is looked for its result besides, in milliseconds. */
const LOOK_MS = 1_000;

const schema = z.looseObject({
  taskId: z.string(),
  role: z.string(),
  resultId: z.string(),
  status: z.enum(["success", "failure", "cancelled"]),
  outputExact: z.string().optional(),
  elsewhere: z.looseObject({ blob: z.string() }).optional(),
});

/** A result off the board. */
export interface PostedResult {
  /** Without output, code and attempts where it was too large to be posted. */
  readonly result: TaskResult;
  /** The path of the blob that holds it whole, where the board does not; else null. */
  readonly blob: string | null;
}

/** Where a mesh's results are posted and told. */
export interface PostedResultsOptions {
  readonly keyValue: KeyValue;
  readonly messages: Messages;
  readonly subjects: Subjects;
}

/** Reads the board. */
export class PostedResults {
  readonly #options: PostedResultsOptions;

  constructor(options: PostedResultsOptions) {
    this.#options = options;
  }

  /** A task's result; null where it has not ended. @throws StorageError */
  async read(taskId: string): Promise<PostedResult | null> {
    const entry = await this.#options.keyValue.get(RESULTS, taskId);
    return entry === null ? null : open(taskId, entry.value);
  }

  /** A task's result, once it has ended. @throws StorageError; CancelledError on abort */
  async wait(
    taskId: string,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<PostedResult> {
    const { messages, subjects } = this.#options;
    let look: () => void = () => undefined;
    const unsubscribe = messages.subscribe(subjects.event(taskId), ({ payload }) => {
      if (payload.includes('"type":"finished"')) look();
    });
    const timer = setInterval(() => look(), LOOK_MS);
    const abort = (): void => look();
    signal?.addEventListener("abort", abort);
    try {
      for (;;) {
        const told = new Promise<void>((resolve) => (look = resolve));
        if (signal?.aborted === true)
          throw new CancelledError(`Nobody waits for the task "${taskId}" any more.`);
        const found = await this.read(taskId);
        if (found !== null) return found;
        await told;
      }
    } finally {
      unsubscribe();
      clearInterval(timer);
      signal?.removeEventListener("abort", abort);
    }
  }
}

function open(taskId: string, text: string): PostedResult {
  try {
    const { outputExact, elsewhere, ...posted } = schema.parse(JSON.parse(text));
    const result = outputExact === undefined ? posted : { ...posted, output: decode(outputExact) };
    return { result: result as unknown as TaskResult, blob: elsewhere?.blob ?? null };
  } catch (thrown) {
    throw new StorageError(
      "INTEGRITY",
      `Cannot read the result of the task "${taskId}": what stands there is none (${messageOf(thrown)}).`,
      { cause: thrown },
    );
  }
}
