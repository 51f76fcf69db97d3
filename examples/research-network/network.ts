// The show: four nodes, a workflow that none of them owns, and who did what; with `kill`, one of them dies half way.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { loadConfig, Mesh } from "fettle";
import { exampleModel } from "../model.ts";
import { TOPICS } from "./library.ts";
import { FETTLE, startNode, type Node } from "./node.ts";
import { openServer } from "./server.ts";
import { Story, titleOf } from "./story.ts";

const RESEARCHERS = ["research-1", "research-2", "research-3"];

const STEPS = [
  { id: "study", agent: "researcher", task: "Study the topic.", forEach: TOPICS, concurrency: TOPICS.length },
  { id: "synthesis", agent: "synthesizer", task: "Join the studies.", dependsOn: ["study"] },
];

/** An entry of a task's journal, as `fettle show --json` prints it. */
interface Entry {
  readonly type: string;
  readonly at: number;
  readonly node?: string;
  /** Of a tool's call; its id is both. */
  readonly runId?: string;
  readonly call?: number;
}

/** The node that died, and when. */
interface Death {
  readonly node: Node;
  readonly taskId: string;
  readonly at: number;
}

/** Runs the network once. */
export async function showNetwork({ kill }: { readonly kill: boolean }): Promise<void> {
  // What was started ends with this process, however it ends.
  const interrupt = (): void => process.exit(130);
  process.once("SIGINT", interrupt);
  process.once("SIGTERM", interrupt);
  const { live } = exampleModel(new URL("answers.json", import.meta.url));
  const { servers } = loadConfig().nats;
  await using server = await openServer(servers[0] ?? "");
  console.log(
    server.isOwn ? `Started nats-server at ${server.url}.` : `Using the NATS server at ${server.url}.`,
  );
  const settings = {
    NATS_URL: server.isOwn ? server.url : servers.join(","),
    FETTLE_MESH: "research-network",
    FETTLE_SANDBOX_ISOLATES: "1",
    LOG_LEVEL: "INFO",
    ...(live ? {} : { FETTLE_REPLAY: fileURLToPath(new URL("answers.json", import.meta.url)) }),
  };
  const story = new Story();
  const nodes: Node[] = [];
  let death: Death | undefined;
  const start = async (name: string, role: string) => {
    let reads = 0;
    const node = await startNode(name, {
      role,
      env: settings,
      onTold: (told) => {
        story.take(told, name);
        if (told.type === "log" && told.msg === "a node has left the mesh" && told.node === death?.node.id) {
          story.tell(name, `knows that ${death?.node.name ?? ""} is gone`);
        }
        reads += told.type === "call" && told.tool === "read" ? 1 : 0;
        if (!kill || death !== undefined || reads < 2) return;
        const taskId = story.tasksOf(name).at(-1) ?? "";
        story.tell(name, `  is killed (SIGKILL), half way through ${titleOf(taskId)}`);
        death = { node, taskId, at: Date.now() };
        void node.end("SIGKILL");
      },
    });
    nodes.push(node);
  };
  try {
    await Promise.all([
      start("synthesizer", "synthesizer"),
      ...RESEARCHERS.map((name) => start(name, "researcher")),
    ]);
    nodes.sort((a, b) => a.name.localeCompare(b.name));
    console.log(`\nThe nodes of the mesh "${settings.FETTLE_MESH}", each a process:`);
    for (const { name, pid, id } of nodes) console.log(`  ${name.padEnd(12)} pid ${pid}, ${id}`);
    console.log("\nThis program has no agents. It gives them a workflow, and waits:");
    const mesh = new Mesh({ config: loadConfig({ given: { ...settings, LOG_LEVEL: "WARNING" } }) });
    await mesh.start();
    const id = `work-outlives-machines-${crypto.randomUUID().slice(0, 8)}`;
    story.begin();
    const { status, outputs, failures } = await mesh.workflow(id, STEPS);
    await mesh.stop();
    assert.equal(status, "success", failures[0]?.error.message);
    const report = String(outputs["synthesis"]);
    console.log(`\n${report}\n`);
    console.log("Who did what:");
    for (const { name } of nodes) {
      const done = story.tasksOf(name).map(titleOf);
      console.log(`  ${name.padEnd(12)} ${done.length === 0 ? "nothing that it ended" : done.join(", ")}`);
    }
    assert.equal(story.begunBy.size, TOPICS.length + 1);
    for (const topic of TOPICS) assert(live || report.includes(`## ${topic}`), `the report lacks ${topic}`);
    if (death === undefined) assert.equal(kill, false, "no node came half way");
    else tellTakeover(story, { death, nodes, entries: await journalOf(death.taskId, settings), live });
  } finally {
    await Promise.all(nodes.map((node) => node.end("SIGTERM")));
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
  }
}

/** Shows from the task's journal that nothing that was recorded was done again. */
function tellTakeover(
  story: Story,
  {
    death,
    nodes,
    entries,
    live,
  }: {
    readonly death: Death;
    readonly nodes: readonly Node[];
    readonly entries: readonly Entry[];
    readonly live: boolean;
  },
): void {
  const { node: dead, taskId, at } = death;
  const claims = entries.filter(({ type }) => type === "claimed");
  const heir = claims.at(-1);
  assert(heir !== undefined && heir.node !== dead.id, "nobody took the task over");
  const name = nodes.find(({ id }) => id === heir.node)?.name ?? heir.node ?? "";
  const before = entries.slice(0, entries.indexOf(heir));
  const answers = before.filter(({ type }) => type === "model-answered").length;
  const returned = before
    .filter(({ type }) => type === "tool-returned")
    .map(({ runId, call }) => `${runId ?? ""}:${call ?? ""}`);
  const again = [...story.callsOf].filter(([, by]) => by.length > 1).map(([callId]) => callId);
  const seconds = ((heir.at - at) / 1000).toFixed(1);
  console.log(`\n${name} took over ${titleOf(taskId)} ${seconds} s after ${dead.name} was killed:`);
  console.log(
    `  taken from the journal, and not done again: ${answers} answer of the model and ${returned.length} calls`,
  );
  console.log(`  in flight when it died, so made again, under the same id: ${again.length} call`);
  console.log(`All of it: npx fettle show ${taskId}`);
  for (const callId of returned)
    assert.equal(story.callsOf.get(callId)?.length, 1, `${callId} was made again`);
  if (live) return;
  assert.equal(answers, 1);
  assert(returned.length >= 2 && again.length <= 1, "it did not go on where the other had been");
  assert.equal(entries.filter(({ type }) => type === "model-asked").length, 1);
}

async function journalOf(taskId: string, env: Readonly<Record<string, string>>): Promise<readonly Entry[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [...FETTLE, "show", taskId, "--json"], {
    env: { ...process.env, ...env },
  });
  return (JSON.parse(stdout) as { readonly entries: readonly Entry[] }).entries;
}
