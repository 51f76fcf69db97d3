// How a new project gets the package that made it: the way by which this copy was installed.
// Invariant: what is named can be installed as it is named: a file that is gone, or a record that cannot be read, is not.
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { packageManifest, packageRoot } from "../package-root.ts";

/** The package in a project's dependencies, and whether that is a file of this machine, which others do not have. */
export interface Origin {
  /** Such as `^0.1.0`, or `file:/home/me/fettle-0.1.0.tgz`. */
  readonly specifier: string;
  readonly isLocal: boolean;
}

/** Where the package at a root came from: a clone, a packed file, an address, else its registry. */
export function originOf(root: URL = packageRoot()): Origin {
  const { name, version } = packageManifest();
  const isClone = existsSync(new URL("scripts/build.mjs", root));
  if (isClone) return { specifier: `file:${fileURLToPath(root)}`, isLocal: true };
  const noted = installedFrom(root, name);
  if (noted?.startsWith("file:") === true) {
    const file = resolve(fileURLToPath(new URL("../../", root)), noted.slice("file:".length));
    if (existsSync(file)) return { specifier: `file:${file}`, isLocal: true };
  } else if (noted !== null && !noted.includes(`/${name}/-/`)) {
    return { specifier: noted, isLocal: false };
  }
  return { specifier: `^${version}`, isLocal: false };
}

/** What npm noted beside the packages that it installed; null where another package manager did. */
function installedFrom(root: URL, name: string): string | null {
  const file = new URL("../.package-lock.json", root);
  try {
    const { packages } = JSON.parse(readFileSync(file, "utf8")) as {
      readonly packages?: Readonly<Record<string, { readonly resolved?: string }>>;
    };
    return packages?.[`node_modules/${name}`]?.resolved ?? null;
  } catch {
    return null;
  }
}
