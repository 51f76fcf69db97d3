// What a mesh keeps, on disk or on NATS servers, for commands that look at it or answer it without running it.
// Invariant: opening makes nothing: where there is no data folder, there is nothing to see until there is one.
import { Approvals } from "../approvals.ts";
import { UnknownError } from "../core/errors.ts";
import type { JournalEntry } from "../core/journal.ts";
import { createSubjects } from "../core/subjects.ts";
import { createEmbeddedFabric } from "../fabric/embedded/fabric.ts";
import { scopeLedger } from "../scoped-ledger.ts";
import { TaskList } from "../task-list.ts";
import { WorkflowList } from "../workflow-list.ts";
import { silentLog } from "../core/log.ts";
import type { Fabric } from "../core/ports.ts";
import { loadConfig, type Config } from "./config.ts";
import { openNats } from "./nats.ts";
import { isGone } from "./node-name.ts";
import { nearestName } from "./spelling.ts";

/** A mesh's data, open. */
export interface StoredMesh extends AsyncDisposable {
  readonly name: string;
  /** Where it is kept. */
  readonly place: string;
  /** The settings that say so. */
  readonly settings: string;
  readonly tasks: TaskList;
  readonly workflows: WorkflowList;
  readonly approvals: Approvals;
}

/** Opens the data of the mesh that the settings name. @throws ConfigError, StorageError */
export async function openStoredMesh(config: Config = loadConfig()): Promise<StoredMesh> {
  const { mesh: name } = config;
  const { fabric, ...where } = await openStores(config);
  const subjects = createSubjects(name);
  return {
    name,
    ...where,
    tasks: new TaskList(fabric.ledger, { subjects, queue: fabric.queue, isGone }),
    workflows: new WorkflowList(scopeLedger(fabric.ledger, name)),
    approvals: new Approvals(fabric.keyValue, { subjects }),
    [Symbol.asyncDispose]: () => fabric.close(),
  };
}

async function openStores(
  config: Config,
): Promise<Pick<StoredMesh, "place" | "settings"> & { readonly fabric: Fabric }> {
  const { mesh, dataDirectory } = config;
  if (config.mode === "distributed") {
    const fabric = await openNats(config.nats, { mesh, name: "fettle command", log: silentLog });
    return { fabric, place: "NATS", settings: "FETTLE_MESH, NATS_URL" };
  }
  const fabric = createEmbeddedFabric({ dataDirectory, blobDirectory: config.logDirectory });
  return { fabric, place: dataDirectory, settings: "FETTLE_MESH, FETTLE_DATA_DIRECTORY" };
}

/**
 * A task's journal.
 *
 * @throws UnknownError that names the ids that are most like the given one.
 */
export async function readTask(stored: StoredMesh, taskId: string): Promise<readonly JournalEntry[]> {
  try {
    return await stored.tasks.read(taskId);
  } catch (thrown) {
    if (!(thrown instanceof UnknownError)) throw thrown;
    throw new UnknownError("TASK_UNKNOWN", `${thrown.message} ${await hint(stored, taskId)}`);
  }
}

async function hint(stored: StoredMesh, taskId: string): Promise<string> {
  const where = `the mesh "${stored.name}" in ${stored.place} (${stored.settings})`;
  const ids = await stored.tasks.ids();
  if (ids.length === 0) return `There are no tasks at all in ${where}.`;
  const begun = ids.filter((id) => taskId !== "" && id.startsWith(taskId));
  const nearest = nearestName(taskId, ids);
  const isNear = nearest !== null && nearest.distance <= Math.max(2, taskId.length / 3);
  const near = begun.length > 0 ? begun.slice(0, 5) : isNear ? [nearest.name] : [];
  if (near.length > 0) return `Did you mean ${near.join(", ")}?`;
  return `"fettle tasks" lists those of ${where}.`;
}
