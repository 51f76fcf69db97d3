// Proves that a mesh can live on a server, by doing what a node does: messages, a stream, a write, a read.
// Invariant: nothing stays behind; what it makes is below the mesh's own names, so that it needs no more rights than a node.
import { createInbox, nanos, StorageType, type JetStreamManager, type NatsConnection } from "nats";
import type { StreamNames } from "../../core/stream-names.ts";
import { failure } from "./failure.ts";

/** How long one answer of the server is waited for, in milliseconds. */
const ANSWER_MS = 5_000;
/** A server forgets by itself what a probe that died could not remove; milliseconds. */
const LEFT_MS = 60_000;

const TEXT = new TextEncoder().encode("fettle check");

/**
 * Sends a message, and makes, writes, reads and removes a stream as a mesh of that name would.
 *
 * @throws StorageError that says what the server did not do, and how to mend it.
 */
export async function probeNats(
  connection: NatsConnection,
  options: { readonly names: StreamNames; readonly replicas: number; readonly maxBytes: number },
): Promise<void> {
  const { names, replicas, maxBytes } = options;
  const id = `check-${crypto.randomUUID()}`;
  const name = names.bucket(id);
  const subject = `fettle.${names.mesh}.check.${id}`;
  await attempt(`exchange messages on "${subject}"`, () => exchange(connection, subject));
  const jsm = await attempt("use JetStream", () => connection.jetstreamManager({ timeout: ANSWER_MS }));
  const config = {
    name,
    subjects: [`${subject}.stored`],
    description: `Fettle mesh "${names.mesh}": check`,
    storage: StorageType.File,
    num_replicas: replicas,
    max_bytes: maxBytes,
    max_age: nanos(LEFT_MS),
    duplicate_window: nanos(LEFT_MS),
  };
  await attempt(`make the stream "${name}"`, () => jsm.streams.add(config));
  try {
    await attempt(`write to the stream "${name}"`, () => write(connection, jsm, `${subject}.stored`, name));
  } finally {
    await attempt(`remove the stream "${name}"`, () => jsm.streams.delete(name));
  }
}

async function exchange(connection: NatsConnection, subject: string): Promise<void> {
  const subscription = connection.subscribe(subject, {
    callback: (error, message) => error ?? message.respond(TEXT),
  });
  try {
    await connection.flush();
    await connection.request(subject, TEXT, { timeout: ANSWER_MS, reply: createInbox(), noMux: true });
  } finally {
    subscription.unsubscribe();
  }
}

async function write(
  connection: NatsConnection,
  jsm: JetStreamManager,
  subject: string,
  stream: string,
): Promise<void> {
  const { seq } = await connection.jetstream({ timeout: ANSWER_MS }).publish(subject, TEXT);
  await jsm.streams.getMessage(stream, { seq });
}

async function attempt<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw failure(what, thrown);
  }
}
