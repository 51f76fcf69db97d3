// `fettle inspect [module…]`: the inspector's page, over the agents of modules, over a mesh on NATS, or over what an
// embedded mesh keeps in its data folder.
// Invariant: looking takes nothing up: without modules this process has no agents. Only the line of --json goes to standard
// output.
import { Command } from "commander";
import { createLogger } from "../../observe/logger.ts";
import type { AgentDefinition } from "../../core/agent.ts";
import { ConfigError } from "../../core/errors.ts";
import { agentsOf } from "../agent-module.ts";
import { loadConfig, secretsOf, type Config } from "../config.ts";
import { handOver, letGo } from "../hand-over.ts";
import { readToken } from "../token-file.ts";
import { inspectStored } from "../inspector/inspected.ts";
import { openInspectorService, type InspectorService } from "../inspector/inspector-service.ts";
import { onInterrupt } from "../interrupt.ts";
import { Mesh } from "../mesh.ts";
import { print, say } from "../output.ts";
import { LiveActors } from "../stately/live-actors.ts";
import { sayStately, statelyOption } from "../stately/option.ts";
import { openStately, type Stately, type StatelyPlace } from "../stately/stately.ts";
import { openStoredMesh } from "../stored-mesh.ts";
import { logTasks } from "../task-log.ts";

interface InspectOptions {
  readonly host?: string;
  readonly port?: string;
  readonly tokenFile?: string;
  readonly server?: string;
  readonly stately?: boolean;
  readonly json?: boolean;
}

const HELP = `
Examples:
  $ fettle inspect                                   what the mesh in ./.fettle has done and waits for
  $ fettle inspect agents.ts                         run these agents, and watch them
  $ fettle inspect --server nats://10.0.0.5:4222     all nodes of a mesh over NATS
  $ fettle inspect agents.ts --stately               feed XState's own tools too
  $ fettle inspect --host 0.0.0.0 --token-file /run/secrets/fettle-inspect

Then open the address that it prints. The page needs nothing from the internet. It listens on FETTLE_INSPECT_HOST
(127.0.0.1) and FETTLE_INSPECT_PORT (7900); on anything but loopback it needs a token, FETTLE_INSPECT_TOKEN or a file,
which the page asks for once.

Ctrl-C (or SIGTERM) ends it. Exits with 0 then, with 1 where it could not start.`;

/** The command. */
export function inspectCommand(): Command {
  return new Command("inspect")
    .description("watch and steer a mesh in the browser")
    .argument("[file...]", "JavaScript or TypeScript that exports agents made by defineAgent()")
    .option("--host <address>", "where to listen; default: FETTLE_INSPECT_HOST, 127.0.0.1")
    .option("--port <n>", "the port, 0 for any that is free; default: FETTLE_INSPECT_PORT, 7900")
    .option(
      "--token-file <file>",
      "a file with the token that the page asks for; default: FETTLE_INSPECT_TOKEN",
    )
    .option("-s, --server <url>", "the NATS servers, separated by commas; default: NATS_URL")
    .addOption(statelyOption())
    .option("--json", "print where it listens as one line of JSON")
    .addHelpText("after", HELP)
    .action(inspect);
}

async function inspect(files: readonly string[], options: InspectOptions): Promise<void> {
  const { host, port, tokenFile, server, stately = false, json = false } = options;
  const config = loadConfig({
    given: {
      NATS_URL: server,
      FETTLE_INSPECT_HOST: host,
      FETTLE_INSPECT_PORT: port,
      FETTLE_INSPECT_TOKEN: tokenFile === undefined ? undefined : readToken(tokenFile),
    },
  });
  if (files.length > 0 || config.mode === "distributed") {
    await lookAtMesh(config, { agents: await agentsOf(files), stately, json });
    return;
  }
  if (stately) {
    throw new ConfigError(
      "Cannot feed XState's tools from stored data: the charts run in another program, or in none. Name the agents " +
        "(fettle inspect agents.ts --stately), or have the program do it: fettle serve agents.ts --stately.",
    );
  }
  await lookAtData(config, json);
}

/** What an embedded mesh keeps, while its own program, or none, works on it. */
async function lookAtData(config: Config, json: boolean): Promise<void> {
  const interrupt = onInterrupt();
  try {
    await using stored = await openStoredMesh(config);
    const log = createLogger({ level: config.logLevel, secrets: secretsOf(config) });
    const secrets = secretsOf(config);
    const looked = inspectStored(stored);
    await using service = await openInspectorService(looked, { ...config.inspector, log, secrets });
    tell(service, { what: `the mesh "${stored.name}" as it is stored in ${stored.place}`, config, json });
    await interrupt.happened;
  } finally {
    interrupt.release();
  }
}

async function lookAtMesh(
  config: Config,
  {
    agents,
    stately,
    json,
  }: { readonly agents: readonly AgentDefinition[]; readonly stately: boolean; readonly json: boolean },
): Promise<void> {
  const log = createLogger({ level: config.logLevel, secrets: secretsOf(config) });
  const secrets = secretsOf(config);
  const live = stately ? new LiveActors() : null;
  const mesh = new Mesh({ config, log, ...(live && { inspect: live.hear }) });
  for (const agent of agents) mesh.add(agent);
  mesh.subscribe(logTasks(log, mesh));
  const first = onInterrupt();
  let service: InspectorService | null = null;
  let fed: Stately | null = null;
  try {
    service = await openInspectorService(mesh, { ...config.inspector, log, secrets });
    fed = live && (await openStately(mesh, live, { ...config.stately, log, secrets }));
    await mesh.start();
    const roles = agents.map(({ role }) => role).join(", ");
    const what = `the mesh "${config.mesh}"${roles === "" ? "" : `, with ${roles}`}`;
    tell(service, { what, config, json, stately: fed?.place });
    await first.happened;
    await service.close();
    await handOver(mesh);
  } finally {
    first.release();
    await service?.close();
    await fed?.close();
    await mesh.stop({ mode: "suspend" });
    letGo();
  }
}

function tell(
  { url, port }: InspectorService,
  {
    what,
    config,
    json,
    stately,
  }: {
    readonly what: string;
    readonly config: Config;
    readonly json: boolean;
    readonly stately?: StatelyPlace | undefined;
  },
): void {
  const asks = config.inspector.token === undefined ? "" : " (the page asks for the token)";
  say(`shows ${what} at ${url}${asks}`);
  if (stately !== undefined) sayStately(stately);
  if (!json) return;
  const { mesh, mode } = config;
  print(JSON.stringify({ type: "listening", url, port, mesh, mode, stately }));
}
