// What is registered, in as few words as the search for functions like a task needs: whose, for what, and whether there
// is code of it to be offered.
// Invariant: it is a guess of what may be worth reading; what is offered is read from the store in that moment.
import { StorageError } from "./core/errors.ts";
import type { KeyValue, KeyValueEntry, Unsubscribe } from "./core/ports.ts";
import { trigramsOf, type Trigrams } from "./core/similarity.ts";
import { FUNCTIONS, parseRecord, type VersionRecord } from "./function-record.ts";

/** A function in a few words. */
export interface FunctionSketch {
  readonly functionId: string;
  readonly trigrams: Trigrams;
}

/** Finds functions that may have code to be offered. */
export interface FunctionIndex {
  /** Those of a role. @throws StorageError */
  of(role: string): Promise<readonly FunctionSketch[]>;
}

/** Functions whose tasks are remembered so as not to be read again. */
const MAX_REMEMBERED = 10_000;

/** Whether a version has worked last, and may be shown to another task's model. */
function isOfferable({ credit, taint }: Pick<VersionRecord, "credit" | "taint">): boolean {
  return credit > 0 && taint === null;
}

/** Lists the store at each search: for stores that are near. */
export class ListedFunctions implements FunctionIndex {
  readonly #keyValue: KeyValue;
  /** A task's role and trigrams never change. */
  readonly #remembered = new Map<string, FunctionSketch & { readonly role: string }>();

  constructor(keyValue: KeyValue) {
    this.#keyValue = keyValue;
  }

  async of(role: string): Promise<readonly FunctionSketch[]> {
    const found: FunctionSketch[] = [];
    for (const functionId of await this.#keyValue.keys(FUNCTIONS, `${role}-`)) {
      const known = this.#remembered.get(functionId) ?? (await this.#read(functionId));
      if (known?.role === role) found.push(known);
    }
    return found;
  }

  async #read(functionId: string): Promise<(FunctionSketch & { readonly role: string }) | null> {
    const entry = await this.#keyValue.get(FUNCTIONS, functionId);
    const record = entry === null ? null : recordOf(entry);
    if (record === null) return null;
    const remembered = { functionId, role: record.role, trigrams: trigramsOf(record.task) };
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size >= MAX_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
    this.#remembered.set(functionId, remembered);
    return remembered;
  }
}

interface Watched {
  readonly task: string;
  readonly offerable: boolean;
  /** Made when it is first searched for. */
  trigrams: Trigrams | null;
}

/** Hears of every change: for stores that are a network away, and for many functions. */
export class WatchedFunctions implements FunctionIndex {
  readonly #keyValue: KeyValue;
  readonly #roles = new Map<string, Map<string, Watched>>();
  #watch: Promise<Unsubscribe> | null = null;

  constructor(keyValue: KeyValue) {
    this.#keyValue = keyValue;
  }

  async of(role: string): Promise<readonly FunctionSketch[]> {
    this.#watch ??= this.#keyValue
      .watch(FUNCTIONS, (change) => this.#see(change.key, change.type === "put" ? change : null))
      .catch((thrown: unknown) => {
        this.#watch = null; // The next one tries again.
        throw thrown;
      });
    await this.#watch;
    const found: FunctionSketch[] = [];
    for (const [functionId, one] of this.#roles.get(role) ?? []) {
      if (one.offerable) found.push({ functionId, trigrams: (one.trigrams ??= trigramsOf(one.task)) });
    }
    return found;
  }

  #see(functionId: string, entry: KeyValueEntry | null): void {
    const record = entry === null ? null : recordOf(entry);
    if (record === null) {
      for (const known of this.#roles.values()) known.delete(functionId);
      return;
    }
    const { role, task, versions } = record;
    const known = this.#roles.get(role) ?? new Map<string, Watched>();
    this.#roles.set(role, known);
    const offerable = versions.some(isOfferable);
    known.set(functionId, { task, offerable, trigrams: known.get(functionId)?.trigrams ?? null });
  }
}

/** Null where it is damaged: an offer does without it. */
function recordOf(entry: KeyValueEntry) {
  try {
    return parseRecord(entry);
  } catch (thrown) {
    if (thrown instanceof StorageError && thrown.code === "INTEGRITY") return null;
    throw thrown;
  }
}
