// A look at an LMDB file before LMDB maps it: LMDB trusts its file, and one that is cut short or is no LMDB
// file at all would end the whole process by a signal instead of an error.
// Invariant: only reads; a file that is absent or empty is sound, LMDB makes it.
import { open } from "node:fs/promises";
import { systemClock } from "../../core/clock.ts";
import { pause } from "../../core/pause.ts";
import { AT, META_BYTES, transactionOf } from "./meta-page.ts";
import { damagedError } from "./storage-error.ts";

/** LMDB's mark and data version. */
const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;

/** A file that another process just makes looks for a moment as if it were cut short: it is looked at so often. */
const LOOKS = 11;
const REST_MS = 50;

/** @throws StorageError where a file is there and cannot be a whole LMDB file. */
export async function requireSoundFile(file: string): Promise<void> {
  const { signal } = new AbortController();
  for (let looks = 1; ; looks += 1) {
    const fault = await faultOf(file);
    if (fault === null) return;
    if (looks === LOOKS) throw damagedError("open the state file", file, fault);
    await pause(REST_MS, { clock: systemClock, signal });
  }
}

/** What is wrong with a file; null for nothing. */
async function faultOf(file: string): Promise<string | null> {
  const handle = await open(file, "r").catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  });
  if (handle === undefined) return null;
  try {
    const first = await readMeta(handle, 0);
    if (first.length === 0) return null;
    if (!isMeta(first)) return "it does not begin as an LMDB file does";
    const pageSize = first.readUInt32LE(AT.pageSize);
    const second = await readMeta(handle, pageSize);
    if (!isMeta(second)) return "its second page is not as LMDB writes it";
    const current = transactionOf(second) > transactionOf(first) ? second : first;
    const needed = (current.readBigUInt64LE(AT.lastPage) + 1n) * BigInt(pageSize);
    const { size } = await handle.stat();
    if (BigInt(size) >= needed) return null;
    return `it has ${size} of at least ${needed.toString()} bytes: it was cut short`;
  } finally {
    await handle.close();
  }
}

async function readMeta(handle: Awaited<ReturnType<typeof open>>, position: number): Promise<Buffer> {
  const page = Buffer.alloc(META_BYTES);
  const { bytesRead } = await handle.read(page, 0, META_BYTES, position);
  return page.subarray(0, bytesRead);
}

function isMeta(page: Buffer): boolean {
  return (
    page.length === META_BYTES &&
    page.readUInt32LE(AT.magic) === MAGIC &&
    page.readUInt32LE(AT.version) === DATA_VERSION
  );
}
