// `fettle serve [module…]`: the agents of modules, or a node without any, over HTTP, until it is told to end.
// Invariant: it lives from the first moment and is ready once its mesh is; what was accepted is done, handed over or gone on
// with, however it ends. Only the lines of --json go to standard output.
import { Command } from "commander";
import { createLogger } from "../../observe/logger.ts";
import { agentsToServe } from "../agent-module.ts";
import { loadConfig, secretsOf, type Config } from "../config.ts";
import { handOver, letGo } from "../hand-over.ts";
import { createHttpApp } from "../http/app.ts";
import { METRICS_PATH, metricsHandler } from "../http/metrics.ts";
import { httpPlace, openHttpServer, type HttpServer } from "../http/server.ts";
import { createInspectorApp, isPagePath } from "../inspector/inspector-app.ts";
import { INSPECTOR_BASE, MeshInspector } from "../inspector/inspector-service.ts";
import { onInterrupt } from "../interrupt.ts";
import { Mesh } from "../mesh.ts";
import { print, say } from "../output.ts";
import { packageManifest } from "../package-root.ts";
import { LiveActors } from "../stately/live-actors.ts";
import { sayStately, statelyOption } from "../stately/option.ts";
import { openStately, type Stately, type StatelyPlace } from "../stately/stately.ts";
import { logTasks } from "../task-log.ts";
import { readToken } from "../token-file.ts";

/** So long are requests in hand waited for once the service ends, in milliseconds. */
const GRACE_MS = 10_000;
/** So long may answers take to leave after that, in milliseconds. */
const LEAVE_MS = 2_000;

interface ServeOptions {
  readonly host?: string;
  readonly port?: string;
  readonly tokenFile?: string;
  readonly origin?: readonly string[];
  readonly server?: string;
  readonly inspect?: boolean;
  readonly stately?: boolean;
  readonly json?: boolean;
}

const HELP = `
Examples:
  $ fettle serve agents.ts
  $ curl -s http://127.0.0.1:8080/v1/tasks -H 'Content-Type: application/json' \\
      -d '{"agent": "calculator", "task": "Calculate the factorial of 10"}'
  $ fettle serve agents.ts reports.ts --port 3000
  $ fettle serve agents.ts --host 0.0.0.0 --token-file /run/secrets/fettle
  $ fettle serve --server nats://10.0.0.5:4222      a node without agents: a door to those of the others

Then: http://127.0.0.1:8080/docs is a page to try it, /openapi.json its description, /ready tells whether it takes tasks.

It listens on FETTLE_HTTP_HOST (127.0.0.1) and FETTLE_HTTP_PORT (8080). On anything but loopback it needs a token, which
clients send as "Authorization: Bearer <token>": FETTLE_HTTP_TOKEN, or a file. With FETTLE_METRICS=1 metrics are served at
/metrics, here behind the token, and on a port of their own (9090) without one.

Ctrl-C (or SIGTERM) ends it: it takes nothing new, requests in hand get their results, or within 10 s where to find them,
and the mesh hands over what it holds. A second one ends it without waiting. Exits with 0 then, with 1 where it could not
start.`;

/** The command. */
export function serveCommand(): Command {
  return new Command("serve")
    .description("serve agents over HTTP")
    .argument("[file...]", "JavaScript or TypeScript that exports agents made by defineAgent()")
    .option("--host <address>", "where to listen; default: FETTLE_HTTP_HOST, 127.0.0.1")
    .option("--port <n>", "the port, 0 for any that is free; default: FETTLE_HTTP_PORT, 8080")
    .option("--token-file <file>", "a file with the token that clients must send; default: FETTLE_HTTP_TOKEN")
    .option("--origin <origin...>", "origins whose pages may ask (CORS); default: none but its own")
    .option("-s, --server <url>", "the NATS servers, separated by commas; default: NATS_URL")
    .option("--inspect", "serve the inspector's page too, at /inspect/")
    .addOption(statelyOption())
    .option("--json", "print where it listens as one line of JSON")
    .addHelpText("after", HELP)
    .action(serve);
}

async function serve(files: readonly string[], options: ServeOptions): Promise<void> {
  const config = loadConfig({
    given: {
      NATS_URL: options.server,
      FETTLE_HTTP_HOST: options.host,
      FETTLE_HTTP_PORT: options.port,
      FETTLE_HTTP_TOKEN: options.tokenFile === undefined ? undefined : readToken(options.tokenFile),
    },
  });
  const place = httpPlace(config.http);
  const agents = await agentsToServe(files, { command: "serve", config });
  const log = createLogger({ level: config.logLevel, secrets: secretsOf(config) });
  const secrets = secretsOf(config);
  const live = options.stately === true ? new LiveActors() : null;
  const mesh = new Mesh({ config, log, ...(live && { inspect: live.hear }) });
  for (const agent of agents) mesh.add(agent);
  mesh.subscribe(logTasks(log, mesh));
  const ending = new AbortController();
  const app = createHttpApp(mesh, {
    token: place.token,
    hosts: place.hosts,
    origins: options.origin,
    log,
    secrets,
    signal: ending.signal,
    graceMs: GRACE_MS,
    isOpen: (path) => path === "/" || (options.inspect === true && isPagePath(INSPECTOR_BASE)(path)),
  });
  // Whoever opens the address that was told looks for a page.
  app.get("/", (c) => c.redirect("/docs", 302));
  app.all(METRICS_PATH, metricsHandler(mesh, { isOn: config.metrics !== null }));
  const inspector = options.inspect === true ? new MeshInspector(mesh, { secrets }) : null;
  if (inspector !== null) {
    app.route(
      INSPECTOR_BASE,
      createInspectorApp(() => inspector.get(), { signal: ending.signal }),
    );
  }
  const first = onInterrupt();
  let server: HttpServer | null = null;
  let stately: Stately | null = null;
  try {
    server = await openHttpServer(app.fetch, place);
    stately = live && (await openStately(mesh, live, { ...config.stately, log, secrets }));
    await mesh.start();
    const page = inspector === null ? undefined : `${server.url}${INSPECTOR_BASE}/`;
    tell({ mesh, server, config, inspector: page, stately: stately?.place, json: options.json === true });
    await first.happened;
    const { close } = server;
    await handOver(mesh, {
      before: () => {
        say("takes no more requests");
        ending.abort();
        return close({ graceMs: GRACE_MS + LEAVE_MS });
      },
      hasten: () => void close(),
    });
  } finally {
    first.release();
    ending.abort();
    await server?.close();
    await inspector?.[Symbol.asyncDispose]();
    await stately?.close();
    await mesh.stop({ mode: "suspend" });
    letGo();
  }
}

function tell({
  mesh,
  server,
  config,
  inspector,
  stately,
  json,
}: {
  readonly mesh: Mesh;
  readonly server: HttpServer;
  readonly config: Config;
  readonly inspector: string | undefined;
  readonly stately: StatelyPlace | undefined;
  readonly json: boolean;
}): void {
  const roles = mesh.agents.map(({ role, capabilities }) => ({ role, capabilities }));
  const served = roles.length === 0 ? "no agents of its own" : roles.map(({ role }) => role).join(", ");
  say(`serves ${served} in the mesh "${config.mesh}" at ${server.url} (to try it: ${server.url}/docs)`);
  if (inspector !== undefined) say(`shows the mesh at ${inspector}`);
  if (stately !== undefined) sayStately(stately);
  if (!json) return;
  const { version } = packageManifest();
  const { url, port } = server;
  const { mesh: name, mode } = config;
  const listening = { type: "listening", url, port, node: mesh.node, version, mesh: name, mode, roles };
  print(JSON.stringify({ ...listening, inspector, stately }));
}
