// A fabric that kills its own process at one exact point: before or after the n-th write that must last.
// Invariant: up to that point it changes nothing. "After": the write is durable, and nobody has heard of it yet.
// "Before": the write is not made, while all that was under way beside it is: the worst order that there can be. Only what
// was asked of ledgers, queues and keys after a write of theirs is not made either: a fabric keeps those in order.
import { writeSync } from "node:fs";
import { setImmediate } from "node:timers";

/** The writes of each port that must outlive the process. */
const WRITES = {
  ledger: ["append", "delete"],
  queue: ["publish", "bury"],
  keyValue: ["put", "create", "update", "delete"],
  blobs: ["write", "delete"],
};
const DELIVERY = ["ack", "retry", "reject"];
/** Whether a fabric keeps a write in order with the others of its kind. */
const isOrdered = (name) => !name.startsWith("blobs.");

/**
 * Wraps a fabric.
 *
 * @param {import("fettle").Fabric} fabric
 * @param {{ point: number, when: "before" | "after" } | null} death the write to die at, counted from 1; null for none
 * @returns the fabric, and the writes that were made up to now, as `port.write`
 */
export function deadly(fabric, death) {
  const writes = [];
  const underWay = new Set();
  let isOver = false;

  const watch =
    (name, write) =>
    async (...args) => {
      const point = writes.push(name);
      const isLast = point === death?.point;
      if (isOver && isOrdered(name)) return new Promise(() => undefined);
      if (isLast && death.when === "before") {
        isOver = isOrdered(name);
        await new Promise((resolve) => setImmediate(resolve));
        await Promise.allSettled([...underWay]);
        die(name, death);
      }
      const work = write(...args);
      underWay.add(work);
      try {
        return await work;
      } finally {
        if (isLast) die(name, death);
        underWay.delete(work);
      }
    };

  const port = (name) => {
    const target = fabric[name];
    const watched = Object.fromEntries(
      WRITES[name].map((write) => [write, watch(`${name}.${write}`, target[write].bind(target))]),
    );
    return overlay(target, watched);
  };
  const queue = port("queue");
  const consume = async (...args) => {
    const consumer = await fabric.queue.consume(...args);
    const take = async (signal) => {
      const delivery = await consumer.take(signal);
      if (delivery === null) return null;
      const settle = DELIVERY.map((verb) => [verb, watch(`queue.${verb}`, delivery[verb].bind(delivery))]);
      return overlay(delivery, Object.fromEntries(settle));
    };
    return overlay(consumer, { take });
  };
  return {
    writes,
    fabric: {
      ...fabric,
      ledger: port("ledger"),
      keyValue: port("keyValue"),
      blobs: port("blobs"),
      queue: overlay(queue, { consume }),
    },
  };
}

/** The target with some methods in place of its own; private fields stay reachable. */
function overlay(target, methods) {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(methods, name)) return methods[name];
      const value = target[name];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function die(name, death) {
  writeSync(1, `${JSON.stringify({ died: name, ...death })}\n`);
  process.kill(process.pid, "SIGKILL");
  for (;;); // The signal is on its way: nothing more may happen here.
}
