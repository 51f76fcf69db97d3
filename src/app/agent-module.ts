// The agents that a loaded file exports.
// Invariant: agents are known by their form, not their class: the file may use another copy of the package.
import type { AgentDefinition } from "../core/agent.ts";
import { ConfigError } from "../core/errors.ts";
import type { Config } from "./config.ts";
import { loadModule } from "./module-loader.ts";

/**
 * All agents among a file's exports, by themselves or one level deep in arrays and objects, none twice.
 *
 * @throws ConfigError where there is none.
 */
export function exportedAgents(
  module: Readonly<Record<string, unknown>>,
  file: string,
): readonly AgentDefinition[] {
  const agents = findAgents(module);
  if (agents.length > 0) return agents;
  throw new ConfigError(
    `"${file}" exports no agent. Export one: export const calculator = defineAgent({ role: "calculator", … }).`,
  );
}

/** The same, also where there is none. */
export function findAgents(module: Readonly<Record<string, unknown>>): readonly AgentDefinition[] {
  const exported = Object.values(module).flatMap((value): unknown[] =>
    typeof value === "object" && value !== null && !isAgent(value) ? Object.values(value) : [value],
  );
  return [...new Set(exported.filter(isAgent))];
}

/**
 * The agents of all files that a command serves; none where it is a door to those of a mesh over NATS.
 *
 * @throws ConfigError where a file exports none, or no file is named and there is no other mesh.
 */
export async function agentsToServe(
  files: readonly string[],
  { command, config }: { readonly command: string; readonly config: Config },
): Promise<readonly AgentDefinition[]> {
  if (files.length === 0 && config.mode !== "distributed") {
    throw new ConfigError(
      `Cannot serve: no agents are named. Say which file exports them: "fettle ${command} agents.ts"; or, as a door to the ` +
        "nodes of a mesh over NATS, where that is: --server nats://127.0.0.1:4222.",
    );
  }
  return agentsOf(files);
}

/** The agents of all files, none twice. @throws ConfigError where a file exports none */
export async function agentsOf(files: readonly string[]): Promise<readonly AgentDefinition[]> {
  const found: AgentDefinition[] = [];
  for (const file of files) found.push(...exportedAgents(await loadModule(file), file));
  return [...new Set(found)];
}

/**
 * The agent of a role, or the only one.
 *
 * @throws ConfigError where there is no such agent, or several and no role to choose by.
 */
export function chooseAgent(
  agents: readonly AgentDefinition[],
  role: string | undefined,
  file: string,
): AgentDefinition {
  const found = role === undefined ? agents[0] : agents.find((agent) => agent.role === role);
  const roles = agents.map((agent) => agent.role).join(", ");
  if (found === undefined) {
    throw new ConfigError(`"${file}" exports no agent "${role ?? ""}", only: ${roles}.`);
  }
  if (role === undefined && agents.length > 1) {
    throw new ConfigError(`"${file}" exports several agents (${roles}): say which with --agent <role>.`);
  }
  return found;
}

function isAgent(value: unknown): value is AgentDefinition {
  if (typeof value !== "object" || value === null) return false;
  const { kind, role, capabilities } = value as Partial<AgentDefinition>;
  return (kind === "prompt" || kind === "custom") && typeof role === "string" && Array.isArray(capabilities);
}
