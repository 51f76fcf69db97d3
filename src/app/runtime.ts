// Which runtimes the package runs on. Where one is too old it fails in many places, and none of them says why.
import { satisfies } from "semver";
import { ConfigError } from "../core/errors.ts";
import { packageManifest } from "./package-root.ts";

/** The versions of the runtime, as `process.versions` gives them. */
export type RuntimeVersions = Readonly<Record<string, string | undefined>>;

/** Why the package does not run on this runtime, and what to do; null where it does. */
export function runtimeProblem({ deno, node = "unknown" }: RuntimeVersions): string | null {
  const wanted = packageManifest().engines.node;
  if (deno !== undefined || satisfies(node, wanted, { includePrerelease: true })) return null;
  return `${node} is too old: Fettle needs Node ${wanted}. Install a newer one from https://nodejs.org.`;
}

/** @throws ConfigError where the package does not run on this runtime. */
export function requireRuntime(versions: RuntimeVersions = process.versions): void {
  const problem = runtimeProblem(versions);
  if (problem !== null) throw new ConfigError(`Node ${problem}`);
}
