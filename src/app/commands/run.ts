// `fettle run <file> [task]`: a task for an agent that a file exports; without a task, the file as a program.
// Invariant: an interrupt cancels the task and still gives its result; only the result goes to standard output; no other
// task is taken up, because the mesh has a task queue of the task's name.
import { Command } from "commander";
import type { AgentDefinition } from "../../core/agent.ts";
import { requireName } from "../../core/names.ts";
import type { Task } from "../../core/task.ts";
import { chooseAgent, exportedAgents, findAgents } from "../agent-module.ts";
import { storeUrl } from "../blobs.ts";
import { loadConfig, type Config } from "../config.ts";
import { onInterrupt } from "../interrupt.ts";
import { Mesh } from "../mesh.ts";
import { loadModule } from "../module-loader.ts";
import { colours, print, printJson, say } from "../output.ts";
import { Progress } from "../progress.ts";
import { reportResult } from "../report.ts";
import { openStoredMesh } from "../stored-mesh.ts";
import { readContext } from "../task-context.ts";

interface RunOptions {
  readonly agent?: string;
  readonly id?: string;
  readonly context?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ fettle run agents.ts "Calculate the factorial of 10"
  $ fettle run agents.ts "What is the median price?" --agent calculator --context @articles.json
  $ fettle run agents.ts "Name three primes" --json 2>/dev/null
  $ fettle run agents.ts "Write the report of May" --id report-may
  $ fettle run main.ts

The same --id again gives the recorded result, or goes on where the task was broken off; nothing is paid twice.

Exits with 0 on success, 1 on failure, 130 where Ctrl-C cancelled the task.`;

/** The command. */
export function runCommand(): Command {
  return new Command("run")
    .description("run a task with an agent from a file, or a file as a program")
    .argument("<file>", "JavaScript or TypeScript; with a task, it exports agents made by defineAgent()")
    .argument("[task]", "what to do, in plain language; without it the file is run as a program")
    .option("--agent <role>", "which agent takes the task, where the file exports several")
    .option("--id <taskId>", "what the task is called; the same id again does not do it again")
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
  const { id = crypto.randomUUID(), json = false } = options;
  requireName(id, "--id");
  const config = loadConfig();
  if (options.id !== undefined) await tellEarlier(config, id);
  const mesh = new Mesh({ config, taskQueue: id });
  for (const one of agents) mesh.add(one);
  await runTask(mesh, agent, { task: { id, task, context }, config, json });
}

/** As an uncaught error ends a program, whatever it has open, so it does here. */
async function runProgram(file: string): Promise<void> {
  try {
    const roles = findAgents(await loadModule(file)).map(({ role }) => role);
    if (roles.length > 0) {
      const choice = roles.length > 1 ? " --agent <role>" : "";
      say(
        `ran "${file}" as a program. A task for what it exports (${roles.join(", ")}) would be: fettle run ${file} "<task>"${choice}`,
      );
    }
  } catch (thrown) {
    // Fires only where something still holds the process open.
    setTimeout(() => process.exit(1), 100).unref();
    throw thrown;
  }
}

async function runTask(
  mesh: Mesh,
  agent: AgentDefinition,
  { task, config, json }: { readonly task: Task; readonly config: Config; readonly json: boolean },
): Promise<void> {
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
          store: storeUrl(config),
        }),
      );
    if (result.status !== "success") process.exitCode = interrupt.exitCode ?? 1;
  } finally {
    progress.end();
    interrupt.release();
    await mesh.stop({ mode: "cancel" });
  }
}

/** Says on standard error what becomes of a task that was given before. */
async function tellEarlier(config: Config, id: string): Promise<void> {
  await using stored = await openStoredMesh(config);
  const known = await stored.tasks.find(id);
  if (known === null) return;
  const { endedAt, interrupted, node, status } = known;
  const told =
    endedAt !== null
      ? `the task "${id}" has ended before: this is its recorded result, and nothing is done or paid now`
      : node !== null && !interrupted
        ? `waits for the task "${id}": another process is at work on it (${node})`
        : `goes on with the task "${id}" where it is (${status})`;
  process.stderr.write(`fettle: ${told}\n`);
}
