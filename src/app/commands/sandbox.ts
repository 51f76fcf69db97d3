// `fettle sandbox`: a node that runs the generated code of a mesh's other nodes, until it is interrupted.
// Invariant: it has no agents, no models and no tools; of the mesh's data it reads and writes nothing.
import { Command, InvalidArgumentError } from "commander";
import type { GuestLimits } from "../../core/guest.ts";
import { createSubjects } from "../../core/subjects.ts";
import { createLogger } from "../../observe/logger.ts";
import { readPool } from "../../observe/measured-sandbox.ts";
import { NODE_MAXIMUM, SandboxNode } from "../../sandbox/remote/node.ts";
import { loadConfig, secretsOf } from "../config.ts";
import { onInterrupt } from "../interrupt.ts";
import { openNats } from "../nats.ts";
import { openTelemetry } from "../telemetry.ts";
import { nodeName } from "../node-name.ts";
import { print, printJson } from "../output.ts";
import { count } from "../wording.ts";

interface SandboxCommandOptions {
  readonly runs?: number;
  readonly maximum: Partial<GuestLimits>;
  readonly patience: number;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ fettle sandbox                                  for the mesh of NATS_URL and FETTLE_MESH
  $ fettle sandbox --runs 64                        64 runs at once, most of them waiting for tools
  $ fettle sandbox --maximum memoryBytes=67108864 --maximum cpuMs=5000

Programs of the mesh send their runs here with SANDBOX_MODE=remote; any number of these nodes share them. Isolates are
chosen by FETTLE_SANDBOX_ISOLATION and FETTLE_SANDBOX_ISOLATES. The first Ctrl-C (or SIGTERM) takes no more runs, lets
those in hand end, and gives back what takes longer than --patience; the second one ends the process at once.

The highest limits that a run may ask for, where --maximum does not say otherwise:
${Object.entries(NODE_MAXIMUM)
  .map(([name, value]) => `  ${name.padEnd(20)}${String(value).padStart(12)}`)
  .join("\n")}`;

/** The command. */
export function sandboxCommand(): Command {
  return new Command("sandbox")
    .description("serve a mesh's runs of generated code, as one of its sandbox nodes")
    .option("--runs <n>", "runs at once; 16 for each isolate unless told otherwise", readCount)
    .option("--maximum <limit=n>", "the highest that a run may ask for; may be given often", readMaximum, {})
    .option("--patience <seconds>", "how long runs in hand may take to end when it stops", readSeconds, 10)
    .option("--json", "at the end, print what it has done as one JSON document")
    .addHelpText("after", EXAMPLES)
    .action(serve);
}

async function serve({ runs, maximum, patience, json }: SandboxCommandOptions): Promise<void> {
  const config = loadConfig();
  const { mesh } = config;
  const name = nodeName();
  const log = createLogger({ level: config.logLevel, secrets: secretsOf(config) });
  const interrupt = onInterrupt();
  await using measured = await openTelemetry({}, config, { node: name, log });
  const { telemetry } = measured;
  const fabric = await openNats(config.nats, {
    mesh,
    name: `fettle sandbox ${name}`,
    log,
    inbox: "_INBOX.sandbox",
    telemetry,
  });
  try {
    const { isolates, isolation } = config.sandbox;
    const subjects = createSubjects(mesh);
    const { messages } = fabric;
    const node = new SandboxNode({
      messages,
      subjects,
      name,
      runs,
      maximum,
      isolates,
      isolation,
      log,
      telemetry,
    });
    readPool(node, telemetry);
    if (json !== true) {
      const { room } = node.stats();
      print(`Sandbox node ${name} serves the mesh "${mesh}": ${count(room, "run")} at once. Ctrl-C ends it.`);
    }
    await interrupt.happened;
    await node.stop({ timeoutMs: patience * 1000 });
    const { taken, busyAnswers, refused } = node.stats();
    if (json === true) printJson({ node: name, mesh, taken, busyAnswers, refused });
    else print(`Ended after ${count(taken, "run")}.`);
  } finally {
    interrupt.release();
    await fabric.close();
  }
}

function readCount(value: string): number {
  const count = Number(value);
  if (!Number.isInteger(count) || count < 1)
    throw new InvalidArgumentError("expected a whole number from 1 on.");
  return count;
}

function readSeconds(value: string): number {
  const seconds = Number(value);
  if (!(seconds >= 0 && seconds <= 86_400)) throw new InvalidArgumentError("expected seconds, 0 to 86400.");
  return seconds;
}

/** `memoryBytes=1000`, added to those given before; whether the limit may be so is checked by the node. */
function readMaximum(value: string, before: Partial<GuestLimits>): Partial<GuestLimits> {
  const [, name = "", digits = ""] = /^(\w+)=(\d+)$/.exec(value) ?? [];
  if (!Object.hasOwn(NODE_MAXIMUM, name)) {
    const names = Object.keys(NODE_MAXIMUM).join(", ");
    throw new InvalidArgumentError(`expected a limit and its number, as cpuMs=5000; limits are: ${names}.`);
  }
  return { ...before, [name]: Number(digits) };
}
