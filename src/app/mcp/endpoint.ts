// Serving by streamable HTTP: clients of the newest protocol request by request, those before it in sessions, which carry
// their cancellations and questions.
// Invariant: there are never more sessions than a bound; the one that asked nothing for longest makes room for a new one.
import { randomUUID } from "node:crypto";
import {
  createMcpHandler,
  isLegacyRequest,
  WebStandardStreamableHTTPServerTransport,
  type McpServer,
} from "@modelcontextprotocol/server";
import { messageOf } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";

/** Answers requests to one path. */
export interface McpEndpoint {
  readonly fetch: (request: Request) => Promise<Response>;
  /** Ends all sessions and streams. */
  close(): Promise<void>;
}

const MOST_SESSIONS = 1_000;
const MOST_BYTES = 4 * 1024 * 1024;

/** Makes an endpoint; `createServer` makes a server for each connection. */
export function createMcpEndpoint(
  createServer: () => Promise<McpServer>,
  { log, mostSessions = MOST_SESSIONS }: { readonly log: Log; readonly mostSessions?: number },
): McpEndpoint {
  const onerror = (error: Error): void =>
    log.debug({ problem: messageOf(error) }, "an MCP client is not understood");
  const modern = createMcpHandler(createServer, {
    legacy: "reject",
    onerror,
    maxRequestBodySize: MOST_BYTES,
  });
  /** By their ids, the one used longest ago first. */
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();

  const openSession = async (request: Request): Promise<Response> => {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      maxRequestBodySize: MOST_BYTES,
      onsessioninitialized: async (id) => {
        sessions.set(id, transport);
        const [oldest] = sessions.keys();
        if (sessions.size > mostSessions && oldest !== undefined) await sessions.get(oldest)?.close();
      },
    });
    const server = await createServer();
    server.server.onerror = onerror;
    server.server.onclose = () => {
      if (transport.sessionId !== undefined) sessions.delete(transport.sessionId);
    };
    await server.connect(transport);
    const response = await transport.handleRequest(request);
    // What was no beginning of a session is answered, and leaves nothing behind.
    if (transport.sessionId === undefined) await server.close();
    return response;
  };

  const serveSession = async (request: Request): Promise<Response> => {
    const id = request.headers.get("mcp-session-id");
    if (id === null) return openSession(request);
    const session = sessions.get(id);
    if (session === undefined) return unknownSession();
    sessions.delete(id);
    sessions.set(id, session);
    return session.handleRequest(request);
  };

  return {
    fetch: async (request) =>
      (await isLegacyRequest(request, undefined, { maxRequestBodySize: MOST_BYTES }))
        ? serveSession(request)
        : modern.fetch(request),
    close: async () => {
      await Promise.allSettled([...[...sessions.values()].map((session) => session.close()), modern.close()]);
    },
  };
}

/** As the protocol has it, so that the client begins a new one. */
function unknownSession(): Response {
  const error = { code: -32001, message: "There is no such session here: begin a new one." };
  return Response.json({ jsonrpc: "2.0", error, id: null }, { status: 404 });
}
