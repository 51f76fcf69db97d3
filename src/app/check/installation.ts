// Checks what runs: the runtime, the package with its built engine, and the packages that it depends on.
import { existsSync, readFileSync, statSync } from "node:fs";
import { parse as parseFile } from "node:path";
import { fileURLToPath } from "node:url";
import { satisfies } from "semver";
import { messageOf } from "../../core/errors.ts";
import { packageManifest, packageRoot } from "../package-root.ts";
import { runtimeProblem, type RuntimeVersions } from "../runtime.ts";
import { findingsOf, type Finding } from "./finding.ts";

/** Whether the runtime is one that the package runs on. */
export function checkRuntime(versions: RuntimeVersions = process.versions): Finding {
  const { deno, node = "unknown" } = versions;
  if (deno !== undefined) return findingsOf("Deno version").ok(deno);
  const { ok, failed } = findingsOf("Node version");
  const problem = runtimeProblem(versions);
  return problem === null ? ok(node) : failed(problem);
}

/** Whether the package is whole: what the build makes is there. */
export function checkPackage(root: URL = packageRoot()): Finding {
  const { ok, failed } = findingsOf("Package");
  const missing = ["dist/src/app/cli.js", "dist/engine/engine.wasm", "dist/engine/worker.js"].filter(
    (file) => !isFilled(new URL(file, root)),
  );
  const where = fileURLToPath(root);
  const { name, version } = packageManifest();
  if (missing.length === 0) return ok(`${name} ${version}, ${where}`);
  return failed(
    `${missing.join(", ")} missing in ${where}. In a clone run "npm run build", else install the package again.`,
  );
}

/** Whether each dependency is installed, of a version in range, and can be loaded. */
export async function checkDependencies(
  dependencies: Readonly<Record<string, string>> = packageManifest().dependencies,
): Promise<Finding> {
  const { ok, failed } = findingsOf("Dependencies");
  const entries = Object.entries(dependencies);
  const found = await Promise.all(entries.map(([name, range]) => problemOf(name, range)));
  const problems = found.filter((problem) => problem !== null);
  if (problems.length === 0) return ok(`${entries.length} installed and in range`);
  const list = problems.map((problem) => `- ${problem}`).join("\n");
  return failed(`${problems.length} of ${entries.length} cannot be used: run "npm install" again.\n${list}`);
}

async function problemOf(name: string, range: string): Promise<string | null> {
  const version = installedVersion(name);
  if (version !== null && !satisfies(version, range)) {
    return `${name} is installed in version ${version}, but ${range} is needed.`;
  }
  try {
    await import(name);
    return null;
  } catch (thrown) {
    const [reason] = messageOf(thrown).split("\n", 1);
    return `${name} ${version === null ? "is not installed" : `${version} cannot be loaded`}: ${reason ?? ""}`;
  }
}

/** The version in the nearest `node_modules` above the package; null where there is none, as in Deno's cache. */
function installedVersion(name: string): string | null {
  const root = fileURLToPath(packageRoot());
  const { root: top } = parseFile(root);
  for (let folder = packageRoot(); ; folder = new URL("../", folder)) {
    const file = new URL(`node_modules/${name}/package.json`, folder);
    if (existsSync(file)) return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
    if (fileURLToPath(folder) === top) return null;
  }
}

function isFilled(file: URL): boolean {
  return existsSync(file) && statSync(file).size > 0;
}
