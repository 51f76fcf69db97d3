// What a mesh keeps on a NATS server is called: streams, buckets and their subjects, all made here.
// Invariant: everything of a mesh is below `fettle.<mesh>` or in streams and buckets that begin with `fettle-<mesh>-`, so
// that a server's permissions can tell meshes apart; no two names of a fabric give one subject, but for a queue that is
// called with its mesh's name before it and without.
import { requireName } from "./names.ts";

/** The streams of a mesh that are not buckets. */
export type StreamKind = "queue" | "dead" | "ledger";

/** Where a mesh's data is on a NATS server. */
export interface StreamNames {
  readonly mesh: string;
  stream(kind: StreamKind): string;
  /** A key-value bucket or an object store, as NATS's own tools call it; its stream has `KV_` or `OBJ_` before that. */
  bucket(bucket: string): string;
  /** The subject of a stream's messages; all of them where no name is given. */
  subjectsOf(kind: StreamKind): string;
  /** Where a queue's messages are put in. */
  queue(queue: string): string;
  /** Where messages wait that are to be given out later: in the queues' stream, so that it knows the ids of both. */
  later(queue: string): string;
  /** Where a queue's dead letters are, all of them where no id is given. */
  dead(queue: string, id?: string): string;
  /** Where a ledger's entries are. */
  ledger(ledger: string): string;
  /** Where the parts of those entries are that are too large for one message. */
  ledgerParts(ledger: string): string;
  /** Where those who read an object's chunks are asked whether they still do; nothing is kept of it. */
  reading(id: string): string;
}

/**
 * The names of a mesh's data on a server.
 *
 * @throws DefinitionError where the mesh's name is no name.
 */
export function createStreamNames(mesh: string): StreamNames {
  requireName(mesh, "The mesh's name");
  const root = `fettle.${mesh}`;
  // A queue's name begins with its mesh's, which its subject says already: the subject is for people to type.
  const own = (name: string) => (name.startsWith(`${mesh}.`) ? name.slice(mesh.length + 1) : name);
  return Object.freeze({
    mesh,
    stream: (kind: StreamKind) => `fettle-${mesh}-${kind}`,
    bucket: (bucket: string) => `fettle-${mesh}-${bucket}`,
    subjectsOf: (kind: StreamKind) => `${root}.${kind}.>`,
    queue: (queue: string) => `${root}.queue.${own(queue)}`,
    // `$` is in no name: so nothing of one queue is among what belongs to one whose name begins alike.
    later: (queue: string) => `${root}.queue.${own(queue)}.$.later`,
    dead: (queue: string, id = ">") => `${root}.dead.${own(queue)}.$.${id}`,
    ledger: (ledger: string) => `${root}.ledger.entry.${ledger}`,
    ledgerParts: (ledger: string) => `${root}.ledger.part.${ledger}`,
    reading: (id: string) => `${root}.reading.${id}`,
  });
}
