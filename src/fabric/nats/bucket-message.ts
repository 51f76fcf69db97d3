// What a key is as a message of its bucket's stream: as NATS's own key-value has it, so that its tools read it.
// Invariant: a deletion is a message too, so that the key's revisions grow over it; a value is stored plainly unless only
// its compressed form fits into a message.
import { promisify } from "node:util";
import { gunzipSync, gzip } from "node:zlib";
import type { MsgHdrs } from "nats";
import { StorageError } from "../../core/errors.ts";
import type { NatsLink } from "./link.ts";

const OPERATION = "KV-Operation";
const ENCODING = "Content-Encoding";
/** The time to live of a key, in milliseconds: a watch may be older than the bucket's own. */
const TTL = "Fettle-Ttl";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const compress = promisify(gzip);

/** A message that can be written. */
export interface BucketMessage {
  readonly payload: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** What stands in the place of a key that was deleted. */
export const TOMBSTONE: BucketMessage = { payload: new Uint8Array(), headers: { [OPERATION]: "DEL" } };

/**
 * A value as a message; `ttlMs` is Infinity for a key that stays.
 *
 * @throws StorageError `STORAGE_FAILED` where the value fits into no message.
 */
export async function messageOf(
  value: string,
  ttlMs: number,
  { link, attempt }: { readonly link: NatsLink; readonly attempt: string },
): Promise<BucketMessage> {
  const plain = encoder.encode(value);
  const headers = ttlMs === Infinity ? {} : { [TTL]: String(ttlMs) };
  if (plain.length <= link.maxPayload) return { payload: plain, headers };
  const payload = await compress(plain);
  if (payload.length <= link.maxPayload) return { payload, headers: { ...headers, [ENCODING]: "gzip" } };
  throw new StorageError(
    "STORAGE_FAILED",
    `Cannot ${attempt}: the value takes ${plain.length} bytes, compressed ${payload.length}, and a message at most ` +
      `${link.maxPayload}. Raise the server's max_payload, or keep the value as a blob and its path here.`,
  );
}

/** Whether a message says that the key is gone; NATS's own tools also write `PURGE`. */
export function isDeletion(headers: MsgHdrs | undefined): boolean {
  const operation = headers?.get(OPERATION);
  return operation === "DEL" || operation === "PURGE";
}

/** A message's time to live in milliseconds; undefined where it says none. */
export function ttlOf(headers: MsgHdrs | undefined): number | undefined {
  const ttl = Number(headers?.get(TTL));
  return ttl > 0 ? ttl : undefined;
}

/** A message's value. */
export function valueOf(data: Uint8Array, headers: MsgHdrs | undefined): string {
  return decoder.decode(headers?.get(ENCODING) === "gzip" ? gunzipSync(data) : data);
}
