// Where the package lies, found from its package.json: the same whether it runs from its sources or its build.
import { existsSync, readFileSync } from "node:fs";
import { FettleError } from "../core/errors.ts";

/** The parts of the package's own package.json that the program reads. */
export interface PackageManifest {
  readonly name: string;
  readonly version: string;
  readonly engines: { readonly node: string };
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** The folder of the package, as a URL that ends in `/`. */
export function packageRoot(): URL {
  for (let folder = new URL("./", import.meta.url); ; folder = new URL("../", folder)) {
    if (existsSync(new URL("package.json", folder))) return folder;
    if (folder.pathname === "/" || folder.href === new URL("../", folder).href) break;
  }
  throw new FettleError(
    "STORAGE_FAILED",
    `No package.json above ${import.meta.url}: is the package complete?`,
  );
}

/** The package's own package.json. */
export function packageManifest(): PackageManifest {
  return JSON.parse(readFileSync(new URL("package.json", packageRoot()), "utf8")) as PackageManifest;
}
