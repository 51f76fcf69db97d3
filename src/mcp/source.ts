// A server's tools as tools of ours: typed by its schemas, called over its connection.
// Invariant: every tool that the server offers and the definition does not leave out is usable, or opening fails and says
// which is not: nothing is left out in silence.
import type { Tool as McpTool } from "@modelcontextprotocol/client";
import { declareTools } from "../core/declaration.ts";
import { McpError, messageOf } from "../core/errors.ts";
import type { McpServer } from "../core/mcp.ts";
import type { JsonSchema } from "../core/schema.ts";
import { redact } from "../core/secret.ts";
import { defineTool, isReserved, type Tool, type ToolCallInfo } from "../core/tool.ts";
import type { ToolSource, ToolSourceOptions } from "../core/tool-source.ts";
import { McpConnection } from "./connection.ts";
import { contentOf, contentSchema, errorOf } from "./content.ts";
import { schemaOf } from "./json-schema.ts";
import { secretsOf } from "./transport.ts";

/** The most that a model is told of one server's tools, in characters. */
const LONGEST_DECLARATION = 100_000;
const LONGEST_DESCRIPTION = 4_000;

/**
 * Opens a server and looks at its tools.
 *
 * @throws McpError that names the server, and says why it or one of its tools cannot be used and how to mend it.
 */
export async function openMcp(server: McpServer, options: ToolSourceOptions): Promise<ToolSource> {
  const connection = new McpConnection(server, options);
  let known: Promise<Readonly<Record<string, Tool>>> | null = null;
  connection.onToolsChanged = () => {
    known = null;
  };
  const read = async () => toolsOf(await connection.list(), { server, name: options.name, connection });
  const tools = () => {
    known ??= read().catch((thrown: unknown) => {
      known = null;
      throw thrown;
    });
    return known;
  };
  const giveUp = (): void => void connection.close();
  options.signal.addEventListener("abort", giveUp, { once: true });
  try {
    await tools();
  } catch (thrown) {
    await connection.close();
    throw thrown;
  } finally {
    options.signal.removeEventListener("abort", giveUp);
  }
  return {
    tools,
    close: () => connection.close(),
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

interface Origin {
  readonly server: McpServer;
  readonly name: string;
  readonly connection: McpConnection;
}

function toolsOf(listed: readonly McpTool[], origin: Origin): Readonly<Record<string, Tool>> {
  const { name } = origin;
  const chosen = chooseTools(listed, origin);
  const tools = new Map<string, { readonly from: string; readonly tool: Tool }>();
  for (const tool of chosen) {
    const own = callableName(tool.name);
    const other = tools.get(own);
    if (other !== undefined) {
      throw new McpError(
        name,
        `The MCP server "${name}" has two tools that guests would both call ${name}.${own}(): ` +
          `${quote([other.from, tool.name])}. Leave one out: { exclude: [${quote([tool.name])}] }.`,
      );
    }
    tools.set(own, { from: tool.name, tool: toolOf(tool, origin) });
  }
  const named = Object.fromEntries([...tools].map(([own, { tool }]) => [own, tool]));
  const size = declareTools({ [name]: named }).length;
  if (size <= LONGEST_DECLARATION) return Object.freeze(named);
  throw new McpError(
    name,
    `The MCP server "${name}" has ${chosen.length} tools, and to declare them to a model takes ${size} characters of ` +
      `at most ${LONGEST_DECLARATION}. Name those that are needed: { include: [${quote(chosen.slice(0, 2).map((tool) => tool.name))}, …] }.`,
  );
}

/** The tools that the definition does not leave out; one that it names must be there. */
function chooseTools(listed: readonly McpTool[], { server, name }: Origin): readonly McpTool[] {
  const { include, exclude = [] } = server;
  const names = new Set(listed.map((tool) => tool.name));
  const missing = [...(include ?? []), ...exclude].filter((one) => !names.has(one));
  if (missing.length > 0) {
    throw new McpError(
      name,
      `The MCP server "${name}" has no tool ${quote(missing)}, which include or exclude names. It has: ` +
        `${[...names].slice(0, 100).join(", ") || "none"}.`,
    );
  }
  const chosen = listed.filter(
    (tool) => (include?.includes(tool.name) ?? true) && !exclude.includes(tool.name),
  );
  if (chosen.length > 0) return chosen;
  throw new McpError(
    name,
    `The MCP server "${name}" gives no tools${listed.length === 0 ? "" : `: include and exclude leave none of its ${listed.length}`}. ` +
      "Take it out of mcp where that is as it should be.",
  );
}

function toolOf(tool: McpTool, { server, name, connection }: Origin): Tool {
  const { approval = "never" } = server;
  try {
    const hasOutput = tool.outputSchema !== undefined;
    return defineTool({
      description: (tool.description?.trim() || (tool.title ?? tool.name)).slice(0, LONGEST_DESCRIPTION),
      input: schemaOf(tool.inputSchema as JsonSchema, { isInput: true }),
      output: hasOutput ? schemaOf(tool.outputSchema as JsonSchema, { isInput: false }) : contentSchema,
      needsApproval: approval === "always" || (approval === "destructive" && mayDestroy(tool)),
      execute: async (input: unknown, { callId, signal }: ToolCallInfo) => {
        const result = await connection.call({ tool, input, callId, signal });
        if (result.isError === true) {
          throw new McpError(name, redact(`${tool.name} failed: ${errorOf(result)}`, secretsOf(server)));
        }
        if (!hasOutput) return contentOf(result);
        if (result.structuredContent !== undefined) return result.structuredContent;
        throw new McpError(name, `${tool.name} gave no structured content, although it declares an output.`);
      },
    });
  } catch (thrown) {
    throw new McpError(
      name,
      `The tool ${quote([tool.name])} of the MCP server "${name}" cannot be used: ${messageOf(thrown)}. ` +
        `Leave it out: { exclude: [${quote([tool.name])}] }.`,
    );
  }
}

/** Whether a call may change something for good: as the protocol has it, unless the server says otherwise. */
function mayDestroy({ annotations = {} }: McpTool): boolean {
  return annotations.readOnlyHint !== true && annotations.destructiveHint !== false;
}

/** A tool's name as a guest can call it: `read-file` is `read_file`. */
function callableName(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9_$]/g, "_").slice(0, 127);
  const begun = /^[A-Za-z_$]/.test(plain) ? plain : `_${plain}`;
  return isReserved(begun) ? `${begun}_` : begun;
}

function quote(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name.slice(0, 128))).join(", ");
}
