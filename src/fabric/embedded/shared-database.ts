// The LMDB files that are open in this process, each once, whoever uses it: LMDB forbids to open a file twice in one process,
// and two handles of lmdb-js would wait for each other for ever, the one for the write lock, the other for this thread.
// Invariant: a file is open from its first user to its last. This is state of the process, as the lock itself is.
import { mkdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import type { RootDatabase } from "lmdb";
import { requireSoundFile } from "./lmdb-file.ts";

/** A key in the file: its parts are compared one after the other, numbers before texts. */
export type StateKey = (string | number)[];

/** The open file. Inside a transaction its methods act at once, and see what the transaction wrote. */
export type StateDatabase = RootDatabase<string, StateKey>;

/** One user's hold on an open file. */
export interface SharedDatabase {
  readonly database: StateDatabase;
  /** Gives it back, once; closes the file where nobody else has it. */
  readonly release: () => Promise<void>;
}

interface Held {
  readonly database: Promise<StateDatabase>;
  users: number;
}

const held = new Map<string, Held>();
const closing = new Map<string, Promise<void>>();

/** Opens a file in a folder, which is made where it is absent, or shares it. @throws StorageError for a damaged file */
export async function shareDatabase(directory: string, name: string): Promise<SharedDatabase> {
  await mkdir(directory, { recursive: true });
  const file = join(await realpath(directory), name);
  while (closing.has(file)) await closing.get(file);
  const mine = held.get(file) ?? { database: openDatabase(file), users: 0 };
  held.set(file, mine);
  mine.users += 1;
  try {
    return { database: await mine.database, release: () => release(file, mine) };
  } catch (thrown) {
    if (held.get(file) === mine) held.delete(file);
    throw thrown;
  }
}

async function release(file: string, mine: Held): Promise<void> {
  mine.users -= 1;
  if (mine.users > 0) return;
  held.delete(file);
  const closed = mine.database.then((database) => database.close()).finally(() => closing.delete(file));
  closing.set(file, closed);
  await closed;
}

async function openDatabase(file: string): Promise<StateDatabase> {
  await requireSoundFile(file);
  const { open } = await import("lmdb");
  return open<string, StateKey>(file, {
    noSubdir: true,
    encoding: "string",
    useVersions: true,
    // Plain LMDB commits: synced to disk before they are acknowledged, and a failed one (a full disk) rejects
    // its own writes only. With either of these on, a failed commit also rejects promises that nobody holds.
    overlappingSync: false,
    eventTurnBatching: false,
  });
}
