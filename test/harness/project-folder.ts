// A folder as a user has it: a project with Fettle installed, and what files its tests need.
import { mkdir, mkdtemp, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "./program.ts";

/** Lays a project out; the caller removes it. `files` are texts by their names. */
export async function layProject(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `fettle-${name}-`));
  await mkdir(join(folder, "node_modules"));
  await symlink(projectRoot.replace(/\/$/, ""), join(folder, "node_modules/fettle"));
  const all = { "package.json": '{ "type": "module" }', ...files };
  for (const [file, text] of Object.entries(all)) await writeFile(join(folder, file), text);
  return folder;
}
