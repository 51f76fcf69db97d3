// `fettle run <file> [task]`: a task for an agent that a file exports; without a task, the file as a program.
// Invariant: an interrupt cancels the task and still gives its result; only the result goes to standard output.
import { Command } from "commander";
import type { AgentDefinition } from "../../core/agent.ts";
import { chooseAgent, exportedAgents } from "../agent-module.ts";
import { storeUrl } from "../blobs.ts";
import { loadConfig } from "../config.ts";
import { onInterrupt } from "../interrupt.ts";
import { Mesh } from "../mesh.ts";
import { loadModule } from "../module-loader.ts";
import { colours, print, printJson } from "../output.ts";
import { Progress } from "../progress.ts";
import { reportResult } from "../report.ts";
import { readContext } from "../task-context.ts";

interface RunOptions {
  readonly agent?: string;
  readonly context?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ fettle run agents.ts "Calculate the factorial of 10"
  $ fettle run agents.ts "What is the median price?" --agent calculator --context @articles.json
  $ fettle run agents.ts "Name three primes" --json 2>/dev/null
  $ fettle run main.ts

Exits with 0 on success, 1 on failure, 130 where Ctrl-C cancelled the task.`;

/** The command. */
export function runCommand(): Command {
  return new Command("run")
    .description("run a task with an agent from a file, or a file as a program")
    .argument("<file>", "JavaScript or TypeScript; with a task, it exports agents made by defineAgent()")
    .argument("[task]", "what to do, in plain language; without it the file is run as a program")
    .option("--agent <role>", "which agent takes the task, where the file exports several")
    .option("--context <json>", "the task's context: a JSON object, or @file.json")
    .option("--json", "print the result as JSON")
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(
  file: string,
  task: string | undefined,
  options: RunOptions,
  command: Command,
): Promise<void> {
  if (task === undefined) {
    const [unused] = Object.keys(options);
    if (unused !== undefined) {
      command.error(`error: option '--${unused}' is for a task: fettle run ${file} "<task>" --${unused} …`);
    }
    await runProgram(file);
    return;
  }
  const context = readContext(options.context);
  const agents = exportedAgents(await loadModule(file), file);
  const agent = chooseAgent(agents, options.agent, file);
  await runTask(agents, agent, { task, context }, options.json === true);
}

/** As an uncaught error ends a program, whatever it has open, so it does here. */
async function runProgram(file: string): Promise<void> {
  try {
    await loadModule(file);
  } catch (thrown) {
    // Fires only where something still holds the process open.
    setTimeout(() => process.exit(1), 100).unref();
    throw thrown;
  }
}

async function runTask(
  agents: readonly AgentDefinition[],
  agent: AgentDefinition,
  task: { readonly task: string; readonly context: Readonly<Record<string, unknown>> },
  json: boolean,
): Promise<void> {
  const config = loadConfig();
  const mesh = new Mesh({ config });
  for (const one of agents) mesh.add(one);
  const progress = new Progress();
  const interrupt = onInterrupt();
  try {
    await mesh.start();
    const states: string[] = [];
    mesh.subscribe(progress.show);
    const result = await mesh.execute(agent, task, {
      signal: interrupt.signal,
      onEvent: (event) => {
        if (event.type === "state") states.push(event.state);
      },
    });
    progress.end();
    if (json) printJson(result);
    else
      print(
        reportResult(result, {
          colour: colours,
          states,
          logDirectory: config.logDirectory,
          store: storeUrl(config.blobs),
        }),
      );
    if (result.status !== "success") process.exitCode = interrupt.exitCode ?? 1;
  } finally {
    progress.end();
    interrupt.release();
    await mesh.stop({ mode: "cancel" });
  }
}
