import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineAgent, defineTool, Mesh, type Fabric } from "fettle";
import { createScriptedModel } from "fettle/testing";
import { loadConfig } from "#src/app/config";
import { silentLog } from "#src/core/log";
import { openConnection } from "#src/fabric/nats/connection";
import { createNatsFabric } from "#src/fabric/nats/fabric";
import { nextVersion } from "../harness/next-version.ts";
import { newMeshName } from "../fabric/nats/mesh-server.ts";
import { gate, groundForTests } from "./crew.ts";

const ground = groundForTests();
const CODE = "result = [await tools.step({ n: 1 }), await tools.step({ n: 2 }), context.since ?? null];";
const PATIENT = { timeout: 15_000 };
const as = { this: (fabric: Fabric) => fabric, next: nextVersion };

/** Two nodes of one mesh, of these versions; the second has the agents. */
async function start(versions: readonly [keyof typeof as, keyof typeof as]) {
  const name = newMeshName();
  const held = gate();
  const calls: string[] = [];
  const step = (node: string) =>
    defineTool({
      description: "Takes a step.",
      input: z.object({ n: z.number() }),
      execute: async ({ n }) => {
        calls.push(`${node} ${n}`);
        if (n === 2 && node === "second") await held.passed;
        return n;
      },
    });
  const agents = (node: string) => [
    defineAgent({ role: "worker", capabilities: ["work"], systemPrompt: "x", tools: { step: step(node) } }),
    defineAgent({ role: "guarded", capabilities: ["work"], systemPrompt: "x", approval: "code" }),
    defineAgent({
      role: "echo",
      capabilities: ["talk"],
      mailbox: "durable",
      handle: (message) => (message.type === "task" ? message.task : message.body),
    }),
  ];
  const open = async (version: keyof typeof as) => {
    const connection = await openConnection(
      { servers: [ground.server.url] },
      { name: "test", log: silentLog },
    );
    const fabric = await createNatsFabric({ connection, mesh: name });
    const config = loadConfig({ env: { FETTLE_SANDBOX_ISOLATES: "1" }, envFile: null });
    const model = createScriptedModel(({ system }) => (system.includes("step") ? CODE : "result = 1"));
    const mesh = new Mesh({
      name,
      mode: "distributed",
      fabric: as[version](fabric),
      config,
      log: silentLog,
      model,
    });
    return { mesh, fabric };
  };
  const first = await open(versions[0]);
  const second = await open(versions[1]);
  for (const agent of agents("second")) second.mesh.add(agent);
  await first.mesh.start();
  await second.mesh.start();
  await expect.poll(async () => (await first.mesh.discover()).length, PATIENT).toBe(3);
  return { first, second, calls, held, agents, open };
}

describe.each([
  ["this", "next"],
  ["next", "this"],
] as const)("nodes of two versions, where the caller is of %s and the agents are of %s", (...versions) => {
  it("find, ask and tell each other, and do each other's tasks and workflows", async () => {
    const { first, second, held } = await start(versions);
    held.open();
    const body = { at: new Date(5), list: [1n] };
    expect(await first.mesh.ask("echo", body)).toEqual(body);
    expect((await first.mesh.broadcast({ role: "echo" }, "all")).delivered).toHaveLength(1);
    const since = new Date(7);
    expect(await first.mesh.execute("worker", { task: "Go.", context: { since } })).toMatchObject({
      status: "success",
      output: [1, 2, since],
    });
    const steps = [
      { id: "a", agent: "worker", task: "Go." },
      { id: "b", agent: "echo", task: "Say.", dependsOn: ["a"] },
    ];
    const done = await first.mesh.workflow("flow", steps);
    expect(done.status).toBe("success");
    expect(await second.mesh.workflow("flow", steps)).toMatchObject({
      status: "success",
      outputs: done.outputs,
      recorded: true,
    });
    const asked = first.mesh.execute("guarded", { id: "asked", task: "Go.", budget: { modelCalls: 5 } });
    await expect.poll(() => first.mesh.pending(), PATIENT).toHaveLength(1);
    await first.mesh.approve((await first.mesh.pending())[0]?.approvalId ?? "");
    expect(await asked).toMatchObject({ status: "success", output: 1 });
    const refused = second.mesh.execute("guarded", { id: "refused", task: "Go." });
    await expect.poll(() => first.mesh.pending(), PATIENT).toHaveLength(1);
    expect(await first.mesh.cancel("refused", "no more")).toMatchObject({ status: "cancelled" });
    expect(await refused).toMatchObject({ status: "cancelled" });
    for (const { mesh, fabric } of [second, first]) {
      await mesh.stop();
      await fabric.close();
    }
  });

  it("go on with what the other began, with nothing recorded done again", async () => {
    const { first, second, calls, held, agents, open } = await start(versions);
    const result = first.mesh.execute("worker", { id: "left", task: "Go." });
    await expect.poll(() => calls, PATIENT).toEqual(["second 1", "second 2"]);
    const stopped = second.mesh.stop({ mode: "suspend" });
    const heir = await open(versions[0]);
    for (const agent of agents("heir")) heir.mesh.add(agent);
    await heir.mesh.start();
    held.open();
    await stopped;
    expect(await result).toMatchObject({ status: "success", output: [1, 2, null] });
    expect(calls.filter((call) => call.endsWith("1"))).toEqual(["second 1"]);
    await second.fabric.close();
    for (const { mesh, fabric } of [heir, first]) {
      await mesh.stop();
      await fabric.close();
    }
  });
});
