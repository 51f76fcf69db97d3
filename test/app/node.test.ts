// `fettle node` with a real server: what it serves, what it says, and how it ends.
import type { ChildProcess } from "node:child_process";
import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TaskResult } from "fettle";
import { defer } from "#src/core/deferred";
import { silentLog } from "#src/core/log";
import { openConnection } from "#src/fabric/nats/connection";
import { newMeshName, serverForTests } from "../fabric/nats/mesh-server.ts";
import { layProject } from "../harness/project-folder.ts";
import { runFettle, type Run } from "../harness/program.ts";

const AGENTS = `import { defineAgent } from "fettle";
const agent = (role, handle) => defineAgent({ role, capabilities: [role + "ing"], handle });
export const agents = [
  agent("echo", (task) => task.task),
  agent("wait", () => new Promise((resolve) => setTimeout(resolve, 600_000))),
];
`;

const server = serverForTests();
let folder = "";
beforeAll(async () => {
  folder = await layProject("node", { "agents.js": AGENTS });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A node that runs; `heard` resolves once it has said something on standard error. */
interface LiveNode {
  readonly ended: Promise<Run>;
  heard(text: string): Promise<void>;
  signal(signal: NodeJS.Signals): void;
}

async function startNode(args: readonly string[], mesh: string): Promise<LiveNode> {
  const running = defer<ChildProcess>();
  const run = runFettle(["node", "agents.js", "--server", server.get().url, ...args], {
    cwd: folder,
    env: { FETTLE_MESH: mesh },
    onStart: (child) => running.resolve(child),
  });
  const child = await running.promise;
  let said = "";
  let listening: (() => void)[] = [];
  const hear = (): void => {
    const woken = listening;
    listening = [];
    for (const look of woken) look();
  };
  child.stderr?.on("data", (chunk: string) => {
    said += chunk;
    hear();
  });
  child.once("close", hear);
  const node: LiveNode = {
    ended: run,
    heard: async (text) => {
      while (!said.includes(text)) {
        if (child.exitCode !== null) throw new Error(`It ended without saying "${text}":\n${said}`);
        await new Promise<void>((resolve) => listening.push(resolve));
      }
    },
    signal: (signal) => {
      // Of a child's own `kill`, Deno delivers the first signal only.
      if (child.pid !== undefined) process.kill(child.pid, signal);
    },
  };
  await node.heard(`in the mesh "${mesh}"`);
  return node;
}

async function ask(mesh: string, role: string, task: string): Promise<TaskResult> {
  const connection = await openConnection({ servers: [server.get().url] }, { name: "test", log: silentLog });
  try {
    const answer = await connection.request(`fettle.${mesh}.task.${role}`, task, { timeout: 30_000 });
    return answer.json<TaskResult>();
  } finally {
    await connection.close();
  }
}

describe("fettle node", () => {
  it("serves a file's agents, says so on both outputs, and leaves in order with exit code 0", async () => {
    const mesh = newMeshName();
    const node = await startNode(["--spawn", "echo=2", "--json"], mesh);
    expect(await ask(mesh, "echo", "hello")).toMatchObject({ status: "success", output: "hello" });
    node.signal("SIGTERM");
    const { code, stdout, stderr } = await node.ended;
    expect(code).toBe(0);
    const [line = "", ...rest] = stdout.split("\n");
    expect(rest).toEqual([""]);
    expect(JSON.parse(line)).toMatchObject({
      type: "started",
      mesh,
      servers: [server.get().url],
      roles: [
        { role: "echo", capabilities: ["echoing"], actors: 2 },
        { role: "wait", actors: 1 },
      ],
    });
    expect(stderr).toMatch(
      new RegExp(`^fettle: node \\S+ serves echo ×2, wait in the mesh "${mesh}" on nats://127`, "m"),
    );
    expect(stderr).toMatch(/"role":"echo","ms":\d+,"msg":"a task has succeeded"/);
    expect(stderr).toMatch(/fettle: has left the mesh\n$/);
  });

  it("waits for what was given to it, unless it is told a second time to end: then another goes on with it", async () => {
    const mesh = newMeshName();
    const node = await startNode(["--role", "wait"], mesh);
    const asked = ask(mesh, "wait", "for long");
    await node.heard("a task is begun");
    node.signal("SIGINT");
    await node.heard("hands over what it holds");
    node.signal("SIGINT");
    expect(await node.ended).toMatchObject({ code: 0 });
    expect(await asked).toMatchObject({ error: { code: 503 } });
    const other = await startNode(["--role", "wait"], mesh);
    await other.heard("a task is begun");
    other.signal("SIGINT");
    expect(await other.ended).toMatchObject({ code: 0 });
  });

  it("hands over what came to it from the queue: another node begins it at once", async () => {
    const mesh = newMeshName();
    const leaving = await startNode(["--role", "wait"], mesh);
    const connection = await openConnection(
      { servers: [server.get().url] },
      { name: "test", log: silentLog },
    );
    await connection.jetstream().publish(`fettle.${mesh}.queue.task.wait`, "for long", { msgID: "w1" });
    await connection.close();
    await leaving.heard('"taskId":"w1","role":"wait","msg":"a task is begun"');
    const staying = await startNode(["--role", "wait"], mesh);
    leaving.signal("SIGTERM");
    const { code, stderr } = await leaving.ended;
    const leftAt = Date.now();
    expect(code).toBe(0);
    expect(stderr).toContain("a task is left to others");
    await staying.heard('"taskId":"w1","role":"wait","msg":"a task is begun"');
    // Of a node that dies, its work comes back nine seconds later.
    expect(Date.now() - leftAt).toBeLessThan(6_000);
    staying.signal("SIGINT");
    await staying.ended;
  });

  it("serves only the roles that it is told", async () => {
    const mesh = newMeshName();
    const node = await startNode(["--role", "echo", "--json"], mesh);
    node.signal("SIGINT");
    expect((JSON.parse((await node.ended).stdout) as { roles: unknown }).roles).toMatchObject([
      { role: "echo" },
    ]);
  });

  it("says what is missing: the server, the role, the number", async () => {
    const fails = (...args: string[]) => runFettle(["node", "agents.js", ...args], { cwd: folder });
    const [noServer, noRole, noSpawn, noNumber, badUrl] = await Promise.all([
      fails(),
      fails("-s", server.get().url, "--role", "ecko"),
      fails("-s", server.get().url, "--role", "echo", "--spawn", "wait=2"),
      fails("-s", server.get().url, "--spawn", "echo"),
      fails("-s", "http://127.0.0.1"),
    ]);
    expect(noServer.code).toBe(1);
    expect(noServer.stderr).toMatch(
      /^fettle: Cannot start a node: .*--server nats:.*NATS_URL.*nats-server -js/,
    );
    expect(noRole).toMatchObject({ code: 1 });
    expect(noRole.stderr).toBe('fettle: "agents.js" exports no agent "ecko", only: echo, wait.\n');
    expect(noSpawn).toMatchObject({ code: 1 });
    expect(noSpawn.stderr).toContain('no agent "wait", only: echo');
    expect(noNumber.code).toBe(2);
    expect(noNumber.stderr).toContain("such as researcher=4");
    expect(badUrl.code).toBe(1);
    expect(badUrl.stderr).toContain(
      '- command line: NATS_URL="http://127.0.0.1": expected addresses such as',
    );
  });
});
