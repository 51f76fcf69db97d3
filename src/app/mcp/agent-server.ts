// A mesh as an MCP server: a tool for each agent.
// Invariant: each connection has a server of its own, made from the agents that there are at that moment; the mesh is the
// caller's to start and to stop.
import { McpServer, type StandardSchemaWithJSON } from "@modelcontextprotocol/server";
import { systemClock, type Clock } from "../../core/clock.ts";
import { FettleError, messageOf } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { JsonSchema } from "../../core/schema.ts";
import { redact } from "../../core/secret.ts";
import type { MeshSystem } from "../../mesh.ts";
import { packageManifest } from "../package-root.ts";
import { describeAgent, isReadOnly, outputOf, taskInput, type Served } from "./agent-tool.ts";
import { Asking, canAsk } from "./asking.ts";
import { runCall, type CallParts } from "./task-call.ts";

/** What a server is made with besides the mesh. */
export interface AgentServerOptions {
  readonly log: Log;
  readonly clock?: Clock;
  /** What no answer may show. */
  readonly secrets?: readonly string[];
}

const INSTRUCTIONS =
  "Each tool gives a task to an agent, which works on it by itself and answers with its result. Say the whole task in one " +
  "call: the agent sees nothing of this conversation. Give data as context, not within the task.";

/** Gives what makes a server for each connection. */
export function createAgentServers(mesh: MeshSystem, options: AgentServerOptions): () => Promise<McpServer> {
  const { log, clock = systemClock, secrets = [] } = options;
  const { version } = packageManifest();
  const asking = new Asking(mesh);
  const parts = { mesh, clock, asking, clean: (text: string) => redact(text, secrets) };
  return async () => {
    const server = new McpServer(
      { name: "fettle", version },
      { instructions: INSTRUCTIONS, capabilities: { tools: {} }, ...asking.serverOptions },
    );
    for (const served of await servedBy(mesh)) addTool(server, served, { parts, log });
    return server;
  };
}

function addTool(
  server: McpServer,
  served: Served,
  { parts, log }: { readonly parts: CallParts; readonly log: Log },
): void {
  const { role } = served;
  const isHarmless = isReadOnly(served);
  server.registerTool(
    role,
    {
      title: role,
      description: describeAgent(served),
      inputSchema: taskInput,
      outputSchema: asSchema(outputOf(served)),
      annotations: { readOnlyHint: isHarmless, openWorldHint: !isHarmless },
    },
    async (input, context) => {
      try {
        return await runCall(parts, { role, input, context, canAsk: canAsk(server, context) });
      } catch (thrown) {
        if (!(thrown instanceof FettleError)) log.error({ err: thrown, role }, "a call over MCP failed");
        return { content: [{ type: "text", text: parts.clean(messageOf(thrown)) }], isError: true };
      }
    },
  );
}

/** The mesh's own agents, and those that run on its other nodes. */
async function servedBy(mesh: MeshSystem): Promise<readonly Served[]> {
  const own = mesh.agents.map(({ role, capabilities, definition }) => ({ role, capabilities, definition }));
  const roles = new Map<string, Served>(own.map((served) => [served.role, served]));
  for (const { role, capabilities } of await mesh.discover()) {
    if (!roles.has(role)) roles.set(role, { role, capabilities, definition: null });
  }
  return [...roles.values()];
}

/** A JSON Schema where the library takes a Standard Schema; what is given by it needs no check of its own. */
function asSchema(json: JsonSchema): StandardSchemaWithJSON {
  return {
    "~standard": {
      version: 1,
      vendor: "fettle",
      validate: (value: unknown) => ({ value }),
      jsonSchema: { input: () => json, output: () => json },
    },
  };
}
