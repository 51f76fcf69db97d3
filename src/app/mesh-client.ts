// A mesh over NATS as the commands reach it that are no nodes: they submit tasks, hear events and read results.
// Invariant: nothing is taken off a queue and no agent runs here.
import { ConfigError } from "../core/errors.ts";
import { silentLog } from "../core/log.ts";
import type { Messages, Queue } from "../core/ports.ts";
import { createSubjects, type Subjects } from "../core/subjects.ts";
import type { TaskResult } from "../core/task.ts";
import { PostedResults, type PostedResult } from "../posted-results.ts";
import { ResultStore } from "../results.ts";
import { RoleBook } from "../role-book.ts";
import { TaskList } from "../task-list.ts";
import { loadConfig, type Config } from "./config.ts";
import { openNats } from "./nats.ts";
import { isGone } from "./node-name.ts";

/** A connection to a mesh. */
export interface MeshClient extends AsyncDisposable {
  readonly config: Config;
  readonly name: string;
  readonly subjects: Subjects;
  readonly messages: Messages;
  readonly queue: Queue;
  readonly roles: RoleBook;
  readonly tasks: TaskList;
  /** A task's result; null where it has not ended. @throws StorageError */
  result(taskId: string): Promise<TaskResult | null>;
  /** A task's result once it has ended. @throws StorageError; CancelledError on abort */
  awaitResult(taskId: string, signal: AbortSignal): Promise<TaskResult>;
}

/**
 * Connects to the mesh of the settings.
 *
 * @throws ConfigError where it is not over NATS, or no server answers.
 */
export async function openMeshClient(config: Config = loadConfig()): Promise<MeshClient> {
  const { mesh: name } = config;
  if (config.mode !== "distributed") {
    throw new ConfigError(
      `The mesh "${name}" of the settings is embedded in its program, and no other program can reach it: name the server of one over NATS, by NATS_URL ` +
        'or --server. Of an embedded one, "fettle run" does a task, and "fettle tasks" and "fettle show" tell of them.',
    );
  }
  const fabric = await openNats(config.nats, { mesh: name, name: "fettle command", log: silentLog });
  const { keyValue, messages, queue, ledger, blobs } = fabric;
  const subjects = createSubjects(name);
  const posted = new PostedResults({ keyValue, messages, subjects });
  const stored = new ResultStore(blobs);
  const wholeOf = async ({ result, blob }: PostedResult) => {
    const whole = blob === null ? null : await stored.read(result.role, result.resultId);
    return whole === null || whole.status === "running" ? result : whole;
  };
  return {
    config,
    name,
    subjects,
    messages,
    queue,
    roles: new RoleBook(keyValue),
    tasks: new TaskList(ledger, { subjects, queue, isGone }),
    result: async (taskId) => {
      const found = await posted.read(taskId);
      return found === null ? null : wholeOf(found);
    },
    awaitResult: async (taskId, signal) => wholeOf(await posted.wait(taskId, { signal })),
    [Symbol.asyncDispose]: () => fabric.close(),
  };
}
