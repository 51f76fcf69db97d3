// Ledgers in the state file: append-only lists, each entry in one transaction, which concurrent appends share.
// Invariant: an append is accepted only on top of the last entry that its writer knows, over all processes; its
// sequence is the next number of the file's one counter, so that a deleted ledger's sequences never come back.
import { requireKey } from "../../core/grammar.ts";
import { StorageError } from "../../core/errors.ts";
import type { Ledger, LedgerEntry } from "../../core/ports.ts";
import type { StateDatabase, StateKey } from "./shared-database.ts";
import { next, type StateFile } from "./state-file.ts";

/** Ledgers on LMDB; made by `createEmbeddedFabric`. An entry's time is kept as its version, its payload as it is. */
export class EmbeddedLedger implements Ledger {
  readonly #file: StateFile;
  readonly #now: () => number;

  constructor(file: StateFile, now: () => number) {
    this.#file = file;
    this.#now = now;
  }

  async append(ledger: string, payload: string, expected: number): Promise<number> {
    requireKey(ledger);
    const attempt = `append to ledger "${ledger}"`;
    return this.#file.write(attempt, (database) => {
      const last = lastOf(database, ledger);
      if (last !== expected) {
        const found = last === 0 ? "it has no entries" : `its last entry has sequence ${last}`;
        throw new StorageError(
          "SEQUENCE_CONFLICT",
          `Cannot ${attempt} after sequence ${expected}: ${found}.`,
        );
      }
      const sequence = next(database);
      void database.put(head(ledger), "", sequence);
      void database.put(place(ledger, sequence), payload, this.#now());
      return sequence;
    });
  }

  async read(
    ledger: string,
    options: { readonly from?: number | undefined; readonly limit?: number | undefined } = {},
  ): Promise<readonly LedgerEntry[]> {
    requireKey(ledger);
    const { from = 0, limit = Infinity } = options;
    return this.#file.read(`read ledger "${ledger}"`, (database) => {
      const entries: LedgerEntry[] = [];
      if (limit <= 0) return entries;
      for (const { key, value, version } of database.getRange({ ...rangeOf(ledger, from), versions: true })) {
        entries.push({ sequence: Number(key[2]), payload: value, at: version ?? 0 });
        if (entries.length >= limit) break;
      }
      return entries;
    });
  }

  async last(ledger: string): Promise<LedgerEntry | null> {
    requireKey(ledger);
    return this.#file.read(`read ledger "${ledger}"`, (database) => {
      const sequence = lastOf(database, ledger);
      const entry = sequence === 0 ? undefined : database.getEntry(place(ledger, sequence));
      return entry === undefined ? null : { sequence, payload: entry.value, at: entry.version ?? 0 };
    });
  }

  async names(prefix = ""): Promise<readonly string[]> {
    return this.#file.read("list the ledgers", (database) => {
      const range = database.getKeys({ start: head(prefix), end: head(`${prefix}\u{10ffff}`) });
      return [...range].map((key) => String(key[1]));
    });
  }

  async delete(ledger: string): Promise<void> {
    requireKey(ledger);
    await this.#file.write(`delete ledger "${ledger}"`, (database) => {
      for (const key of [...database.getKeys(rangeOf(ledger, 0))]) void database.remove(key);
      void database.remove(head(ledger));
    });
  }
}

/** Where a ledger's name is kept, with its last entry's sequence as version; there only while it has entries. */
function head(ledger: string): StateKey {
  return ["ledger-head", ledger];
}

function place(ledger: string, sequence: number): StateKey {
  return ["ledger", ledger, sequence];
}

function rangeOf(ledger: string, from: number): { readonly start: StateKey; readonly end: StateKey } {
  return { start: place(ledger, from), end: place(ledger, Number.MAX_SAFE_INTEGER) };
}

/** The sequence of a ledger's last entry; 0 where it has none. */
function lastOf(database: StateDatabase, ledger: string): number {
  return database.getEntry(head(ledger))?.version ?? 0;
}
