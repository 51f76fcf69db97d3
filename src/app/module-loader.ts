// Loads a program or a module of agents, in JavaScript or TypeScript, on every runtime: Deno and newer Nodes run
// TypeScript themselves, older ones by way of jiti.
// Invariant: nothing is written to disk for it, no cache either.
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ConfigError } from "../core/errors.ts";

/**
 * Imports a file, relative to the working folder, and gives its exports.
 *
 * @throws ConfigError where there is no such file; whatever the file itself throws.
 */
export async function loadModule(file: string): Promise<Readonly<Record<string, unknown>>> {
  const path = resolve(file);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new ConfigError(`Cannot load "${file}": there is no file ${path}.`);
  if (!found.isFile()) throw new ConfigError(`Cannot load "${file}": it is a folder; name a file in it.`);
  if (!/\.[cm]?tsx?$/.test(path) || runsTypeScript()) {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  }
  const { createJiti } = await import("jiti");
  return createJiti(import.meta.url, { fsCache: false }).import(path);
}

function runsTypeScript(): boolean {
  if ("Deno" in globalThis) return true;
  const { features } = process as { features: { typescript?: unknown } };
  return Boolean(features.typescript);
}
