// How a server is spoken to: over the standard streams of a program, or by HTTP.
// Invariant: a program inherits nothing of this process's environment but PATH, HOME and the like; what it writes to its
// standard error goes to the log, and its last lines are kept to explain its end.
import type { Readable } from "node:stream";
import { StreamableHTTPClientTransport, type Transport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import type { McpCommand, McpServer } from "../core/mcp.ts";
import { redact } from "../core/secret.ts";
import { boundedFetch } from "./bounded-fetch.ts";

/** So many of its last lines tell why a program ended. */
const LAST_LINES = 5;
/** So much of a line is told, in characters, and so much is waited for its end. */
const LONGEST_LINE = 400;
const MOST_HELD = 65_536;
/** Shorter values of an environment are words, and no secrets. */
const SHORTEST_SECRET = 8;

/** A way to a server, not yet started. */
export interface Line {
  readonly transport: Transport;
  /** The last lines of the program's standard error, secrets removed; empty where there were none. */
  readonly lastWords: () => string;
  /** Whether a server by HTTP knows it by a session. */
  readonly hasSession: () => boolean;
  /** Asks a server by HTTP to forget the session; does nothing where there is none. */
  readonly hangUp: () => Promise<void>;
}

/** A new way to a server; `onLine` is told what a program writes to its standard error. */
export function openLine(server: McpServer, onLine: (line: string) => void): Line {
  if (server.command !== undefined) return openProgram(server, onLine);
  const transport = new StreamableHTTPClientTransport(new URL(server.url), {
    requestInit: { headers: { ...server.headers } },
    fetch: boundedFetch,
  });
  return {
    // Its `sessionId` may be undefined, which the interface of transports does not say.
    transport: transport,
    lastWords: () => "",
    hasSession: () => transport.sessionId !== undefined,
    hangUp: async () => {
      if (transport.sessionId !== undefined) await transport.terminateSession();
    },
  };
}

function openProgram(server: McpCommand, onLine: (line: string) => void): Line {
  const { command, args = [], env, cwd } = server;
  const transport = new StdioClientTransport({
    command,
    args: [...args],
    stderr: "pipe",
    ...(env === undefined ? {} : { env: { ...env } }),
    ...(cwd === undefined ? {} : { cwd }),
  });
  const secrets = secretsOf(server);
  const last: string[] = [];
  eachLine(transport.stderr as Readable, (text) => {
    const line = redact(text, secrets).slice(0, LONGEST_LINE);
    onLine(line);
    last.push(line);
    if (last.length > LAST_LINES) last.shift();
  });
  return {
    transport,
    lastWords: () => last.join("\n"),
    hasSession: () => false,
    hangUp: async () => undefined,
  };
}

/** Tells the lines of a text as it comes; what never ends a line is not held for ever. */
function eachLine(stream: Readable, tell: (line: string) => void): void {
  let begun = "";
  stream.setEncoding("utf8").on("data", (text: string) => {
    const lines = `${begun}${text}`.split(/\r?\n/);
    const rest = lines.pop() ?? "";
    begun = rest.length > MOST_HELD ? "" : rest;
    for (const line of begun === rest ? lines : [...lines, rest]) if (line !== "") tell(line);
  });
  stream.on("end", () => {
    if (begun !== "") tell(begun);
  });
}

/** What of a definition may be shown nowhere: headers, the environment's longer values, and what a URL asks with. */
export function secretsOf(server: McpServer): readonly string[] {
  if (server.command !== undefined) {
    return Object.values(server.env ?? {}).filter((value) => value.length >= SHORTEST_SECRET);
  }
  const { searchParams } = new URL(server.url);
  const headers = Object.values(server.headers ?? {});
  const bare = headers.map((value) => value.replace(/^\S+\s+/, ""));
  return [...headers, ...bare, ...searchParams.values()].filter(Boolean);
}

/** A server as errors may name it: its program without arguments, its address without query. */
export function placeOf(server: McpServer): string {
  if (server.command !== undefined) return server.command;
  const { origin, pathname } = new URL(server.url);
  return `${origin}${pathname}`;
}
