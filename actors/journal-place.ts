// Where a task's journal is, and whether there is one of a task that has not ended.
import { UnknownError } from "../src/core/errors.ts";
import { isName } from "../src/core/names.ts";
import { Journal, type JournalOptions } from "../src/journal.ts";
import type { ActorParts } from "./parts.ts";

/** Where the journal of a task is kept. */
export function placeOf(
  taskId: string,
  { fabric, subjects, clock, telemetry }: Pick<ActorParts, "fabric" | "subjects" | "clock" | "telemetry">,
): JournalOptions {
  return { ledger: fabric.ledger, name: subjects.journal(taskId), clock, telemetry };
}

/** The journal of a task that has not ended. @throws UnknownError */
export async function openUnended(taskId: string, parts: ActorParts): Promise<Journal> {
  const journal = isName(taskId) ? await Journal.open(placeOf(taskId, parts)) : null;
  if (journal !== null && journal.find("finished") === undefined) return journal;
  throw new UnknownError("TASK_UNKNOWN", `No task "${taskId}" is under way in this mesh.`);
}
