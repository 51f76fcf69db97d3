// `fettle mcp [file…]`: the agents of files, or those of a mesh over NATS, as tools of an MCP server.
// Invariant: over standard streams, nothing but the protocol is written to standard output; what a client asked for is
// cancelled when it goes.
import { randomUUID } from "node:crypto";
import { Command } from "commander";
import type { AgentDefinition } from "../../core/agent.ts";
import { ConfigError, messageOf } from "../../core/errors.ts";
import { createLogger } from "../../observe/logger.ts";
import { exportedAgents } from "../agent-module.ts";
import { loadConfig, secretsOf, type Config } from "../config.ts";
import { onInterrupt } from "../interrupt.ts";
import { Mesh } from "../mesh.ts";
import { loadModule } from "../module-loader.ts";

/** So long may what agents have begun hold the process open once the mesh has stopped, in milliseconds. */
const HOLD_MS = 500;

interface McpOptions {
  readonly cwd?: string;
  readonly server?: string;
}

const HELP = `
A client starts it by itself and speaks with it over its standard streams. In the settings of Claude Desktop, Cursor and
others (name the file by its whole path, and the folder in which .env, data and logs are):

  { "mcpServers": { "agents": {
      "command": "npx",
      "args": ["-y", "fettle", "mcp", "agents.ts", "--cwd", "/home/me/my-agents"] } } }

Examples:
  $ claude mcp add agents -- npx fettle mcp agents.ts
  $ fettle mcp --server nats://10.0.0.5:4222          the agents of a mesh's other nodes

Each agent is a tool of its role's name: it takes { task, context, id } and gives the output with the code that made it,
repairs, tokens and cost. Progress is told while it works; a call that is cancelled cancels its task. Logs go to standard
error. It ends when the client closes its end.`;

/** The command. */
export function mcpCommand(): Command {
  return new Command("mcp")
    .description("serve agents as tools to MCP clients, such as Claude Desktop and Cursor")
    .argument("[file...]", "JavaScript or TypeScript that exports agents made by defineAgent()")
    .option("--cwd <folder>", "the folder to work in: of .env, data and logs; default: the current one")
    .option("-s, --server <url>", "the NATS servers, separated by commas; default: NATS_URL")
    .addHelpText("after", HELP)
    .action(mcp);
}

async function mcp(files: readonly string[], options: McpOptions): Promise<void> {
  const { openStandardStreams } = await import("../mcp/standard-streams.ts");
  // Before anything of the user's runs, which may write.
  const streams = openStandardStreams();
  if (options.cwd !== undefined) enter(options.cwd);
  const config = loadConfig({ given: { NATS_URL: options.server } });
  const agents = await agentsOf(files, config);
  const secrets = secretsOf(config);
  const log = createLogger({ level: config.logLevel, secrets });
  // Its own queue where the data is shared with other programs: what they left undone is not for this client to wait for.
  const mesh = new Mesh({
    config,
    log,
    ...(config.mode === "embedded" ? { taskQueue: `mcp-${randomUUID()}` } : {}),
  });
  for (const agent of agents) mesh.add(agent);
  const interrupt = onInterrupt();
  try {
    await mesh.start();
    const { createAgentServer } = await import("../mcp/agent-server.ts");
    streams.serve(() => createAgentServer(mesh, { log, secrets }), log);
    say(
      `serves ${agents.map(({ role }) => role).join(", ") || "the mesh's agents"} to a client on standard input`,
    );
    await aborted(AbortSignal.any([streams.gone, interrupt.signal]));
  } finally {
    interrupt.release();
    await mesh.stop({ mode: "cancel" });
    await streams[Symbol.asyncDispose]();
    // Fires only where an agent's code still holds the process open.
    setTimeout(() => process.exit(), HOLD_MS).unref();
  }
}

async function agentsOf(files: readonly string[], config: Config): Promise<readonly AgentDefinition[]> {
  if (files.length === 0 && config.mode !== "distributed") {
    throw new ConfigError(
      'Cannot serve: no agents are named. Say which file exports them: "fettle mcp agents.ts"; or, for those of a mesh over ' +
        "NATS, where that is: --server nats://127.0.0.1:4222.",
    );
  }
  const found: AgentDefinition[] = [];
  for (const file of files) found.push(...exportedAgents(await loadModule(file), file));
  return [...new Set(found)];
}

function enter(folder: string): void {
  try {
    process.chdir(folder);
  } catch (thrown) {
    throw new ConfigError(`Cannot work in --cwd ${folder}: ${messageOf(thrown)}.`);
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}

function say(text: string): void {
  process.stderr.write(`fettle: ${text}\n`);
}
