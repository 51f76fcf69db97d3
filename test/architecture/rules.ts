// The rules of the house, each telling somebody who broke it where, what and how to mend it.
// Invariant: works on texts alone, so that each rule is tried on small bad examples.
import { posix } from "node:path";
import { readSource, type Import, type Source } from "./source.ts";
import { ENTRY_POINTS, ENVIRONMENT_READER, SEAMS, unitOf, type Unit } from "./units.ts";

/** What the rules are applied to. */
export interface Tree {
  /** The source, by paths from the project's root such as `src/core/task.ts`. */
  readonly files: ReadonlyMap<string, string>;
  /** Tests, examples and scripts: they may use whatever is exported, and are not judged. */
  readonly users: ReadonlyMap<string, string>;
  /** The names of the npm packages that the package depends on when installed. */
  readonly dependencies: readonly string[];
}

const MAX_LINES = 400;
const VAGUE = /^(?:utils?|helpers?|common|types?|misc|shared|lib)$/;

/** All that is wrong with a tree, sorted; empty where the house is in order. */
export function findProblems(tree: Tree): string[] {
  const sources = new Map([...tree.files].map(([path, text]) => [path, readSource(path, text)]));
  const problems = [...sources.values()].flatMap((source) => [
    ...faultsOfFile(source),
    ...source.imports.flatMap((one) => faultsOfImport(source, one, tree)),
  ]);
  return [...problems, ...findCycles(sources), ...findUnused(sources, tree)].sort();
}

function faultsOfFile({ path, text, defaultExportLine, environmentLine }: Source): string[] {
  const faults: string[] = [];
  const name = posix.basename(path).replace(/\.tsx?$/, "");
  const lines = text.trimEnd().split("\n").length;
  if (unitOf(path) === undefined) {
    faults.push(
      `${path} is in no unit: move it into one, or give its folder a place in test/architecture/units.ts.`,
    );
  }
  if (!/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(name)) {
    faults.push(`${path}: name it in kebab-case, after its main export, as in "task-queue.ts".`);
  }
  if (path.split("/").some((part) => VAGUE.test(part.replace(/\.tsx?$/, "")))) {
    faults.push(`${path}: "${name}" says nothing. Name the file for the one thing that it holds.`);
  }
  if (lines > MAX_LINES) {
    faults.push(`${path} has ${lines} lines of at most ${MAX_LINES}: split it by noun, a file for each.`);
  }
  if (!/^(?:#!.*\n)?\/\/ \S/.test(text)) {
    faults.push(
      `${path}: begin it with two to five comment lines that say why it is there, and its invariant.`,
    );
  }
  if (defaultExportLine !== undefined) {
    faults.push(`${path}:${defaultExportLine} exports a default: export it by its name.`);
  }
  if (environmentLine !== undefined && path !== ENVIRONMENT_READER) {
    faults.push(
      `${path}:${environmentLine} reads the environment: only ${ENVIRONMENT_READER} does. Take the value as an option.`,
    );
  }
  return faults;
}

function faultsOfImport(source: Source, one: Import, tree: Tree): string[] {
  const at = `${source.path}:${one.line}`;
  const unit = unitOf(source.path);
  if (unit === undefined) return [];
  if (one.kind === "re-export" && ![...ENTRY_POINTS, ...SEAMS].includes(source.path)) {
    return [
      `${at} passes on what "${one.specifier}" exports: import it where it is used, from the file it is in.`,
    ];
  }
  if (one.specifier.startsWith("#")) {
    return [
      `${at} imports "${one.specifier}": "#" names are for tests. Use a relative path that ends in ".ts".`,
    ];
  }
  if (one.specifier.startsWith(".") || one.kind === "url") {
    const target = resolveImport(source.path, one, tree.files);
    if (target !== undefined) return faultsOfReference(at, unit, target);
    return one.kind === "url" ? [] : [`${at} imports "${one.specifier}", and there is no such file.`];
  }
  return faultsOfPackage(at, unit, one, tree.dependencies);
}

function faultsOfReference(at: string, unit: Unit, target: string): string[] {
  const other = unitOf(target);
  if (other === undefined || other === unit) return [];
  const told = `${at} imports ${target}, but `;
  if (other.floor > unit.floor) {
    return [
      `${told}${unit.name} (floor ${unit.floor}: ${unit.purpose}) lies below ${other.name} (floor ${other.floor}). ` +
        `Imports go downwards: move what both need into src/core, or have it passed in from above.`,
    ];
  }
  if (other.floor === unit.floor) {
    return [
      `${told}${unit.name} and ${other.name} are strangers on floor ${unit.floor}. ` +
        `Move what both need into src/core, or have it passed in from above, by a port of src/core/ports.ts.`,
    ];
  }
  if (unit.only !== undefined && !unit.only.includes(other.name)) {
    return [
      `${told}${unit.name} (${unit.purpose}) may import ${unit.only.join(", ")} only. ` +
        `Take what you need as a port, and bind it in actors/ or src/mesh.ts.`,
    ];
  }
  return [];
}

function faultsOfPackage(at: string, unit: Unit, one: Import, dependencies: readonly string[]): string[] {
  if (one.specifier.startsWith("node:")) {
    if (unit.node) return [];
    return [
      `${at} imports "${one.specifier}": ${unit.name} is ${unit.purpose}, without Node. Do it in an adapter.`,
    ];
  }
  const name = one.specifier.split("/", one.specifier.startsWith("@") ? 2 : 1).join("/");
  if (!unit.packages.includes(name) && !(one.typeOnly && unit.packages.includes(`type:${name}`))) {
    const allowed =
      unit.packages.length === 0 ? "none" : unit.packages.join(", ").replaceAll("type:", "the types of ");
    return [
      `${at} imports the package "${name}": ${unit.name} may use ${allowed}. ` +
        `Use it in the unit that wraps it; a new package gets its place in test/architecture/units.ts.`,
    ];
  }
  if (unit.bundled === true || dependencies.includes(name)) return [];
  return [`${at} imports the package "${name}", which is not among the dependencies in package.json.`];
}

/** The file that a reference means; a worker may be named by its built name. */
function resolveImport(from: string, one: Import, files: ReadonlyMap<string, string>): string | undefined {
  const path = posix.join(posix.dirname(from), one.specifier);
  return [path, path.replace(/\.m?js$/, ".ts")].find((candidate) => files.has(candidate));
}

function findCycles(sources: ReadonlyMap<string, Source>): string[] {
  const files = new Map([...sources].map(([path, { text }]) => [path, text]));
  const finished = new Set<string>();
  const cycles: string[] = [];
  const walk = (path: string, above: readonly string[]): void => {
    const start = above.indexOf(path);
    if (start !== -1) {
      const way = [...above.slice(start), path].join(" → ");
      cycles.push(`${way} is a cycle: move what they share into a file of its own that imports neither.`);
      return;
    }
    if (finished.has(path)) return;
    for (const one of sources.get(path)?.imports ?? []) {
      const target = resolveImport(path, one, files);
      if (target !== undefined) walk(target, [...above, path]);
    }
    finished.add(path);
  };
  for (const path of sources.keys()) walk(path, []);
  return cycles;
}

/** Exported values that nobody imports: other source, tests, examples or scripts. */
function findUnused(sources: ReadonlyMap<string, Source>, tree: Tree): string[] {
  const used = new Set<string>();
  const scripts: string[] = [];
  const note = (path: string, imports: readonly Import[]): void => {
    for (const one of imports) {
      const specifier = one.specifier.replace(/^#(src|machines|actors)\/(.*?)(?:\.ts)?$/, "$1/$2.ts");
      const target = specifier === one.specifier ? resolveImport(path, one, tree.files) : specifier;
      for (const name of one.names) used.add(`${target ?? ""} ${name}`);
    }
  };
  for (const { path, imports } of sources.values()) note(path, imports);
  for (const [path, text] of tree.users) {
    if (path.endsWith(".ts")) note(path, readSource(path, text).imports);
    else scripts.push(text);
  }
  return [...sources.values()].flatMap(({ path, exports }) => {
    if (ENTRY_POINTS.includes(path) || used.has(`${path} *`)) return [];
    return exports
      .filter(({ name }) => !used.has(`${path} ${name}`))
      .filter(({ name }) => !scripts.some((text) => new RegExp(`\\b${name}\\b`).test(text)))
      .map(
        ({ name, line }) => `${path}:${line} exports "${name}", which nobody imports: unexport or delete it.`,
      );
  });
}
