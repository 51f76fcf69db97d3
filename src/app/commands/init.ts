// `fettle init [dir]`: a small project that runs at once, with or without a provider's key.
import { relative, resolve } from "node:path";
import { Command } from "commander";
import { originOf } from "../init/origin.ts";
import { projectFiles } from "../init/project.ts";
import { writeProject } from "../init/writer.ts";
import { paint, print, printJson } from "../output.ts";

interface InitOptions {
  readonly examples?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ fettle init my-agents              a project in ./my-agents
  $ fettle init my-agents --examples   with examples: tools, repair, sequence, parallel steps, a custom agent
  $ fettle init . --force              in this folder, replacing the files of the same names

Then: cd my-agents && npm install && npm start`;

/** The command. */
export function initCommand(): Command {
  return new Command("init")
    .description("make a small project that runs at once")
    .argument("[dir]", "the folder to make it in", ".")
    .option("--examples", "add an examples/ folder")
    .option("--force", "replace files that are there already")
    .option("--json", "print what was made as JSON")
    .addHelpText("after", EXAMPLES)
    .action(init);
}

async function init(dir: string, options: InitOptions): Promise<void> {
  const folder = resolve(dir);
  const files = await projectFiles(folder, { examples: options.examples === true });
  await writeProject(folder, files, { force: options.force === true });
  const paths = files.map(({ path }) => path);
  const next = nextSteps(folder);
  const { specifier, isLocal } = originOf();
  if (options.json === true) {
    printJson({ directory: folder, files: paths, next: next.map(([command]) => command) });
    return;
  }
  print(`Made ${paths.length} files in ${folder}:`);
  for (const path of paths) print(`  ${path}`);
  print("\nNext:");
  for (const [command, why] of next) print(`  ${command.padEnd(32)}${paint.dim(`# ${why}`)}`);
  if (isLocal) {
    print(`\nIts package.json takes fettle from where this one came from, which is on this machine alone:`);
    print(`  ${specifier}`);
  }
}

/** Commands with what each is for. */
function nextSteps(folder: string): readonly (readonly [command: string, why: string])[] {
  const way = relative(".", folder);
  return [
    ...(way === "" ? [] : [[`cd ${/\s/.test(way) ? JSON.stringify(way) : way}`, "the project"] as const]),
    ["npm install", "the packages"],
    ["npm start", "runs main.ts; works without a key"],
    ["cp .env.example .env", "then put a provider's key into it"],
    ["npx fettle check --validate-llm", "does the provider answer?"],
  ];
}
