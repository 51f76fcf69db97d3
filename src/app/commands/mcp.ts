// `fettle mcp [file…]`: the agents of files, or those of a mesh over NATS, as tools of an MCP server.
// Invariant: over standard streams, nothing but the protocol is written to standard output; what a client asked for is
// cancelled when it goes.
import { randomUUID } from "node:crypto";
import { Command } from "commander";
import { ConfigError, messageOf } from "../../core/errors.ts";
import { createLogger } from "../../observe/logger.ts";
import { agentsToServe } from "../agent-module.ts";
import { loadConfig, secretsOf } from "../config.ts";
import { handOver, letGo } from "../hand-over.ts";
import { createBaseApp } from "../http/base.ts";
import { httpPlace, openHttpServer, type HttpServer } from "../http/server.ts";
import { onInterrupt } from "../interrupt.ts";
import { Mesh } from "../mesh.ts";
import { say } from "../output.ts";
import { readToken } from "../token-file.ts";

/** So long are answers waited for that are on their way when the server ends, in milliseconds. */
const GRACE_MS = 2_000;
const PATH = "/mcp";
const HTTP_OPTIONS = ["host", "port", "tokenFile"] as const;

interface McpOptions {
  readonly cwd?: string;
  readonly server?: string;
  readonly http?: boolean;
  readonly host?: string;
  readonly port?: string;
  readonly tokenFile?: string;
}

const HELP = `
A client starts it by itself and speaks with it over its standard streams. In the settings of Claude Desktop, Cursor and
others, which start it in any folder (--cwd says where the file, .env, data and logs are):

  { "mcpServers": { "agents": {
      "command": "npx",
      "args": ["-y", "fettle", "mcp", "agents.ts", "--cwd", "/home/me/my-agents"] } } }

Examples:
  $ claude mcp add agents -- npx fettle mcp agents.ts
  $ fettle mcp --server nats://10.0.0.5:4222          the agents of a mesh's other nodes

For clients that are not to start it, or run elsewhere:
  $ fettle mcp agents.ts --http                       at http://127.0.0.1:8080/mcp
  $ fettle mcp agents.ts --http --host 0.0.0.0 --token-file /run/secrets/fettle

Each agent is a tool of its role's name: it takes { task, context, id } and gives the output with the code that made it,
repairs, tokens and cost. Progress is told while it works; a call that is cancelled cancels its task; what a person must
allow is asked in the client where it shows forms, and waits for "fettle approvals" elsewhere. Logs go to standard error.
It ends when the client closes its end or, over HTTP, on Ctrl-C.`;

/** The command. */
export function mcpCommand(): Command {
  return new Command("mcp")
    .description("serve agents as tools to MCP clients, such as Claude Desktop and Cursor")
    .argument("[file...]", "JavaScript or TypeScript that exports agents made by defineAgent()")
    .option(
      "--cwd <folder>",
      "the folder to work in: of the file, .env, data and logs; default: the current one",
    )
    .option("-s, --server <url>", "the NATS servers, separated by commas; default: NATS_URL")
    .option("--http", "serve by streamable HTTP, to any number of clients")
    .option("--host <address>", "with --http, where to listen; default: FETTLE_HTTP_HOST, 127.0.0.1")
    .option("--port <n>", "with --http, the port, 0 for any that is free; default: FETTLE_HTTP_PORT, 8080")
    .option("--token-file <file>", "with --http, a file with the token; default: FETTLE_HTTP_TOKEN")
    .addHelpText("after", HELP)
    .action(mcp);
}

async function mcp(files: readonly string[], options: McpOptions): Promise<void> {
  const unused = HTTP_OPTIONS.find((name) => options[name] !== undefined);
  if (options.http !== true && unused !== undefined) {
    throw new ConfigError(
      `Cannot use --${kebab(unused)} without --http: over standard streams nothing listens.`,
    );
  }
  await (options.http === true ? serveHttp(files, options) : serveStreams(files, options));
}

/** To one client, on standard input and output. */
async function serveStreams(files: readonly string[], options: McpOptions): Promise<void> {
  const { openStandardStreams } = await import("../mcp/standard-streams.ts");
  // Before anything of the user's runs, which may write.
  const streams = openStandardStreams();
  const { mesh, log, secrets } = await meshOf(files, options);
  const interrupt = onInterrupt();
  try {
    await mesh.start();
    const { createAgentServers } = await import("../mcp/agent-server.ts");
    streams.serve(createAgentServers(mesh, { log, secrets }), log);
    say(`serves ${rolesOf(mesh)} to the client on standard input`);
    await Promise.race([streams.gone, interrupt.happened]);
  } finally {
    interrupt.release();
    await mesh.stop({ mode: "cancel" });
    await streams[Symbol.asyncDispose]();
    letGo();
  }
}

/** To any number of clients, by HTTP. */
async function serveHttp(files: readonly string[], options: McpOptions): Promise<void> {
  const { mesh, config, log, secrets } = await meshOf(files, options);
  const [{ createAgentServers }, { createMcpEndpoint }] = await Promise.all([
    import("../mcp/agent-server.ts"),
    import("../mcp/endpoint.ts"),
  ]);
  const place = httpPlace(config.http);
  const endpoint = createMcpEndpoint(createAgentServers(mesh, { log, secrets }), { log });
  const app = createBaseApp({ token: place.token, hosts: place.hosts, log, secrets });
  app.all(PATH, (c) => endpoint.fetch(c.req.raw));
  const first = onInterrupt();
  let server: HttpServer | null = null;
  try {
    await mesh.start();
    server = await openHttpServer(app.fetch, place);
    say(`serves ${rolesOf(mesh)} at ${server.url}${PATH}`);
    await first.happened;
    await handOver(mesh);
    await endpoint.close();
    await server.close({ graceMs: GRACE_MS });
  } finally {
    first.release();
    await endpoint.close();
    await server?.close();
    await mesh.stop({ mode: "suspend" });
    letGo();
  }
}

async function meshOf(files: readonly string[], { cwd, server, ...given }: McpOptions) {
  if (cwd !== undefined) enter(cwd);
  const config = loadConfig({
    given: {
      NATS_URL: server,
      FETTLE_HTTP_HOST: given.host,
      FETTLE_HTTP_PORT: given.port,
      FETTLE_HTTP_TOKEN: given.tokenFile === undefined ? undefined : readToken(given.tokenFile),
    },
  });
  const agents = await agentsToServe(files, { command: "mcp", config });
  const secrets = secretsOf(config);
  const log = createLogger({ level: config.logLevel, secrets });
  // A client's own server on shared data has a queue of its own: what other programs left undone is not for this client to
  // wait for, and what this one leaves is gone with it.
  const isOwn = given.http !== true && config.mode === "embedded";
  const taskQueue = isOwn ? { taskQueue: `mcp-${randomUUID()}` } : {};
  const mesh = new Mesh({ config, log, ...taskQueue });
  for (const agent of agents) mesh.add(agent);
  return { mesh, config, log, secrets };
}

function rolesOf(mesh: Mesh): string {
  return mesh.agents.map(({ role }) => role).join(", ") || "the agents of other nodes";
}

function enter(folder: string): void {
  try {
    process.chdir(folder);
  } catch (thrown) {
    throw new ConfigError(`Cannot work in --cwd ${folder}: ${messageOf(thrown)}.`);
  }
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
