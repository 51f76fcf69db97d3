// A process of its own for the tests of the embedded queue and ledger: does one job on a folder and reports by lines.
import { createEmbeddedFabric } from "../../../dist/src/fabric/embedded/fabric.js";

const [folder, job, argument] = process.argv.slice(2);
const fabric = createEmbeddedFabric({ dataDirectory: folder });
const say = (line) => process.stdout.write(`${line}\n`);
const PATIENT = { ackWaitMs: 600_000, maxDeliveries: 100 };

const jobs = {
  /** Appends a number of entries to one ledger that others append to as well; says each sequence that it won. */
  async append() {
    for (let won = 0; won < Number(argument);) {
      const last = (await fabric.ledger.last("shared"))?.sequence ?? 0;
      try {
        say(await fabric.ledger.append("shared", String(process.pid), last));
        won += 1;
      } catch (error) {
        if (error.code !== "SEQUENCE_CONFLICT") throw error;
      }
    }
  },
  /** Takes a number of messages and keeps them in hand until it is killed. */
  async hold() {
    const consumer = await fabric.queue.consume("tasks", PATIENT);
    await Promise.all(Array.from({ length: Number(argument) }, () => consumer.take()));
    say("holding");
    await consumer.take();
  },
  /** Takes and acknowledges, eight at a time, until it is killed; says each id before and after. */
  async work() {
    const consumer = await fabric.queue.consume("tasks", PATIENT);
    const worker = async () => {
      for (;;) {
        const delivery = await consumer.take();
        say(`took ${delivery.id}`);
        await delivery.ack();
        say(`done ${delivery.id}`);
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
  },
  /** Publishes and appends until it is killed; says each number once it is acknowledged. */
  async publish() {
    for (let number = 0, last = 0; ; number += 1) {
      last = await fabric.ledger.append(`log.${argument}`, String(number), last);
      await fabric.queue.publish("tasks", String(number), { id: `${argument}-${number}` });
      say(number);
    }
  },
  /** Tries everything as a user who may only read the folder; says how each was refused. */
  async refused() {
    await import("lmdb");
    if (process.getuid() === 0) process.setuid(65_534);
    const attempts = [
      () => fabric.ledger.append("shared", "x", 0),
      () => fabric.ledger.read("shared"),
      () => fabric.queue.publish("tasks", "x"),
      () => fabric.queue.consume("tasks", PATIENT),
      () => fabric.queue.size("tasks"),
    ];
    for (const attempt of attempts) {
      say(
        await attempt().then(
          () => "accepted",
          ({ code, message }) => `${code} ${message}`,
        ),
      );
    }
  },
  /** Waits for one message, with nothing else to keep the process alive, then does nothing more. */
  async once() {
    const consumer = await fabric.queue.consume("tasks", PATIENT);
    say("waiting");
    const delivery = await consumer.take();
    await delivery.ack();
    const stop = new globalThis.AbortController();
    const waiting = consumer.take(stop.signal);
    stop.abort();
    say((await waiting) === null ? `got ${delivery.payload}` : "unexpected");
  },
};

await jobs[job]();
