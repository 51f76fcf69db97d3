// The command line: `fettle <command>`. Each command is a file of commands/; this one joins them and turns
// errors into messages and exit codes.
// Invariant: results go to standard output, progress and errors to standard error; exit 0 means that it worked,
// 1 that it did not, 2 that the command was not understood. With --json, standard output is one JSON document.
import { Command, CommanderError } from "commander";
import { FettleError, messageOf } from "../core/errors.ts";
import { approvalsCommand } from "./commands/approvals.ts";
import { checkCommand } from "./commands/check.ts";
import { demoCommand } from "./commands/demo.ts";
import { eventsCommand } from "./commands/events.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { initCommand } from "./commands/init.ts";
import { machinesCommand } from "./commands/machines.ts";
import { mcpCommand } from "./commands/mcp.ts";
import { natsCommand } from "./commands/nats.ts";
import { nodeCommand } from "./commands/node.ts";
import { replayCommand } from "./commands/replay.ts";
import { resultCommand } from "./commands/result.ts";
import { runCommand } from "./commands/run.ts";
import { serveCommand } from "./commands/serve.ts";
import { sandboxCommand } from "./commands/sandbox.ts";
import { showCommand } from "./commands/show.ts";
import { smoketestCommand } from "./commands/smoketest.ts";
import { submitCommand } from "./commands/submit.ts";
import { tasksCommand } from "./commands/tasks.ts";
import { workflowCommand } from "./commands/workflow.ts";
import { printJson } from "./output.ts";
import { packageManifest } from "./package-root.ts";

const HELP = `
A new project:
  $ fettle init my-agents --examples
  $ cd my-agents && npm install && npm start

Is everything set up?
  $ fettle check --validate-llm

A task from the shell:
  $ fettle run agents.ts "Calculate the factorial of 10"

A workflow of several, live; the same id again goes on where it was:
  $ fettle workflow report.yaml --id report-1

A node of a mesh over NATS, and as many more as you like:
  $ fettle node agents.ts --server nats://127.0.0.1:4222

The same over HTTP, with a page to try it:
  $ fettle serve agents.ts

Watch and steer it in the browser:
  $ fettle inspect

Agents as tools of Claude Desktop, Cursor and other MCP clients:
  $ fettle mcp agents.ts

What happened, what is under way, what waits for you:
  $ fettle tasks
  $ fettle show <taskId>
  $ fettle replay <taskId>
  $ fettle approvals

The statecharts behind it all, as text, pictures and data:
  $ fettle machines
  $ fettle machines task --format svg > task.svg

Tasks for the nodes of a mesh over NATS (NATS_URL):
  $ fettle submit coder "Calculate the factorial of 10" --id f10
  $ fettle events f10
  $ fettle result f10 --wait

Settings come from the environment and .env; .env.example in the package lists them all.`;

/** Runs the command line; gives the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  let json = false;
  const program = new Command("fettle")
    .description("An actor runtime for AI agents that write, run and mend their own code.")
    .version(packageManifest().version, "-v, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .addHelpText("after", HELP)
    .showSuggestionAfterError()
    .enablePositionalOptions()
    .exitOverride()
    .hook("preAction", (_, action) => {
      json = action.opts<{ json?: boolean }>().json === true;
    });
  for (const command of [
    initCommand(),
    checkCommand(),
    smoketestCommand(),
    runCommand(),
    demoCommand(),
    workflowCommand(),
    nodeCommand(),
    serveCommand(),
    inspectCommand(),
    mcpCommand(),
    natsCommand(),
    tasksCommand(),
    showCommand(),
    replayCommand(),
    approvalsCommand(),
    machinesCommand(),
    submitCommand(),
    resultCommand(),
    eventsCommand(),
    sandboxCommand(),
  ]) {
    for (const one of [command, ...command.commands]) {
      one
        .exitOverride()
        .helpOption("-h, --help", "print this help")
        .showHelpAfterError(`(fettle ${command.name()} --help explains)`);
    }
    program.addCommand(command);
  }
  if (args.length === 0) {
    program.outputHelp();
    return 0;
  }
  try {
    await program.parseAsync(args, { from: "user" });
    return Number(process.exitCode ?? 0);
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
    if (json) printJson({ error: { name: nameOf(thrown), message: messageOf(thrown) } });
    process.stderr.write(`fettle: ${explain(thrown)}\n`);
    return 1;
  }
}

/** An error of ours is explained by its message; anything else is a fault, and its stack helps to find it. */
function explain(thrown: unknown): string {
  if (isOurs(thrown)) return thrown.message;
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : messageOf(thrown);
}

/** By its form too: what a user's file throws may come from another copy of the package. */
function isOurs(thrown: unknown): thrown is Error {
  if (thrown instanceof FettleError) return true;
  if (!(thrown instanceof Error)) return false;
  const { code, retryable } = thrown as Partial<FettleError>;
  return typeof code === "string" && typeof retryable === "boolean";
}

function nameOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name : "Error";
}
