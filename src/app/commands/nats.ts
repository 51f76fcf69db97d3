// `fettle nats status`: the servers of a mesh, what it keeps there, its nodes and its queues.
// Invariant: it looks and makes nothing, whether or not there is a mesh.
import { Command } from "commander";
import type { StreamStatus, Usage } from "../../fabric/nats/status.ts";
import { loadConfig } from "../config.ts";
import { readMeshStatus, type MeshStatus } from "../nats.ts";
import { warningsOf } from "../nats-warnings.ts";
import { paint, print, printable, printJson } from "../output.ts";
import { columns, count, duration, size } from "../wording.ts";

interface StatusOptions {
  readonly server?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ fettle nats status
  $ fettle nats status --server nats://10.0.0.5:4222
  $ FETTLE_MESH=staging fettle nats status --json

The mesh is FETTLE_MESH. Nothing is made or changed by looking. Beyond it, NATS's own tools see all of a mesh:
  $ nats stream ls                                              its streams and buckets
  $ nats micro ls                                               its agents, as services
  $ nats req fettle.default.task.calculator "Calculate 6 times 7"`;

const STATUS_HELP = `
Examples:
  $ fettle nats status
  $ fettle nats status --json | jq .warnings

Shows the server and its JetStream, the streams and buckets of the mesh FETTLE_MESH, its queues, its nodes, and warnings.
Exits with 0, also with warnings; with 1 where the server does not answer or has no JetStream.`;

/** The command. */
export function natsCommand(): Command {
  return new Command("nats")
    .description("look at the NATS servers of a mesh")
    .addHelpText("after", EXAMPLES)
    .addCommand(
      new Command("status")
        .description("the server, and the mesh's streams, queues, nodes and warnings")
        .option("-s, --server <url>", "the NATS servers, separated by commas; default: NATS_URL")
        .option("--json", "print the status as one JSON document")
        .addHelpText("after", STATUS_HELP)
        .action(status),
    );
}

async function status(options: StatusOptions): Promise<void> {
  const config = loadConfig({ given: { NATS_URL: options.server } });
  const found = await readMeshStatus(config.nats, config.mesh);
  const warnings = warningsOf(found, config.nats);
  if (options.json === true) printJson({ ...found, warnings });
  else print(describe(found, warnings));
  if (found.jetStream === null) process.exitCode = 1;
}

function describe(found: MeshStatus, warnings: readonly string[]): string {
  const { mesh, server, jetStream, streams, queues, nodes } = found;
  const parts = [describeServer(found)];
  if (jetStream !== null && streams.length === 0) {
    parts.push(
      `The mesh "${mesh}" has no streams here: it has not run on this server yet, or it has another name.`,
    );
  }
  if (streams.length > 0) {
    const leader = server.cluster === null ? [] : ["leader"];
    const head = ["stream", "for", "messages", "bytes", "limit", "kept", "replicas", ...leader];
    parts.push(
      table(
        head,
        streams.map((stream) => rowOf(stream).slice(0, head.length)),
      ),
    );
  }
  if (queues.length > 0) {
    const rows = queues.map((queue) => [
      printable(queue.queue),
      ...[queue.waiting, queue.postponed, queue.inHand, queue.redelivered, queue.asking, queue.dead].map(
        (figure) => figure.toLocaleString("en"),
      ),
    ]);
    parts.push(table(["queue", "waiting", "postponed", "in hand", "redelivered", "room", "dead"], rows));
  }
  if (streams.length > 0 && nodes?.length === 0) parts.push("No node is in the mesh now.");
  if (nodes !== null && nodes.length > 0) {
    const rows = nodes.map(({ node, version, startedAt, actors }) => [
      printable(node),
      printable(version),
      duration(Math.max(0, Date.now() - startedAt)),
      rolesOf(actors.map(({ role }) => role)),
    ]);
    parts.push(table(["node", "version", "up for", "agents"], rows));
  }
  parts.push(...warnings.map((warning) => `${paint.yellow("warning")}  ${printable(warning)}`));
  return parts.join("\n\n");
}

function describeServer({ server, jetStream, mesh }: MeshStatus): string {
  const { name, address, version, cluster, others, roundTripMs } = server;
  // A server without a name calls itself by its key, which says nothing.
  const named = /^N[A-Z2-7]{55}$/.test(name) ? address : `${name} at ${address}`;
  const rows: readonly (readonly [string, string])[] = [
    ["server", `${printable(named)}, NATS ${printable(version)}, ${roundTripMs} ms away`],
    ...(cluster === null ? [] : [["cluster", printable([cluster, ...others].join(", "))] as const]),
    ["JetStream", jetStream === null ? paint.red("off") : describeAccount(jetStream)],
    ["mesh", mesh],
  ];
  return rows.map(([label, text]) => `${paint.dim(label.padEnd(9))}  ${text}`).join("\n");
}

function describeAccount(account: NonNullable<MeshStatus["jetStream"]>): string {
  const { storage, memory, streams, consumers, domain } = account;
  const inBytes = (usage: Usage) =>
    size(usage.used) + (usage.limit === null ? "" : ` of ${size(usage.limit)}`);
  const counted = (usage: Usage, noun: string) =>
    count(usage.used, noun) + (usage.limit === null ? "" : ` of ${usage.limit}`);
  return [
    `${inBytes(storage)} in files`,
    `${inBytes(memory)} in memory`,
    counted(streams, "stream"),
    counted(consumers, "consumer"),
    ...(domain === null ? [] : [`domain ${printable(domain)}`]),
  ].join(", ");
}

function rowOf(stream: StreamStatus): readonly string[] {
  const { name, purpose, messages, bytes, maxBytes, maxAgeMs, replicas, leader, peers } = stream;
  if (leader === null) return [printable(name), purpose, "?", "?", "", "", "", paint.red("none")];
  const followers = peers.map((peer) => {
    const remark = peer.isOffline ? " offline" : peer.isCurrent ? "" : ` ${peer.lag} behind`;
    return `${peer.name}${remark}`;
  });
  return [
    name,
    purpose,
    messages.toLocaleString("en"),
    size(bytes),
    maxBytes === null ? "none" : size(maxBytes),
    maxAgeMs === null ? "for good" : duration(maxAgeMs),
    String(replicas),
    leader + (followers.length === 0 ? "" : `, followed by ${followers.join(", ")}`),
  ].map(printable);
}

/** Roles with the number of their actors, where it is more than one: `echo ×2, clerk`. */
function rolesOf(roles: readonly string[]): string {
  if (roles.length === 0) return "none";
  const counted = [...new Set(roles)].sort().map((role) => {
    const actors = roles.filter((one) => one === role).length;
    return actors === 1 ? role : `${role} ×${actors}`;
  });
  return printable(counted.join(", "));
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const [first = "", ...lines] = columns([head, ...rows]);
  return [paint.dim(first), ...lines].join("\n");
}
