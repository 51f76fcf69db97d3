// Ledgers below one prefix, so that meshes on one fabric never meet.
import type { Ledger } from "./core/ports.ts";

/** The ledgers whose names begin with `<scope>.`, under the rest of their names. */
export function scopeLedger(ledger: Ledger, scope: string): Ledger {
  const prefix = `${scope}.`;
  return Object.freeze<Ledger>({
    append: (name, payload, expected) => ledger.append(prefix + name, payload, expected),
    read: (name, options) => ledger.read(prefix + name, options),
    last: (name) => ledger.last(prefix + name),
    names: async (start = "") =>
      (await ledger.names(prefix + start)).map((name) => name.slice(prefix.length)),
    delete: (name) => ledger.delete(prefix + name),
  });
}
