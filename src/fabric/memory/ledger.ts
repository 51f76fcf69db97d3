// Ledgers in memory.
// Invariant: one counter gives all sequences, so that those of a deleted ledger never come back.
import { StorageError } from "../../core/errors.ts";
import { requireKey } from "../../core/grammar.ts";
import type { Ledger, LedgerEntry } from "../../core/ports.ts";

/** Ledgers in memory; made by `createMemoryFabric`. */
export class MemoryLedger implements Ledger {
  readonly #ledgers = new Map<string, LedgerEntry[]>();
  readonly #now: () => number;
  #sequence = 0;
  #closed = false;

  constructor(now: () => number) {
    this.#now = now;
  }

  close(): void {
    this.#closed = true;
  }

  async append(ledger: string, payload: string, expected: number): Promise<number> {
    const entries = this.#entries("append to", ledger);
    const last = entries.at(-1)?.sequence ?? 0;
    if (last !== expected) {
      const found = last === 0 ? "it has no entries" : `its last entry has sequence ${last}`;
      throw new StorageError(
        "SEQUENCE_CONFLICT",
        `Cannot append to ledger "${ledger}" after sequence ${expected}: ${found}.`,
      );
    }
    const sequence = ++this.#sequence;
    entries.push(Object.freeze({ sequence, payload, at: this.#now() }));
    this.#ledgers.set(ledger, entries);
    return sequence;
  }

  async read(
    ledger: string,
    options: { readonly from?: number | undefined; readonly limit?: number | undefined } = {},
  ): Promise<readonly LedgerEntry[]> {
    const { from = 0, limit = Infinity } = options;
    const entries = this.#entries("read", ledger);
    return entries.filter(({ sequence }) => sequence >= from).slice(0, Math.max(0, limit));
  }

  async last(ledger: string): Promise<LedgerEntry | null> {
    return this.#entries("read", ledger).at(-1) ?? null;
  }

  async names(prefix = ""): Promise<readonly string[]> {
    return [...this.#ledgers.keys()].filter((name) => name.startsWith(prefix)).sort();
  }

  async delete(ledger: string): Promise<void> {
    this.#entries("delete", ledger);
    this.#ledgers.delete(ledger);
  }

  #entries(verb: string, ledger: string): LedgerEntry[] {
    requireKey(ledger);
    if (!this.#closed) return this.#ledgers.get(ledger) ?? [];
    throw new StorageError("STORAGE_FAILED", `Cannot ${verb} ledger "${ledger}": the fabric is closed.`);
  }
}
