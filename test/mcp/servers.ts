// MCP servers for tests: two that others publish, and one that misbehaves; and what opens them outside of a mesh.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { projectRoot, RUNTIME_ARGS } from "../harness/program.ts";
import { openMcp } from "#src/mcp/source";
import { systemClock } from "#src/core/clock";
import type { Log, LogFields } from "#src/core/log";
import type { McpCommand, McpServer } from "#src/core/mcp";
import type { ToolCallInfo } from "#src/core/tool";

/** A program on the runtime that runs the tests. */
function program(file: string, args: readonly string[]): McpCommand {
  return { command: process.execPath, args: [...RUNTIME_ARGS, file, ...args] };
}

const published = (name: string) =>
  `${projectRoot}node_modules/@modelcontextprotocol/server-${name}/dist/index.js`;

/** The published server for files, allowed to use one folder. */
export const filesServer = (folder: string): McpCommand => program(published("filesystem"), [folder]);

/** The published server that shows all of the protocol; `kind` as it calls its ways to be reached. */
export const everythingServer = (kind: "stdio" | "streamableHttp" = "stdio"): McpCommand =>
  program(published("everything"), [kind]);

/** The server that misbehaves. */
export const oddServer = (manner = "plain", detail = ""): McpCommand =>
  program(fileURLToPath(new URL("odd-server.mjs", import.meta.url)), [manner, detail]);

/** Lines of a log, for tests to look at. */
export function collectLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const write = (level: string) => (fields: LogFields, message: string) => {
    lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  };
  return { lines, debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}

/** A server opened as a mesh would, and a way to call its tools. */
export async function openServer(server: McpServer, log: Log = collectLog(), name = "odd") {
  const { signal } = new AbortController();
  const source = await openMcp(server, { name, log, clock: systemClock, signal });
  const call = async (tool: string, input: unknown = {}, info: Partial<ToolCallInfo> = {}) => {
    const tools = await source.tools();
    const found = tools[tool];
    if (found === undefined) throw new Error(`no tool ${tool} among ${Object.keys(tools).join(", ")}`);
    return found.execute(input as never, { callId: "run:0", signal, ...info });
  };
  return Object.assign(source, { call });
}

/** A server that runs on a port of loopback. */
export interface HttpServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
}

/** Starts the published server that shows all of the protocol as one that is reached by HTTP. */
export async function startEverything(port?: number): Promise<HttpServer> {
  const at = port ?? (await freePort());
  const { command, args = [] } = everythingServer("streamableHttp");
  const env = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", PORT: String(at) };
  const child = spawn(command, [...args], { env, stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  let said = "";
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.includes("listening")) resolve();
    });
    child.once("error", reject);
    void ended.then(() => reject(new Error(`the server has ended: ${said}`)));
  });
  return {
    url: `http://127.0.0.1:${at}/mcp`,
    port: at,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
