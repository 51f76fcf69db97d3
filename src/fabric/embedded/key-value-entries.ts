// How keys lie in the state file, and the steps of a transaction on them. Beside each key's entry there are its time
// of expiry, a place in the list of what is due, and its last change by revision, from which watches read on.
// Invariant: a change is listed under its revision until the key's next one; that of a key that is gone, for so long
// that no watch misses it. What is past its time is gone for every reader, whether or not it was cleared away yet.
import type { StateDatabase, StateKey } from "./shared-database.ts";
import { next } from "./state-file.ts";

/** A key that is there. */
export interface LiveEntry {
  readonly key: string;
  readonly value: string;
  readonly revision: number;
  /** In milliseconds since 1970; Infinity where it never expires. */
  readonly expiresAt: number;
}

/** The last change of a key: what it is since, or null where it is gone. */
export interface Change {
  readonly key: string;
  readonly live: LiveEntry | null;
}

/** For how long the change of a key that is gone is listed, in milliseconds. */
export const GONE_LISTED_FOR = 600_000;

/** How many old things each write clears away: more than it adds. */
const CLEARED_AT_ONCE = 8;

const place = (bucket: string, key: string): StateKey => ["key-value", bucket, key];
const expiryPlace = (bucket: string, key: string): StateKey => ["key-value-expiry", bucket, key];
const duePlace = (at: number, bucket: string, key: string): StateKey => ["key-value-due", at, bucket, key];
const changePlace = (bucket: string, revision: number): StateKey => ["key-value-change", bucket, revision];
const gonePlace = (revision: number, bucket: string): StateKey => ["key-value-gone", revision, bucket];

/** The entry of a key, unless it is past its time. */
export function find(
  database: StateDatabase,
  bucket: string,
  key: string,
  now: number,
): LiveEntry | undefined {
  const entry = database.getEntry(place(bucket, key));
  if (entry === undefined) return undefined;
  const expiresAt = Number(database.get(expiryPlace(bucket, key)) ?? Infinity);
  return expiresAt > now ? { key, value: entry.value, revision: entry.version ?? 0, expiresAt } : undefined;
}

/** Writes a key under the next revision, which it gives. */
export function store(
  database: StateDatabase,
  bucket: string,
  key: string,
  entry: { readonly value: string; readonly expiresAt: number },
): number {
  const { value, expiresAt } = entry;
  forget(database, bucket, key);
  const revision = next(database);
  void database.put(place(bucket, key), value, revision);
  void database.put(changePlace(bucket, revision), key, revision);
  if (expiresAt !== Infinity) {
    void database.put(expiryPlace(bucket, key), String(expiresAt), revision);
    void database.put(duePlace(expiresAt, bucket, key), "", revision);
  }
  return revision;
}

/** Deletes a key, where it is there. */
export function remove(database: StateDatabase, bucket: string, key: string, now: number): void {
  if (!forget(database, bucket, key)) return;
  void database.remove(place(bucket, key));
  const revision = next(database);
  void database.put(changePlace(bucket, revision), key, revision);
  void database.put(gonePlace(revision, bucket), String(now), revision);
}

/** Clears away a few of the keys that are past their time, and of the changes that need not be listed any more. */
export function tidy(database: StateDatabase, now: number): void {
  const due = { start: ["key-value-due"], end: ["key-value-due", now + 1], limit: CLEARED_AT_ONCE };
  for (const [, , bucket, key] of [...database.getKeys(due)]) {
    remove(database, String(bucket), String(key), now);
  }
  const gone = { start: ["key-value-gone"], end: ["key-value-gone", Infinity], limit: CLEARED_AT_ONCE };
  for (const { key: old, value } of [...database.getRange(gone)]) {
    if (now - Number(value) < GONE_LISTED_FOR) return;
    void database.remove(old);
    void database.remove(changePlace(String(old[2]), Number(old[1])));
  }
}

/** The keys of a bucket that start with a prefix, sorted by their characters. */
export function keysOf(database: StateDatabase, bucket: string, prefix: string, now: number): string[] {
  const expired = new Set<string>();
  for (const { key, value } of database.getRange(rangeOf(expiryPlace, bucket, prefix))) {
    if (Number(value) <= now) expired.add(String(key[2]));
  }
  const keys = [...database.getKeys(rangeOf(place, bucket, prefix))].map((key) => String(key[2]));
  return expired.size === 0 ? keys : keys.filter((key) => !expired.has(key));
}

/** All entries of a bucket whose keys start with a prefix, in the order of their revisions. */
export function entriesOf(
  database: StateDatabase,
  bucket: string,
  prefix: string,
  now: number,
): readonly LiveEntry[] {
  const keys = keysOf(database, bucket, prefix, now);
  const entries = keys.flatMap((key) => find(database, bucket, key, now) ?? []);
  return entries.sort((a, b) => a.revision - b.revision);
}

/** The last change of each key of a bucket that changed after a revision, in the order of revisions. */
export function changesAfter(
  database: StateDatabase,
  bucket: string,
  revision: number,
  now: number,
): readonly Change[] {
  const range = { start: changePlace(bucket, revision + 1), end: changePlace(bucket, Infinity) };
  return [...database.getRange(range)].flatMap(({ key: [, , at], value: key }) => {
    const live = find(database, bucket, key, now) ?? null;
    // One that was made again since then is told under its later revision.
    return live !== null && live.revision !== at ? [] : [{ key, live }];
  });
}

/** The revision of the last change in a bucket; 0 where there was none. */
export function lastRevision(database: StateDatabase, bucket: string): number {
  const range = {
    start: changePlace(bucket, Infinity),
    end: changePlace(bucket, 0),
    reverse: true,
    limit: 1,
  };
  const [last] = [...database.getKeys(range)];
  return last === undefined ? 0 : Number(last[2]);
}

/** Removes what lies beside a key's entry; whether there is an entry. */
function forget(database: StateDatabase, bucket: string, key: string): boolean {
  const entry = database.getEntry(place(bucket, key));
  if (entry === undefined) return false;
  void database.remove(changePlace(bucket, entry.version ?? 0));
  const expiresAt = database.get(expiryPlace(bucket, key));
  if (expiresAt !== undefined) {
    void database.remove(expiryPlace(bucket, key));
    void database.remove(duePlace(Number(expiresAt), bucket, key));
  }
  return true;
}

function rangeOf(of: typeof place, bucket: string, prefix: string): { start: StateKey; end: StateKey } {
  return { start: of(bucket, prefix), end: of(bucket, `${prefix}\u{10ffff}`) };
}
