// Writes the files of a new project into a folder.
// Invariant: all or nothing as far as can be known before: where one file is in the way, none is written. What is
// replaced by force is replaced itself; nothing is written through a link to elsewhere.
import { lstat, mkdir, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ConfigError, messageOf, StorageError } from "../../core/errors.ts";
import type { ProjectFile } from "./project.ts";

/**
 * Writes files below a folder, which is made where it is not there.
 *
 * @throws ConfigError that lists what is in the way; StorageError where the folder cannot be written to.
 */
export async function writeProject(
  folder: string,
  files: readonly ProjectFile[],
  options: { readonly force: boolean },
): Promise<void> {
  const found = await stat(folder).catch(() => null);
  if (found !== null && !found.isDirectory()) {
    throw new ConfigError(`Cannot make a project in ${folder}: it is a file. Name another folder.`);
  }
  const conflicts = await findConflicts(folder, files, options);
  if (conflicts.length > 0) {
    const list = conflicts.map((path) => `- ${path}`).join("\n");
    throw new ConfigError(
      `Cannot make a project in ${folder}: nothing was written, since these are there already:\n${list}\n` +
        "Name another folder, or say --force to replace them.",
    );
  }
  try {
    for (const { path, content } of files) {
      const file = join(folder, path);
      await mkdir(dirname(file), { recursive: true });
      if (options.force) await rm(file, { force: true });
      await writeFile(file, content, { flag: "wx" });
    }
  } catch (thrown) {
    throw new StorageError("STORAGE_FAILED", `Cannot make a project in ${folder}: ${messageOf(thrown)}.`, {
      cause: thrown,
    });
  }
}

/** Files that are there, and would be replaced; folders in a file's place are in the way even of force. */
async function findConflicts(
  folder: string,
  files: readonly ProjectFile[],
  { force }: { readonly force: boolean },
): Promise<readonly string[]> {
  const conflicts: string[] = [];
  for (const { path } of files) {
    const found = await lstat(join(folder, path)).catch(() => null);
    if (found?.isDirectory() === true) conflicts.push(`${path} (a folder)`);
    else if (found !== null && !force) conflicts.push(path);
  }
  return conflicts;
}
