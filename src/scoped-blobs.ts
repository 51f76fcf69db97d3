// Blobs below one folder of a store, as handlers are given them: what is outside it can be neither read nor replaced.
import { requireBlobPath, requireBlobPrefix } from "./core/grammar.ts";
import type { Blobs } from "./core/ports.ts";

/** The part of a store below a folder; paths are relative to it. */
export function scopeBlobs(blobs: Blobs, folder: string): Blobs {
  const within = (path: string): string => {
    requireBlobPath(path);
    return `${folder}/${path}`;
  };
  return Object.freeze<Blobs>({
    write: async (path, data) => blobs.write(within(path), data),
    read: async (path) => blobs.read(within(path)),
    stream: async (path) => blobs.stream(within(path)),
    delete: async (path) => blobs.delete(within(path)),
    list: async (prefix = "") => {
      requireBlobPrefix(prefix);
      const paths = await blobs.list(`${folder}/${prefix}`);
      return paths.map((path) => path.slice(folder.length + 1));
    },
  });
}
