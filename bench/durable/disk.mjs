// What durable work does to the disk: commits, syncs and bytes.
// Invariant: counted where it happens, in the state file's own counter and at the runtime's own call.
import { Buffer } from "node:buffer";
import { mkdtemp, open, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where LMDB keeps the number of its last commit in each of its two meta pages, and how long a page is. */
const AT = { pageSize: 48, transaction: 152 };

/** A folder of its own, and what removes it with all that is in it. */
export async function makeFolder() {
  const directory = await mkdtemp(join(tmpdir(), "fettle-bench-"));
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}

/** Gives an action a folder that is there as long as it works. */
export async function inFolder(action) {
  const { directory, remove } = await makeFolder();
  try {
    return await action(directory);
  } finally {
    await remove();
  }
}

/** Commits of an LMDB file since it was made. */
export async function commitsOf(file) {
  const handle = await open(file, "r");
  try {
    const first = Buffer.alloc(160);
    const second = Buffer.alloc(160);
    await handle.read(first, 0, 160, 0);
    await handle.read(second, 0, 160, first.readUInt32LE(AT.pageSize));
    const [one, other] = [first, second].map((page) => Number(page.readBigUInt64LE(AT.transaction)));
    return Math.max(one, other);
  } finally {
    await handle.close();
  }
}

/** Counts syncs of files and folders by this process, LMDB's own excluded. */
export async function countSyncs() {
  const handle = await open(import.meta.filename, "r");
  const prototype = Object.getPrototypeOf(handle);
  await handle.close();
  const { sync } = prototype;
  const counter = { count: 0, stop: () => (prototype.sync = sync) };
  prototype.sync = function counted() {
    counter.count += 1;
    return sync.call(this);
  };
  return counter;
}

/** Bytes that all files of a folder take up on the disk, in whole blocks. */
export async function sizeOf(directory) {
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const stats = await Promise.all(files.map((file) => stat(file)));
  return stats.reduce((sum, { blocks }) => sum + blocks * 512, 0);
}

/** The bytes of one file; 0 where there is none. */
export async function bytesOf(file) {
  return (await stat(file).catch(() => ({ size: 0 }))).size;
}
