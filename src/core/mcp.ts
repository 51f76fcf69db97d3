// MCP servers as an agent names them: programs that are started, and addresses that are called. Their tools become
// tools of the agent like any others, as a group under the server's name.
// Invariant: a definition that passed here is whole: what is wrong with it was an error that says how to mend it.
import { DefinitionError, messageOf } from "./errors.ts";
import { flattenTools, isTool, type ToolSet } from "./tool.ts";

/** What a person must allow before a tool of a server is called. */
export type McpApproval = "never" | "destructive" | "always";

interface McpOptions {
  /** The tools that agents get, by the names that the server gives them; all of them where absent. */
  readonly include?: readonly string[];
  /** The tools that agents do not get. */
  readonly exclude?: readonly string[];
  /**
   * Which calls a person must allow: none (`never`, the default), all (`always`), or those of tools that the server
   * does not call read-only or harmless (`destructive`). What a server says of its tools is its word alone.
   */
  readonly approval?: McpApproval;
  /** So long may the server be silent, when it starts and within a call, in milliseconds. Default 60,000. */
  readonly timeoutMs?: number;
}

/** A server that is a program: started with the mesh, spoken to over its standard streams, ended with the mesh. */
export interface McpCommand extends McpOptions {
  readonly command: string;
  readonly args?: readonly string[];
  /** What its environment holds besides PATH, HOME and the like: nothing else is inherited, no keys of ours. */
  readonly env?: Readonly<Record<string, string>>;
  /** The folder that it runs in; this process's own where absent. */
  readonly cwd?: string;
  readonly url?: undefined;
}

/** A server that is reached by HTTP (streamable HTTP). */
export interface McpEndpoint extends McpOptions {
  readonly url: string;
  /** Sent with every request, such as `{ authorization: "Bearer …" }`; never shown in logs and errors. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly command?: undefined;
}

/** An MCP server. */
export type McpServer = McpCommand | McpEndpoint;

/** Servers by the names of the groups that their tools become: `files` is `tools.files` in a guest. */
export type McpServers = Readonly<Record<string, McpServer>>;

/** How long a server may be silent where its definition does not say, in milliseconds. */
export const MCP_TIMEOUT_MS = 60_000;

const COMMON = ["include", "exclude", "approval", "timeoutMs"];
const COMMAND_OPTIONS: readonly string[] = ["command", "args", "env", "cwd", ...COMMON];
const ENDPOINT_OPTIONS: readonly string[] = ["url", "headers", ...COMMON];
const APPROVALS: readonly unknown[] = ["never", "destructive", "always"];
const LONGEST_TIMER_MS = 2_147_483_647;

/**
 * Checks servers and freezes them; `who` begins the messages, such as `Agent "coder"`.
 *
 * @throws DefinitionError that names the server and the option.
 */
export function checkMcp(servers: unknown, who: string): McpServers {
  if (!isRecord(servers)) {
    throw new DefinitionError(
      `${who}: mcp must be servers by name, such as { files: { command: "npx", … } }.`,
    );
  }
  for (const [name, server] of Object.entries(servers)) {
    const what = `${who}: the MCP server "${name}"`;
    requireGroupName(name, what);
    const fault = faultOf(server);
    if (fault !== null) throw new DefinitionError(`${what} ${fault}`);
  }
  const entries = Object.entries(servers).map(([name, server]) => [
    name,
    Object.freeze({ ...(server as object) }),
  ]);
  return Object.freeze(Object.fromEntries(entries) as Record<string, McpServer>);
}

/** @throws DefinitionError where the name of a server is that of a tool, or of a group of tools. */
export function refuseClash(tools: ToolSet, servers: McpServers, who: string): void {
  const clash = Object.keys(servers).find((name) => Object.hasOwn(tools, name));
  if (clash === undefined) return;
  const kind = isTool(tools[clash]) ? "a tool" : "a group of tools";
  throw new DefinitionError(
    `${who} has ${kind} and an MCP server that are both called "${clash}": rename one.`,
  );
}

function requireGroupName(name: string, what: string): void {
  try {
    flattenTools({ [name]: {} });
  } catch (thrown) {
    throw new DefinitionError(
      `${what} needs another name, since its tools are called by it. ${messageOf(thrown)}`,
    );
  }
}

/** What is wrong with a server; null where nothing is. */
function faultOf(server: unknown): string | null {
  if (!isRecord(server)) return "is no object: give { command, args } or { url, headers }.";
  const { command, args, env, cwd, url, headers, include, exclude, approval, timeoutMs } = server;
  if ((command === undefined) === (url === undefined)) {
    return "needs either a command, for a program, or a url, for a server that runs already.";
  }
  const known = command === undefined ? ENDPOINT_OPTIONS : COMMAND_OPTIONS;
  const unknown = Object.keys(server).find((key) => !known.includes(key));
  if (unknown !== undefined) return `has the unknown option "${unknown}"; known are: ${known.join(", ")}.`;
  if (command !== undefined && (typeof command !== "string" || command.trim() === "")) {
    return "needs a program's name or path as its command; arguments go into args.";
  }
  if (!isList(args)) return "has args that are no list of strings.";
  if (!isTexts(env)) return "has an env that is no object of strings.";
  if (!isTexts(headers)) return "has headers that are no object of strings.";
  if (cwd !== undefined && typeof cwd !== "string") return "has a cwd that is no path.";
  if (url !== undefined && !isHttp(url))
    return "has a url that is no address beginning with http:// or https://.";
  if (typeof url === "string" && new URL(url).username !== "") {
    return "has a url with a name or a password in it: give them as headers, such as { authorization: … }.";
  }
  if (!isList(include) || !isList(exclude)) return "has include or exclude that is no list of tools' names.";
  if (approval !== undefined && !APPROVALS.includes(approval)) {
    return `must have "never", "destructive" or "always" as its approval, not ${JSON.stringify(approval)}.`;
  }
  if (timeoutMs !== undefined && !isDuration(timeoutMs)) {
    return `must have a whole number from 1 to ${LONGEST_TIMER_MS} as timeoutMs, not ${JSON.stringify(timeoutMs)}.`;
  }
  return null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isList(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.every((one) => typeof one === "string"));
}

function isTexts(value: unknown): boolean {
  return (
    value === undefined || (isRecord(value) && Object.values(value).every((one) => typeof one === "string"))
  );
}

function isHttp(value: unknown): boolean {
  return typeof value === "string" && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}

function isDuration(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= LONGEST_TIMER_MS;
}
