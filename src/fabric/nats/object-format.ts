// NATS's object store format: an object is its chunks, under an id that is used once, and one message that describes it,
// under its name. So NATS's own tools and libraries read what is written here.
// Invariant: a description that is there is of chunks that were stored before it; an id that was replaced never comes
// back. Ids made here begin with the object's name: a bucket's subjects alone tell which names have chunks.
import { createHash } from "node:crypto";
import { nuid, type StoredMsg } from "nats";
import { messageOf, StorageError } from "../../core/errors.ts";
import type { StreamPlan } from "./streams.ts";

/** So many bytes are in one chunk, except the last: as many as NATS's own libraries take. */
export const CHUNK_BYTES = 128 * 1024;

/** The header of a message that replaces all earlier ones of its subject. */
export const ROLLUP = Object.freeze({ "Nats-Rollup": "sub" });

/** An object as its description tells it. */
export interface StoredObject {
  /** What its chunks are under. */
  readonly id: string;
  readonly bytes: number;
  readonly chunks: number;
  /** As `SHA-256=` and base64url with padding; "" where whoever wrote it gave none. */
  readonly digest: string;
}

/** Where a bucket's objects are. */
export interface Bucket {
  readonly stream: string;
  readonly plan: StreamPlan;
  /** An id that no object had. */
  newId(name: string): string;
  /** The subject of an object's chunks. */
  chunks(id: string): string;
  /** The subject of an object's description. */
  description(name: string): string;
  /** A description's payload. */
  describe(name: string, object: StoredObject): string;
  /** What the subjects of a bucket tell: the names that are described, each with the ids of its chunks as far as known. */
  contents(subjects: readonly string[]): ReadonlyMap<string, readonly string[]>;
}

/** A bucket of NATS's object store. */
export function createBucket(bucket: string): Bucket {
  const root = `$O.${bucket}`;
  const [chunks, descriptions] = [`${root}.C.`, `${root}.M.`];
  const stream = `OBJ_${bucket}`;
  return Object.freeze({
    stream,
    plan: {
      name: stream,
      subjects: [`${chunks}>`, `${descriptions}>`],
      allow_rollup_hdrs: true,
      allow_direct: true,
    },
    newId: (name: string) => `${padded(Buffer.from(name))}.${nuid.next()}`,
    chunks: (id: string) => `${chunks}${id}`,
    description: (name: string) => `${descriptions}${padded(Buffer.from(name))}`,
    describe: (name: string, object: StoredObject) =>
      JSON.stringify({
        name,
        description: "",
        options: { max_chunk_size: CHUNK_BYTES },
        bucket,
        nuid: object.id,
        size: object.bytes,
        chunks: object.chunks,
        mtime: new Date().toISOString(),
        digest: object.digest,
        deleted: false,
      }),
    contents: (subjects: readonly string[]) => {
      const found = new Map<string, string[]>();
      for (const subject of subjects) {
        if (subject.startsWith(descriptions)) found.set(subject.slice(descriptions.length), []);
      }
      for (const subject of subjects) {
        const id = subject.startsWith(chunks) ? subject.slice(chunks.length) : "";
        found.get(id.slice(0, id.indexOf(".")))?.push(id);
      }
      return new Map([...found].map(([token, ids]) => [Buffer.from(token, "base64url").toString(), ids]));
    },
  });
}

/** The digest of an object whose bytes are given one after the other. */
export function startDigest(): { readonly update: (bytes: Uint8Array) => void; readonly end: () => string } {
  const hash = createHash("sha256");
  return { update: (bytes) => void hash.update(bytes), end: () => `SHA-256=${padded(hash.digest())}` };
}

/**
 * What a description says; null where it says that the object was deleted, as NATS's own tools leave it.
 *
 * @throws StorageError `INTEGRITY` where it is no description, or one of a link.
 */
export function objectOf(name: string, message: StoredMsg): StoredObject | null {
  const fields = fieldsOf(name, message);
  if (fields["deleted"] === true) return null;
  const { nuid: id, size: bytes, chunks, digest = "", options } = fields;
  if ((options as { readonly link?: unknown } | undefined)?.link !== undefined) {
    throw unreadable(name, "it is a link to another object, which is not followed here");
  }
  if (typeof id !== "string" || !isCount(bytes) || !isCount(chunks) || typeof digest !== "string") {
    throw unreadable(name, "its description in the object store has a wrong shape");
  }
  return { id, bytes, chunks, digest };
}

/** The error of an object whose bytes are not as its description says. */
export function unreadable(name: string, reason: string): StorageError {
  return new StorageError(
    "INTEGRITY",
    `Cannot read blob "${name}": ${reason}. Write it again, or restore it from a backup.`,
  );
}

function fieldsOf(name: string, message: StoredMsg): Readonly<Record<string, unknown>> {
  try {
    const fields: unknown = message.json();
    if (typeof fields === "object" && fields !== null) return fields as Record<string, unknown>;
  } catch (thrown) {
    throw unreadable(name, `its description in the object store is no JSON (${messageOf(thrown)})`);
  }
  throw unreadable(name, "its description in the object store is no JSON object");
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** base64url with the padding that the format asks for and Node leaves out. */
function padded(bytes: Buffer): string {
  const text = bytes.toString("base64url");
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}
