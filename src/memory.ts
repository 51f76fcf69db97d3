// An agent's memory of one task, put together from its parts on any fabric's ports.
// Invariant: it holds nothing that is not stored, so that a restarted task finds what it had.
import { UnknownError } from "./core/errors.ts";
import type { Memory, MemoryScope, OutputMemory, Outputs, WorkingMemory } from "./core/memory.ts";
import type { Model } from "./core/model.ts";
import type { Blobs, KeyValue, Ledger } from "./core/ports.ts";
import { LedgerEpisodes } from "./episodic-memory.ts";
import { RoleMemory } from "./long-term-memory.ts";
import { Shelf, type ShelfStores } from "./shelf.ts";

/** What a memory stands on. */
export interface MemoryOptions {
  /** Where values are kept that are small. */
  readonly keyValue: KeyValue;
  /** Where episodes are kept. */
  readonly ledger: Ledger;
  /** Where values are kept that are large. */
  readonly blobs: Blobs;
  /** Whose memory it is: the task, its workflow and its role. */
  readonly scope: MemoryScope;
  /** Gives the model that compresses; asked for only when one is needed. */
  readonly model: () => Model;
  /** What a model that compresses is asked through, such as one that counts what it costs; itself where absent. */
  readonly meter?: ((model: Model) => Model) | undefined;
  /** Outputs of earlier steps; none where absent. */
  readonly outputs?: Outputs | undefined;
}

/**
 * Makes the memory of a task.
 *
 * @throws DefinitionError where a name in the scope is none.
 */
export function createMemory(options: MemoryOptions): Memory {
  const { scope, model, meter = (given: Model) => given, outputs = NO_OUTPUTS } = options;
  return Object.freeze({
    working: workingMemory(options, scope.taskId),
    episodic: new LedgerEpisodes(options, scope),
    longTerm: new RoleMemory(options, scope.role, { model, meter }),
    outputs: outputMemory(outputs),
  });
}

/** Drops a task's notes: for the host of the task, at its end. Repeated, it changes nothing. */
export async function dropNotes(stores: ShelfStores, taskId: string): Promise<void> {
  await notesOf(stores, taskId).clear();
}

function notesOf(stores: ShelfStores, taskId: string): Shelf {
  return new Shelf(stores, "working", taskId);
}

function workingMemory(stores: ShelfStores, taskId: string): WorkingMemory {
  const notes = notesOf(stores, taskId);
  return Object.freeze({
    get: async (key: string) => (await notes.get(key))?.value,
    set: (key: string, value: unknown) => notes.set(key, value),
    has: (key: string) => notes.has(key),
    delete: (key: string) => notes.delete(key),
    keys: () => notes.keys(),
    all: () => notes.all(),
  });
}

const NO_OUTPUTS: Outputs = Object.freeze({ get: () => undefined, keys: () => [] });

function outputMemory(outputs: Outputs): OutputMemory {
  const keys = async () => outputs.keys();
  return Object.freeze({
    keys,
    has: async (step: string) => (await keys()).includes(step),
    get: async (step: string) => {
      const known = await keys();
      if (known.includes(step)) return outputs.get(step);
      const found = known.length === 0 ? "there are none" : `there are: ${known.join(", ")}`;
      throw new UnknownError(
        "MEMORY_UNKNOWN",
        `Cannot get the output of step ${JSON.stringify(step)}: of the steps before this one, ${found}.`,
      );
    },
    all: async () => {
      const known = await keys();
      const values = await Promise.all(known.map(async (step) => [step, await outputs.get(step)] as const));
      return Object.fromEntries(values);
    },
  });
}
