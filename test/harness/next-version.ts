// A fabric as a later version's node would write to it: whatever is JSON has one more field than this version knows.
// Invariant: what it reads it gives as it is; what is no JSON object, and no list of them, is written as it is.
import type { Fabric } from "fettle";

/** What this version does not know. */
const UNKNOWN = { laterField: { of: "a later version", v: 2 } };

/** Wraps a fabric. */
export function nextVersion(fabric: Fabric): Fabric {
  const { messages, keyValue, ledger, queue } = fabric;
  return {
    ...fabric,
    messages: {
      publish: (subject, payload) => messages.publish(subject, later(payload)),
      request: (subject, payload, options) => messages.request(subject, later(payload), options),
      subscribe: (subject, handler, options) =>
        messages.subscribe(
          subject,
          (message) => {
            const reply = (payload: string) => message.reply(later(payload));
            return handler({ subject: message.subject, payload: message.payload, reply });
          },
          options,
        ),
    },
    keyValue: overlay(keyValue, {
      put: (bucket, key, value, options) => keyValue.put(bucket, key, later(value), options),
      create: (bucket, key, value, options) => keyValue.create(bucket, key, later(value), options),
      update: (bucket, key, value, revision, options) =>
        keyValue.update(bucket, key, later(value), revision, options),
    }),
    ledger: overlay(ledger, {
      append: (name, payload, expected) => ledger.append(name, later(payload), expected),
    }),
    queue: overlay(queue, {
      publish: (name, payload, options) => queue.publish(name, later(payload), options),
    }),
  };
}

/** The target with some methods in place of its own; private fields stay reachable. */
function overlay<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(_, name) {
      const own = (methods as Record<PropertyKey, unknown>)[name];
      if (own !== undefined) return own;
      const value = (target as Record<PropertyKey, unknown>)[name];
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

function later(text: string): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  if (Array.isArray(value)) return value.every(isPlain) ? JSON.stringify(value.map(more)) : text;
  return isPlain(value) ? JSON.stringify(more(value)) : text;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  // The codec's own forms, such as { $date: 0 }, are no records.
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return !Object.keys(value).some((key) => key.startsWith("$"));
}

function more(record: Record<string, unknown>): Record<string, unknown> {
  return { ...record, ...UNKNOWN };
}
