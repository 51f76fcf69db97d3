// Keys below one prefix, in every bucket, so that meshes on one fabric never meet.
import type { KeyValue, KeyValueChange, KeyValueEntry } from "./core/ports.ts";

/** The keys that begin with `<scope>.`, under the rest of their names. */
export function scopeKeyValue(keyValue: KeyValue, scope: string): KeyValue {
  const prefix = `${scope}.`;
  const inner = <T extends KeyValueEntry | KeyValueChange>(one: T): T => ({
    ...one,
    key: one.key.slice(prefix.length),
  });
  return Object.freeze<KeyValue>({
    get: async (bucket, key) => {
      const entry = await keyValue.get(bucket, prefix + key);
      return entry === null ? null : inner(entry);
    },
    put: (bucket, key, value, options) => keyValue.put(bucket, prefix + key, value, options),
    create: (bucket, key, value, options) => keyValue.create(bucket, prefix + key, value, options),
    update: (bucket, key, value, revision, options) =>
      keyValue.update(bucket, prefix + key, value, revision, options),
    delete: (bucket, key) => keyValue.delete(bucket, prefix + key),
    keys: async (bucket, start = "") =>
      (await keyValue.keys(bucket, prefix + start)).map((key) => key.slice(prefix.length)),
    watch: (bucket, handler, { prefix: start = "" } = {}) =>
      keyValue.watch(bucket, (change) => handler(inner(change)), { prefix: prefix + start }),
  });
}
