// Blobs as files in one folder, named as their paths are, so that people can read them with any tool.
// Invariant: nothing outside the folder is ever read or written, through whatever path or symbolic link; a
// blob appears whole (written aside, synced unless it need not last, renamed) or not at all; unfinished files are
// never listed.
import { randomUUID } from "node:crypto";
import { lstatSync } from "node:fs";
import {
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  type FileHandle,
} from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { requireBlobPath, requireBlobPrefix } from "../../core/grammar.ts";
import { StorageError } from "../../core/errors.ts";
import type { Blobs, BlobWrite } from "../../core/ports.ts";
import { byteStream, chunksOf, discard, type BlobData, type ByteSource } from "../byte-stream.ts";
import { storageError } from "./storage-error.ts";

/** How unfinished files end; they begin with a dot, as a blob's own name never does. */
const UNFINISHED = ".unfinished";

/** An unfinished file of this age, in milliseconds, is one whose writer died. */
const ABANDONED_AFTER = 3_600_000;

/** How much of a file is read at a time, in bytes. */
const PIECE = 65_536;

/** Blobs in a folder, which is made on the first write. */
export class FileBlobs implements Blobs {
  readonly #directory: string;
  readonly #prepared = new Set<string>();
  /** Syncs of folders that have not begun: whoever renames into the folder before then shares it. */
  readonly #syncs = new Map<string, Promise<void>>();
  readonly #syncing = new Map<string, Promise<void>>();

  constructor(directory: string) {
    this.#directory = resolve(directory);
  }

  async write(path: string, data: BlobData, { isDurable = true }: BlobWrite = {}): Promise<void> {
    try {
      await this.#write(path, data, isDurable);
    } catch (error) {
      await discard(data, error);
      throw error;
    }
  }

  async read(path: string): Promise<Uint8Array | null> {
    const file = this.#fileOf(path);
    return this.#attempt(`read blob "${path}"`, file, async () => {
      await this.#requireInside(path);
      return readFile(file).then(
        (buffer) => new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength),
        nullIfAbsent,
      );
    });
  }

  async stream(path: string): Promise<ReadableStream<Uint8Array> | null> {
    const file = this.#fileOf(path);
    const attempt = `read blob "${path}"`;
    return this.#attempt(attempt, file, async () => {
      await this.#requireInside(path);
      const handle = await open(file, "r").catch(nullIfAbsent);
      if (handle === null) return null;
      return byteStream(piecesOf(handle), (error) => storageError(attempt, file, error));
    });
  }

  async delete(path: string): Promise<void> {
    const file = this.#fileOf(path);
    await this.#attempt(`delete blob "${path}"`, file, async () => {
      await this.#requireInside(path);
      await rm(file).catch(nullIfAbsent);
    });
  }

  async list(prefix = ""): Promise<readonly string[]> {
    const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1);
    requireBlobPrefix(prefix);
    const paths: string[] = [];
    await this.#attempt("list blobs", this.#directory, async () => {
      if (folder !== "") await this.#requireInside(folder.slice(0, -1));
      await this.#walk(folder, prefix, paths);
    });
    return paths.sort();
  }

  async #write(path: string, data: BlobData, isDurable: boolean): Promise<void> {
    const file = this.#fileOf(path);
    const attempt = `write blob "${path}"`;
    await this.#attempt(attempt, file, async () => {
      await this.#requireInside(path);
      const folder = dirname(file);
      await this.#prepare(folder);
      const unfinished = join(folder, `.${randomUUID()}${UNFINISHED}`);
      const handle = await this.#create(unfinished, folder);
      try {
        const pieces = data instanceof ReadableStream ? chunksOf(attempt, data) : [data];
        await writeFile(handle, pieces, isDurable);
        await rename(unfinished, file);
      } catch (error) {
        await rm(unfinished, { force: true });
        throw error;
      }
      if (isDurable) await this.#syncFolder(folder);
    });
  }

  #fileOf(path: string): string {
    return join(this.#directory, ...requireBlobPath(path));
  }

  /** Makes a new file, and its folder again where somebody has removed it since. */
  async #create(file: string, folder: string): Promise<FileHandle> {
    try {
      return await open(file, "wx");
    } catch (error) {
      nullIfAbsent(error);
      await mkdir(folder, { recursive: true });
      return open(file, "wx");
    }
  }

  /** Makes renames into a folder last over a power cut. */
  #syncFolder(folder: string): Promise<void> {
    const waiting = this.#syncs.get(folder);
    if (waiting !== undefined) return waiting;
    const begun = (this.#syncing.get(folder) ?? Promise.resolve()).then(() => {
      this.#syncs.delete(folder);
      this.#syncing.set(folder, sync);
      return syncFolder(folder);
    });
    const sync = begun.finally(() => {
      if (this.#syncing.get(folder) === sync) this.#syncing.delete(folder);
    });
    this.#syncs.set(folder, sync);
    return sync;
  }

  /** Makes a folder and clears it of what killed writers left; once in this process. */
  async #prepare(folder: string): Promise<void> {
    if (this.#prepared.has(folder)) return;
    await mkdir(folder, { recursive: true });
    this.#prepared.add(folder);
    for (const name of await readdir(folder)) {
      if (!name.startsWith(".") || !name.endsWith(UNFINISHED)) continue;
      const file = join(folder, name);
      const found = await lstat(file).catch(nullIfAbsent);
      if (found !== null && Date.now() - found.mtimeMs > ABANDONED_AFTER) await rm(file, { force: true });
    }
  }

  async #walk(folder: string, prefix: string, paths: string[]): Promise<void> {
    const entries = await readdir(join(this.#directory, folder), { withFileTypes: true }).catch(nullIfAbsent);
    for (const entry of entries ?? []) {
      if (entry.name.startsWith(".")) continue;
      const path = folder + entry.name;
      if (entry.isFile() && path.startsWith(prefix)) paths.push(path);
      if (entry.isDirectory() && (path.startsWith(prefix) || prefix.startsWith(`${path}/`))) {
        await this.#walk(`${path}/`, prefix, paths);
      }
    }
  }

  /** Refuses a path that a symbolic link leads out of the folder, at any of its parts. */
  async #requireInside(path: string): Promise<void> {
    const segments = requireBlobPath(path);
    const files = segments.map((_, index) => join(this.#directory, ...segments.slice(0, index + 1)));
    // At once: it takes a few microseconds, where the way over a thread takes a hundred.
    const links = files.filter((file) => isLink(file));
    if (links.length === 0) return;
    const root = await realpath(this.#directory);
    for (const link of links) {
      const target = await realpath(link).catch(nullIfAbsent);
      if (target?.startsWith(root + sep) === true) continue;
      throw new StorageError(
        "PATH_INVALID",
        `Cannot use blob path "${path}": ${link} is a symbolic link that leads out of ${root}. Remove the link.`,
      );
    }
  }

  async #attempt<T>(attempt: string, file: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw error instanceof StorageError ? error : storageError(attempt, file, error);
    }
  }
}

function isLink(file: string): boolean {
  try {
    return lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  } catch (error) {
    nullIfAbsent(error);
    return false;
  }
}

async function writeFile(
  handle: FileHandle,
  pieces: AsyncIterable<Uint8Array> | readonly (string | Uint8Array)[],
  isSynced: boolean,
): Promise<void> {
  try {
    for await (const piece of pieces) await handle.writeFile(piece); // Goes on where the last one ended.
    if (isSynced) await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The bytes of an open file, piece by piece. */
function piecesOf(handle: FileHandle): ByteSource {
  return {
    next: async () => {
      const { bytesRead, buffer } = await handle.read(new Uint8Array(PIECE), 0, PIECE);
      return bytesRead === 0 ? null : buffer.subarray(0, bytesRead);
    },
    close: () => handle.close(),
  };
}

/** Makes a rename last over a power cut; a system that cannot sync folders does without. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

/** Passes over "no such file"; a file where a folder would be means the same. */
function nullIfAbsent(error: unknown): null {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT" || code === "ENOTDIR") return null;
  throw error;
}
