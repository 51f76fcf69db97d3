// Loads a program or a module of agents, in JavaScript or TypeScript, on every runtime: Deno and newer Nodes run
// TypeScript themselves, older ones by way of jiti; so do newer ones where the package says that it is CommonJS.
// Invariant: nothing is written to disk for it, no cache either.
import { readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ConfigError } from "../core/errors.ts";
import { loadFailure } from "./load-failure.ts";

/**
 * Imports a file, relative to the working folder, and gives its exports.
 *
 * @throws ConfigError where there is no such file or it cannot be read as a program; whatever the file itself throws.
 */
export async function loadModule(file: string): Promise<Readonly<Record<string, unknown>>> {
  const path = resolve(file);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new ConfigError(`Cannot load "${file}": there is no file ${path}.`);
  if (!found.isFile()) throw new ConfigError(`Cannot load "${file}": it is a folder; name a file in it.`);
  try {
    if (isRuntimes(path)) return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
    const { createJiti } = await import("jiti");
    return await createJiti(import.meta.url, { fsCache: false }).import(path);
  } catch (thrown) {
    throw loadFailure(file, thrown);
  }
}

/** Whether the runtime can run a file by itself. */
function isRuntimes(path: string): boolean {
  if ("Deno" in globalThis || !/\.[cm]?tsx?$/.test(path)) return true;
  const { features } = process as { features: { typescript?: unknown } };
  if (!features.typescript || path.endsWith(".tsx")) return false;
  // `npm init` says so of every new project, and Node then takes `import` in a .ts file for a mistake.
  return !path.endsWith(".ts") || packageTypeOf(path) !== "commonjs";
}

/** The `type` in the nearest package.json; undefined where there is none. */
function packageTypeOf(path: string): unknown {
  const folder = dirname(path);
  try {
    return (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { type?: unknown }).type;
  } catch {
    return dirname(folder) === folder ? undefined : packageTypeOf(folder);
  }
}
