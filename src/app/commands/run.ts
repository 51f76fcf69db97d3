// `fettle run <file> [task]`: a task for an agent that a file exports; without a task, the file as a program.
import { readFileSync } from "node:fs";
import { Command } from "commander";
import pc from "picocolors";
import type { AgentDefinition } from "../../core/agent.ts";
import { ConfigError, messageOf } from "../../core/errors.ts";
import { loadConfig } from "../config.ts";
import { Mesh } from "../mesh.ts";
import { loadModule } from "../module-loader.ts";
import { print, printJson } from "../output.ts";
import { Progress } from "../progress.ts";
import { reportResult } from "../report.ts";

interface RunOptions {
  readonly agent?: string;
  readonly context?: string;
  readonly json?: boolean;
}

/** The command. */
export function runCommand(): Command {
  return new Command("run")
    .description("run a task with an agent from a file, or a file as a program")
    .argument(
      "<file>",
      "a JavaScript or TypeScript file; with a task, it exports agents made by defineAgent()",
    )
    .argument("[task]", "what to do, in plain language; without it the file is run as a program")
    .option("--agent <role>", "which agent takes the task, where the file exports several")
    .option("--context <json>", "the task's context: a JSON object, or @file.json")
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      '\nExample:\n  $ fettle run agents.ts "Calculate the factorial of 10" --agent calculator',
    )
    .action(run);
}

async function run(file: string, task: string | undefined, options: RunOptions): Promise<void> {
  const module = await loadModule(file);
  if (task === undefined) return;
  const agents = agentsOf(module, file);
  const agent = chooseAgent(agents, options.agent, file);
  const context = readContext(options.context);
  const config = loadConfig();
  const mesh = new Mesh({ config });
  for (const one of agents) mesh.add(one);
  const progress = new Progress();
  const controller = new AbortController();
  const cancel = () => controller.abort();
  process.once("SIGINT", cancel);
  await mesh.start();
  try {
    const states: string[] = [];
    mesh.subscribe((event) => {
      if (event.type === "state" && event.role === agent.role) states.push(event.state);
      progress.show(event);
    });
    const result = await mesh.execute(agent, { task, context }, { signal: controller.signal });
    progress.end();
    if (options.json === true) printJson(result);
    else
      print(reportResult(result, { colour: pc.isColorSupported, states, logDirectory: config.logDirectory }));
    if (result.status !== "success") process.exitCode = 1;
  } finally {
    process.off("SIGINT", cancel);
    await mesh.stop({ mode: "cancel" });
  }
}

function agentsOf(module: Readonly<Record<string, unknown>>, file: string): readonly AgentDefinition[] {
  const exported = Object.values(module).flatMap((value) =>
    Array.isArray(value) ? (value as unknown[]) : [value],
  );
  const agents = [...new Set(exported.filter(isAgent))];
  if (agents.length > 0) return agents;
  throw new ConfigError(
    `"${file}" exports no agent. Export one: export const calculator = defineAgent({ role: "calculator", … }).`,
  );
}

/** By its form, not its class: the file may use another copy of the package. */
function isAgent(value: unknown): value is AgentDefinition {
  if (typeof value !== "object" || value === null) return false;
  const { kind, role, capabilities } = value as Partial<AgentDefinition>;
  return (kind === "prompt" || kind === "custom") && typeof role === "string" && Array.isArray(capabilities);
}

function chooseAgent(
  agents: readonly AgentDefinition[],
  role: string | undefined,
  file: string,
): AgentDefinition {
  const found = role === undefined ? agents[0] : agents.find((agent) => agent.role === role);
  const roles = agents.map((agent) => agent.role).join(", ");
  if (found === undefined)
    throw new ConfigError(`"${file}" exports no agent "${role ?? ""}", only: ${roles}.`);
  if (role === undefined && agents.length > 1) {
    throw new ConfigError(`"${file}" exports several agents (${roles}): say which with --agent <role>.`);
  }
  return found;
}

function readContext(given: string | undefined): Readonly<Record<string, unknown>> {
  if (given === undefined) return {};
  try {
    const text = given.startsWith("@") ? readFileSync(given.slice(1), "utf8") : given;
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch (thrown) {
    throw new ConfigError(`Cannot read --context ${given}: ${messageOf(thrown)}`);
  }
  throw new ConfigError(`--context takes a JSON object, such as '{"name":"value"}', not ${given}.`);
}
