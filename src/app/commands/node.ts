// `fettle node <module>`: one node of a mesh over NATS, with the agents that a module exports, until it is told to end.
// Invariant: the first interrupt hands over what it holds, the second leaves it as it is; nothing accepted is lost in
// either. Only the start line of --json goes to standard output.
import { Command, InvalidArgumentError } from "commander";
import type { AgentDefinition } from "../../core/agent.ts";
import { ConfigError } from "../../core/errors.ts";
import { createLogger } from "../../observe/logger.ts";
import { chooseAgent, exportedAgents } from "../agent-module.ts";
import { loadConfig, secretsOf, type Config } from "../config.ts";
import { handOver, letGo } from "../hand-over.ts";
import { onInterrupt } from "../interrupt.ts";
import { Mesh, type InspectorPlace } from "../mesh.ts";
import { loadModule } from "../module-loader.ts";
import { placesOf } from "../nats.ts";
import { print, say } from "../output.ts";
import { packageManifest } from "../package-root.ts";
import { sayStately, statelyOption } from "../stately/option.ts";
import { logTasks } from "../task-log.ts";

interface NodeOptions {
  readonly role?: readonly string[];
  readonly spawn?: ReadonlyMap<string, number>;
  readonly server?: string;
  readonly inspect?: boolean;
  readonly stately?: boolean;
  readonly json?: boolean;
}

const HELP = `
A mesh is as many nodes as you start, on as many machines; none of them is special. Each takes what its actors have
room for, and where one dies, the others go on with what it had. They share the server (NATS_URL or --server) and the
mesh's name (FETTLE_MESH); agents of one role must be the same on all nodes.

Examples:
  $ NATS_URL=nats://127.0.0.1:4222 fettle node agents.ts
  $ fettle node agents.ts --server nats://10.0.0.5:4222
  $ fettle node agents.ts --role researcher --spawn researcher=4
  $ fettle node agents.ts --json 2>>node.log

A server, where there is none yet, and what to do from anywhere:
  $ nats-server -js
  $ nats req fettle.default.task.calculator "Calculate the factorial of 10" --timeout 60s
  $ fettle nats status                                the server, the nodes, the queues

Ctrl-C (or SIGTERM) hands over what the node holds and ends it; the others go on at once. A second one ends it without
waiting for what was given to this very process. Exits with 0 then, with 1 where it could not start.`;

/** The command. */
export function nodeCommand(): Command {
  return new Command("node")
    .description("start a node of a mesh over NATS, with the agents of a file")
    .argument("<file>", "JavaScript or TypeScript that exports agents made by defineAgent()")
    .option("--role <role...>", "only the agents of these roles; default: all that the file exports")
    .option("--spawn <role=n...>", "so many actors of a role in place of one", readSpawn)
    .option("-s, --server <url>", "the NATS servers, separated by commas; default: NATS_URL")
    .option(
      "--inspect",
      "serve the inspector's page too: FETTLE_INSPECT_HOST, 127.0.0.1, and FETTLE_INSPECT_PORT, 7900",
    )
    .addOption(statelyOption())
    .option("--json", "print what was started as one line of JSON")
    .addHelpText("after", HELP)
    .action(node);
}

async function node(file: string, options: NodeOptions): Promise<void> {
  const config = loadConfig({ given: { NATS_URL: options.server } });
  if (config.mode !== "distributed") {
    throw new ConfigError(
      "Cannot start a node: no NATS server is named. Say --server nats://127.0.0.1:4222, or set NATS_URL in the " +
        'environment or .env. "nats-server -js" starts one; docker-compose.nats.yml in the package a cluster of three.',
    );
  }
  const exported = exportedAgents(await loadModule(file), file);
  const agents = options.role?.map((role) => chooseAgent(exported, role, file)) ?? exported;
  const { spawn = new Map<string, number>() } = options;
  for (const role of spawn.keys()) chooseAgent(agents, role, file);
  await serve(config, {
    agents: [...new Set(agents)],
    spawn,
    inspector: options.inspect === true && { stately: options.stately === true },
    json: options.json === true,
  });
}

async function serve(
  config: Config,
  {
    agents,
    spawn,
    inspector,
    json,
  }: {
    readonly agents: readonly AgentDefinition[];
    readonly spawn: ReadonlyMap<string, number>;
    readonly inspector: false | InspectorPlace;
    readonly json: boolean;
  },
): Promise<void> {
  const log = createLogger({ level: config.logLevel, secrets: secretsOf(config) });
  const mesh = new Mesh({ config, log, inspector });
  for (const agent of agents) mesh.add(agent);
  mesh.subscribe(logTasks(log, mesh));
  const first = onInterrupt();
  try {
    await mesh.start();
    const roles = agents.map((agent) => ({ agent, actors: spawn.get(agent.role) ?? 1 }));
    for (const { agent, actors } of roles) {
      for (let more = 1; more < actors; more += 1) await mesh.spawn(agent);
    }
    const servers = placesOf(config.nats);
    const served = roles.map(({ agent, actors }) => (actors === 1 ? agent.role : `${agent.role} ×${actors}`));
    say(
      `node ${mesh.node ?? ""} serves ${served.join(", ")} in the mesh "${config.mesh}" on ${servers.join(", ")}`,
    );
    if (mesh.inspectorUrl !== null) say(`shows the mesh at ${mesh.inspectorUrl}`);
    if (mesh.stately !== null) sayStately(mesh.stately);
    if (json) {
      const { version } = packageManifest();
      const told = roles.map(({ agent: { role, capabilities }, actors }) => ({ role, capabilities, actors }));
      const started = { type: "started", node: mesh.node, version, mesh: config.mesh, servers, roles: told };
      print(
        JSON.stringify({
          ...started,
          inspector: mesh.inspectorUrl ?? undefined,
          stately: mesh.stately ?? undefined,
        }),
      );
    }
    await first.happened;
    await handOver(mesh);
  } finally {
    first.release();
    await mesh.stop({ mode: "suspend" });
    letGo();
  }
}

function readSpawn(text: string, before: ReadonlyMap<string, number> = new Map()): Map<string, number> {
  const [, role, number] = /^([^=]+)=([1-9]\d{0,3})$/.exec(text) ?? [];
  if (role === undefined)
    throw new InvalidArgumentError("It takes a role and a number, such as researcher=4.");
  return new Map(before).set(role, Number(number));
}
