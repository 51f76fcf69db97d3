// The LMDB files that are open in this process, each once, whoever uses it: LMDB forbids to open a file twice in one process,
// and two handles of lmdb-js would wait for each other for ever, the one for the write lock, the other for this thread.
// Invariant: a file is open from its first user to its last. This is state of the process, as the lock itself is.
import { mkdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import type { RootDatabase } from "lmdb";
import { UnderWay } from "../../core/under-way.ts";
import { requireSoundFile } from "./lmdb-file.ts";
import { OutdatedError, requireNewest } from "./newest-commit.ts";

/** A key in the file: its parts are compared one after the other, numbers before texts. */
export type StateKey = (string | number)[];

/** The open file. Inside a transaction its methods act at once, and see what the transaction wrote. */
export type StateDatabase = RootDatabase<string, StateKey>;

/** One user's hold on an open file. */
export interface SharedDatabase {
  /** The file as it is open now; waits while it is opened anew. */
  readonly database: () => Promise<StateDatabase>;
  /** Runs an action in a transaction, upon all that any process has committed. */
  readonly write: <T>(action: (database: StateDatabase) => T) => Promise<T>;
  /** Gives it back, once; closes the file where nobody else has it. */
  readonly release: () => Promise<void>;
}

interface Held {
  database: Promise<StateDatabase>;
  users: number;
  readonly writing: UnderWay;
  /** Under way while the file is opened anew. */
  renewing: Promise<void> | null;
}

const held = new Map<string, Held>();
const closing = new Map<string, Promise<void>>();

/** Opens a file in a folder, which is made where it is absent, or shares it. @throws StorageError for a damaged file */
export async function shareDatabase(directory: string, name: string): Promise<SharedDatabase> {
  await mkdir(directory, { recursive: true });
  const file = join(await realpath(directory), name);
  while (closing.has(file)) await closing.get(file);
  const mine = held.get(file) ?? {
    database: openDatabase(file),
    users: 0,
    writing: new UnderWay(),
    renewing: null,
  };
  held.set(file, mine);
  mine.users += 1;
  try {
    await mine.database;
  } catch (thrown) {
    if (held.get(file) === mine) held.delete(file);
    throw thrown;
  }
  return {
    database: () => mine.database,
    write: (action) => write(file, mine, action),
    release: () => release(file, mine),
  };
}

async function write<T>(file: string, mine: Held, action: (database: StateDatabase) => T): Promise<T> {
  for (;;) {
    const database = await mine.database;
    try {
      return await mine.writing.during(() =>
        database.transaction(() => {
          requireNewest(database, file);
          return action(database);
        }),
      );
    } catch (thrown) {
      if (!(thrown instanceof OutdatedError)) throw thrown;
    }
    mine.renewing ??= renew(file, mine).finally(() => (mine.renewing = null));
    await mine.renewing;
  }
}

/** Opens the file anew, which has LMDB look for its newest commit. */
async function renew(file: string, mine: Held): Promise<void> {
  const old = await mine.database;
  mine.database = (async () => {
    // Who has been given the old one has read from it by then.
    await new Promise((resolve) => setImmediate(resolve));
    await mine.writing.none();
    await old.close();
    return openDatabase(file);
  })();
  try {
    await mine.database;
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
