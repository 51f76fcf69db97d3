// The command line: `fettle <command>`. Each command is a file of commands/; this one joins them and turns
// errors into messages and exit codes.
// Invariant: results go to standard output, progress and errors to standard error; exit 0 means that it worked,
// 1 that it did not, 2 that the command was not understood. With --json, standard output is one JSON document.
import { Command, CommanderError } from "commander";
import { FettleError, messageOf } from "../core/errors.ts";
import { printJson } from "./output.ts";
import { packageManifest } from "./package-root.ts";
import { ownStack } from "./stack.ts";

/** Each command by its name, in the order of the help. Only what is asked for is loaded: most of a short command's time would be it. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  init: async () => (await import("./commands/init.ts")).initCommand(),
  check: async () => (await import("./commands/check.ts")).checkCommand(),
  smoketest: async () => (await import("./commands/smoketest.ts")).smoketestCommand(),
  run: async () => (await import("./commands/run.ts")).runCommand(),
  demo: async () => (await import("./commands/demo.ts")).demoCommand(),
  workflow: async () => (await import("./commands/workflow.ts")).workflowCommand(),
  node: async () => (await import("./commands/node.ts")).nodeCommand(),
  serve: async () => (await import("./commands/serve.ts")).serveCommand(),
  inspect: async () => (await import("./commands/inspect.ts")).inspectCommand(),
  mcp: async () => (await import("./commands/mcp.ts")).mcpCommand(),
  nats: async () => (await import("./commands/nats.ts")).natsCommand(),
  tasks: async () => (await import("./commands/tasks.ts")).tasksCommand(),
  show: async () => (await import("./commands/show.ts")).showCommand(),
  replay: async () => (await import("./commands/replay.ts")).replayCommand(),
  approvals: async () => (await import("./commands/approvals.ts")).approvalsCommand(),
  machines: async () => (await import("./commands/machines.ts")).machinesCommand(),
  submit: async () => (await import("./commands/submit.ts")).submitCommand(),
  result: async () => (await import("./commands/result.ts")).resultCommand(),
  events: async () => (await import("./commands/events.ts")).eventsCommand(),
  sandbox: async () => (await import("./commands/sandbox.ts")).sandboxCommand(),
};

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
  for (const command of await commandsFor(args[0])) {
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

/** The command of a name; all of them where it is none, as for the help and for a suggestion. */
async function commandsFor(name = ""): Promise<readonly Command[]> {
  const named = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  return Promise.all((named === undefined ? Object.values(COMMANDS) : [named]).map((load) => load()));
}

/** An error of ours is explained by its message; anything else is a fault, and its stack helps to find it. */
function explain(thrown: unknown): string {
  if (isOurs(thrown)) return thrown.message;
  return thrown instanceof Error ? (ownStack(thrown) ?? thrown.message) : messageOf(thrown);
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
