// Where a task's time goes: how long each port of the fabric and the sandbox is waited for, and how often.
// Invariant: nothing is changed but the clock read before and after; calls that overlap count once in `any`.

/** What is timed, and under which name. */
const PORTS = {
  ledger: { append: "journal entries appended" },
  queue: { publish: "put into the queue" },
  blobs: { write: "result file written" },
  keyValue: {
    get: "registry and leases read",
    put: "registry and leases written",
    create: "registry and leases written",
    update: "registry and leases written",
  },
};

/** A stopwatch and what puts it around a mesh's parts. */
export class Stopwatch {
  /** By name: calls and milliseconds. */
  parts = new Map();
  #open = 0;
  #since = 0;
  /** Milliseconds during which anything was waited for. */
  any = 0;

  /** Forgets what it has measured. */
  reset() {
    this.parts.clear();
    this.any = 0;
  }

  wrap({ fabric, sandbox }) {
    const timed = Object.fromEntries(
      Object.entries(PORTS).map(([port, methods]) => [port, this.#around(fabric[port], methods)]),
    );
    timed.queue.consume = async (...args) => this.#consumer(await fabric.queue.consume(...args));
    return {
      fabric: { ...fabric, ...timed },
      sandbox: this.#around(sandbox, { execute: "code run in the sandbox" }),
    };
  }

  #around(target, methods) {
    const wrapped = new Proxy(target, {
      get: (_, key) => {
        if (Object.hasOwn(own, key)) return own[key];
        const value = target[key];
        return typeof value === "function" ? value.bind(target) : value;
      },
      set: (_, key, value) => {
        own[key] = value;
        return true;
      },
    });
    const own = {};
    for (const [method, name] of Object.entries(methods)) {
      own[method] = (...args) => this.#time(name, () => target[method](...args));
    }
    return wrapped;
  }

  #consumer(consumer) {
    return this.#around(
      {
        take: async (...args) => this.#delivery(await consumer.take(...args)),
        close: () => consumer.close(),
      },
      {},
    );
  }

  #delivery(delivery) {
    return delivery === null ? null : this.#around(delivery, { ack: "acknowledged" });
  }

  async #time(name, call) {
    const started = performance.now();
    if (this.#open === 0) this.#since = started;
    this.#open += 1;
    try {
      return await call();
    } finally {
      const ended = performance.now();
      this.#open -= 1;
      if (this.#open === 0) this.any += ended - this.#since;
      const part = this.parts.get(name) ?? { calls: 0, ms: 0 };
      this.parts.set(name, { calls: part.calls + 1, ms: part.ms + ended - started });
    }
  }
}
