// A fabric whose process dies, for those who look at it, just before a task's end is recorded.
import { StorageError, type Fabric } from "fettle";
import { defer } from "#src/core/deferred";

/** `settled` resolves when the end was to be recorded; whoever wanted that is told that another has the task. */
export function dyingAtEnd(fabric: Fabric): { readonly dying: Fabric; readonly settled: Promise<null> } {
  const settled = defer<null>();
  const { ledger } = fabric;
  const dying: Fabric = {
    ...fabric,
    ledger: {
      append: (name, payload, expected) => {
        if (!payload.includes('"finished"')) return ledger.append(name, payload, expected);
        settled.resolve(null);
        return Promise.reject(new StorageError("SEQUENCE_CONFLICT", "the process died here"));
      },
      read: (name, options) => ledger.read(name, options),
      last: (name) => ledger.last(name),
      names: (prefix) => ledger.names(prefix),
      delete: (name) => ledger.delete(name),
    },
  };
  return { dying, settled: settled.promise };
}
