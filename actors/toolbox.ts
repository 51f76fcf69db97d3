// The servers of a mesh whose tools its agents get: opened once each, when the first agent that names them starts.
// Invariant: an agent whose servers cannot all be opened does not start; what was opened is closed with the mesh.
import type { PromptAgent } from "../src/core/agent.ts";
import { canonical } from "../src/core/canonical.ts";
import { refuseClash, type McpServer, type McpServers } from "../src/core/mcp.ts";
import type { OpenToolSource, ToolSource, ToolSourceOptions } from "../src/core/tool-source.ts";

/** What a {@link Toolbox} is made with. */
export interface ToolboxOptions extends Pick<ToolSourceOptions, "log" | "clock"> {
  /** The servers that every agent gets which writes code; an agent's own of the same name goes before. */
  readonly servers: McpServers;
  readonly open: OpenToolSource;
}

/** Gives agents the tools of their servers. */
export class Toolbox {
  readonly #options: ToolboxOptions;
  /** Open servers by what they are: two agents that name the same one share it. */
  readonly #sources = new Map<string, Promise<ToolSource>>();
  readonly #closing = new AbortController();

  constructor(options: ToolboxOptions) {
    this.#options = options;
  }

  /** The agent with the tools that its servers have now. @throws McpError, DefinitionError */
  async equip(agent: PromptAgent): Promise<PromptAgent> {
    const common = agent.profile === "communicator" ? {} : this.#options.servers;
    const servers: McpServers = { ...common, ...agent.mcp };
    if (Object.keys(servers).length === 0) return agent;
    refuseClash(agent.tools, servers, `Agent "${agent.role}"`);
    const groups = await Promise.all(
      Object.entries(servers).map(async ([name, server]) => {
        const source = await this.#source(name, server);
        return [name, await source.tools()] as const;
      }),
    );
    return Object.freeze({
      ...agent,
      tools: Object.freeze({ ...agent.tools, ...Object.fromEntries(groups) }),
    });
  }

  /** Closes all servers. */
  async close(): Promise<void> {
    this.#closing.abort();
    const sources = [...this.#sources.values()];
    this.#sources.clear();
    await Promise.allSettled(sources.map(async (source) => (await source).close()));
  }

  #source(name: string, server: McpServer): Promise<ToolSource> {
    const key = canonical([name, server]);
    const open = this.#sources.get(key);
    if (open !== undefined) return open;
    const { log, clock } = this.#options;
    const source = this.#options.open(server, { name, log, clock, signal: this.#closing.signal });
    this.#sources.set(key, source);
    // Tried again by whoever starts an actor later.
    source.catch(() => this.#sources.delete(key));
    return source;
  }
}
