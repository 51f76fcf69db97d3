// Where a project gets the package from: as this copy was installed, never a place where there is none.
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { originOf } from "#src/app/init/origin";
import { packageManifest } from "#src/app/package-root";
import { projectRoot } from "../../harness/program.ts";

const fromRegistry = { specifier: `^${packageManifest().version}`, isLocal: false };

let folder = "";
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "fettle-origin-")));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A folder in which npm installed the package, and noted that it did so from there. */
async function installed(name: string, lock: string | null): Promise<URL> {
  const root = join(folder, name, "node_modules/fettle/");
  await mkdir(root, { recursive: true });
  if (lock !== null) await writeFile(join(folder, name, "node_modules/.package-lock.json"), lock);
  return pathToFileURL(root);
}

const noted = (resolved: string): string =>
  JSON.stringify({ packages: { "node_modules/fettle": { version: "0.1.0", resolved } } });

it("is the clone that it runs from", () => {
  expect(originOf()).toEqual({ specifier: `file:${projectRoot}`, isLocal: true });
});

it("is the packed file that npm installed it from, wherever the new project is", async () => {
  await writeFile(join(folder, "my fettle.tgz"), "");
  const root = await installed("packed", noted("file:../my fettle.tgz"));
  expect(originOf(root)).toEqual({ specifier: `file:${join(folder, "my fettle.tgz")}`, isLocal: true });
});

it("is the address that npm installed it from, where that is no registry's", async () => {
  const address = "https://example.org/fettle-0.1.0.tgz";
  expect(originOf(await installed("address", noted(address)))).toEqual({
    specifier: address,
    isLocal: false,
  });
});

it("is its version where it came from a registry, its file is gone, or nobody noted where it came from", async () => {
  const roots = await Promise.all([
    installed("registry", noted("https://registry.example.org/fettle/-/fettle-0.1.0.tgz")),
    installed("gone", noted("file:../gone.tgz")),
    installed("unknown", null),
    installed("unreadable", "{"),
  ]);
  for (const root of roots) expect(originOf(root)).toEqual(fromRegistry);
});
