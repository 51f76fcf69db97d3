// Checks that folders can be written to, by writing: rights alone do not say so (full or read-only disks).
// Invariant: nothing stays behind; a folder that was not there before is not there afterwards.
import { mkdir, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf } from "../../core/errors.ts";
import { findingsOf, type Finding } from "./finding.ts";

/** How often a folder may vanish between being made and being written to. */
const MAX_TRIES = 10;

/** Whether a folder is there or can be made, and can be written to. */
export async function checkFolder(
  name: string,
  folder: { readonly path: string; readonly setting: string },
): Promise<Finding> {
  const { ok, failed } = findingsOf(name);
  const { path, setting } = folder;
  let made: string | undefined;
  try {
    for (let tries = 1; ; tries += 1) {
      const first = await mkdir(path, { recursive: true });
      made ??= first;
      const gone = await writeProbe(path).then(() => null, absence);
      if (gone === null) return ok(path);
      if (tries === MAX_TRIES) throw gone;
    }
  } catch (thrown) {
    return failed(
      `Cannot write to ${path}: ${messageOf(thrown)}. Set ${setting} to a folder that can be written.`,
    );
  } finally {
    if (made !== undefined) await removeEmpty(path, made);
  }
}

async function writeProbe(path: string): Promise<void> {
  const probe = join(path, `.fettle-check-${crypto.randomUUID()}`);
  await writeFile(probe, "", { flag: "wx" });
  await rm(probe);
}

/** The error that says that the folder is gone, which another check may have made and removed; throws all others. */
function absence(thrown: unknown): Error {
  if (thrown instanceof Error && (thrown as NodeJS.ErrnoException).code === "ENOENT") return thrown;
  throw thrown;
}

/** Removes a folder and those above it up to one, as far as they are empty: others may use them by now. */
async function removeEmpty(path: string, upTo: string): Promise<void> {
  for (let folder = path; folder.length >= upTo.length; folder = dirname(folder)) {
    const removed = await rmdir(folder).then(
      () => true,
      () => false,
    );
    if (!removed) return;
  }
}
