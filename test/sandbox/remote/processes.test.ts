// `fettle sandbox` as it is run: processes of their own over a real server, killed, stopped and cut off.
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineAgent } from "fettle";
import { loadConfig } from "#src/app/config";
import { Mesh } from "#src/app/mesh";
import { createSubjects } from "#src/core/subjects";
import { defineTool } from "#src/core/tool";
import type { NatsFabric } from "#src/fabric/nats/fabric";
import { createScriptedModel } from "fettle/testing";
import { createRemoteSandbox } from "#src/sandbox/remote/remote-sandbox";
import { SandboxNode } from "#src/sandbox/remote/node";
import { startProgram, type Program } from "../../harness/live-program.ts";
import { startNatsServer } from "../../harness/nats-server.ts";
import { errorOf, valueOf } from "../outcome.ts";
import { MemoryRecord } from "../record.ts";
import { fabricForTests, openNatsFabric } from "./nats-fabric.ts";
import { steps } from "./steps.ts";

const ground = fabricForTests();

/** A process of `fettle sandbox`, killed at the end of its test where it still runs. */
type NodeProgram = Program & AsyncDisposable;

/** Starts `fettle sandbox`; resolves once it serves. */
async function startNode(
  mesh: string,
  args: readonly string[] = [],
  server = ground.server,
): Promise<NodeProgram> {
  const settings = `NATS_URL=${server.url} FETTLE_MESH=${mesh} FETTLE_SANDBOX_ISOLATES=1`;
  const script = new URL("../../../bin/fettle.js", import.meta.url);
  const program = startProgram(script, ["sandbox", ...args], settings);
  const { value } = (await program.lines.next()) as { value?: string };
  if (value?.startsWith("Sandbox node ") !== true) throw new Error((await program.ended).stderr);
  const kill = async () => {
    program.child.kill("SIGKILL");
    await program.ended;
  };
  return { ...program, [Symbol.asyncDispose]: kill };
}

const reach = (mesh: string, { messages }: NatsFabric = ground.fabric) =>
  createRemoteSandbox({ messages, subjects: createSubjects(mesh), patienceMs: 30_000 });

const recorded = () => ({
  record: new MemoryRecord(),
  runId: "r",
  entropy: { seed: 1, startedAt: 0 },
});

const CODE = "result = []; for (const n of [1, 2, 3]) result.push(await tools.step(n))";

describe.concurrent("a process of fettle sandbox", () => {
  it("runs code for others, calls their tools back, and ends in order when it is told to", async () => {
    await using node = await startNode("orderly");
    await using sandbox = reach("orderly");
    const double = defineTool({ description: "Doubles.", input: z.number(), execute: (n) => 2 * n });
    const code = "console.log(typeof process, typeof Deno); result = await tools.double(context)";
    const run = await sandbox.execute(code, { context: 21, tools: { double } });
    expect(valueOf(run)).toBe(42);
    expect(run.console).toEqual([{ level: "log", text: "undefined undefined" }]);
    expect(errorOf(await sandbox.execute("for (;;) {}", { limits: { cpuMs: 100 } })).limit).toBe("cpuMs");
    // Of a child that its own `kill` was called for, Deno says that the signal ended it, whatever did.
    process.kill(node.child.pid ?? 0, "SIGTERM");
    expect(await node.lines.next()).toEqual({ done: false, value: "Ended after 2 runs." });
    expect((await node.ended).code).toBe(0);
  });

  it("killed in the middle takes down a run that is not recorded; a recorded one goes on, and no call is made twice", async () => {
    await using node = await startNode("killed");
    await using sandbox = reach("killed");
    const [kept, unkept] = [steps(), steps()];
    const run = sandbox.execute(CODE, { tools: { step: kept.step }, ...recorded() });
    const lost = sandbox.execute(CODE, { tools: { step: unkept.step } }).catch((thrown: unknown) => thrown);
    await Promise.all([kept.second(), unkept.second()]);
    node.child.kill("SIGKILL");
    await using _other = await startNode("killed");
    kept.release();
    expect(valueOf(await run)).toEqual([10, 20, 30]);
    expect(kept.made).toEqual([1, 2, 3]);
    expect(await lost).toMatchObject({ code: "SANDBOX_FAILED", retryable: true });
    expect(unkept.made).toEqual([1, 2]);
  });

  it("that is paused is given up, and drops the run when it wakes", async () => {
    await using node = await startNode("paused");
    await using sandbox = reach("paused");
    const { made, step, second, release } = steps();
    const run = sandbox.execute(CODE, { tools: { step }, ...recorded() });
    await second();
    const { pid = 0 } = node.child;
    process.kill(pid, "SIGSTOP");
    await using _other = await startNode("paused");
    release();
    expect(valueOf(await run)).toEqual([10, 20, 30]);
    process.kill(pid, "SIGCONT");
    process.kill(pid, "SIGTERM");
    // Nothing is left in its hands, though it may have heard, too late, an offer that another took long ago.
    const { value } = (await node.lines.next()) as { value?: string };
    expect(value).toMatch(/^Ended after [12] runs?\.$/);
    expect(made).toEqual([1, 2, 3]);
  });

  it("refuses a limit that there is none of, before it serves", async () => {
    await expect(startNode("wrong", ["--maximum", "cpu=1"])).rejects.toThrow(/limits are: cpuMs/);
  });

  it("does the work of a mesh whose SANDBOX_MODE is remote", async () => {
    await using _node = await startNode("whole");
    const env = {
      NATS_URL: ground.server.url,
      FETTLE_MESH: "whole",
      SANDBOX_MODE: "remote",
      LOG_LEVEL: "silent",
    };
    const agent = defineAgent({ role: "adder", capabilities: ["add"], systemPrompt: "Adds." });
    const model = createScriptedModel(["```js\nresult = [1 + 1, typeof process]\n```"]);
    const mesh = new Mesh({ config: loadConfig({ env, envFile: null }), model }).add(agent);
    await mesh.start();
    try {
      expect(await mesh.execute("adder", "Add.")).toMatchObject({
        status: "success",
        output: [2, "undefined"],
      });
    } finally {
      await mesh.stop();
    }
  });
});

describe.concurrent("a run on a node", () => {
  it("that is cancelled is stopped there at once", async () => {
    const subjects = createSubjects("cancelled");
    const far = await openNatsFabric(ground.server);
    const node = new SandboxNode({ messages: far.messages, subjects, name: "far", isolates: 1 });
    await using sandbox = reach("cancelled");
    const until = async (isSo: () => boolean) => {
      while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    const controller = new AbortController();
    const run = sandbox.execute("for (;;) {}", { signal: controller.signal, limits: { cpuMs: 60_000 } });
    await until(() => node.stats().busy === 1);
    controller.abort(new Error("enough"));
    expect(errorOf(await run).failure).toBe("cancelled");
    await until(() => node.stats().busy === 0 && node.stats().running === 0);
    await node.stop();
    await far.close();
  });

  it("goes on over a restart of the server, and one that the world has seen nothing of over a long absence", async () => {
    await using server = await startNatsServer();
    await using fabric = await openNatsFabric(server);
    await using _node = await startNode("away", [], server);
    await using sandbox = reach("away", fabric);
    const { made, step, second, release } = steps();
    const run = sandbox.execute(CODE, { tools: { step } });
    await second();
    await server.stop();
    release();
    await server.start();
    expect(valueOf(await run)).toEqual([10, 20, 30]);
    expect(made).toEqual([1, 2, 3]);
    const quiet = sandbox.execute("await new Promise((r) => setTimeout(r, 500)); result = 'done'");
    await server.stop();
    await new Promise((resolve) => setTimeout(resolve, 7000));
    await server.start();
    expect(valueOf(await quiet)).toBe("done");
  }, 60_000);
});
