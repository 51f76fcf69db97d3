import { describe, expect, it } from "vitest";
import type { NodeProcess } from "../harness/node-process.ts";
import { startNatsCluster, startNatsServer, type NatsServer } from "../harness/nats-server.ts";
import { Crew, fenced, groundForTests } from "./crew.ts";

const ground = groundForTests();

/** Work that takes a while: tasks and workflows of three steps; each model and tool call some tenths of a second. */
function begin(crew: Crew, caller: NodeProcess): Promise<unknown> {
  crew.answer(async ({ kind, text }) => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    if (kind === "tool") return JSON.stringify((JSON.parse(text) as { step: string }).step);
    const [, name = ""] = /t-(\w+)/.exec(text) ?? [];
    return fenced(
      `result = []; for (const n of [1, 2, 3]) result.push(await tools.act({ step: "${name}-" + n }));`,
    );
  });
  const names = ["one", "two", "three"];
  const workflow = (id: string) =>
    caller.call(
      "workflow",
      id,
      names.map((name, index) => ({
        id: name,
        agent: "worker",
        task: `Do t-${id}${name}.`,
        dependsOn: names.slice(0, index),
      })),
    );
  const tasks = names.map((name) => caller.call("execute", "worker", { id: name, task: `Do t-${name}.` }));
  return Promise.all([...tasks, workflow("a"), workflow("b")]);
}

/** That all of it succeeded, and that each call was made once. */
async function expectDone(crew: Crew, work: Promise<unknown>): Promise<void> {
  const outcomes = (await work) as { status: string; output?: unknown }[];
  expect(outcomes.map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => "success"));
  expect(outcomes[0]?.output).toEqual(["one-1", "one-2", "one-3"]);
  expect([...crew.callsOf("model")].sort()).toEqual([...new Set(crew.callsOf("model"))].sort());
  expect([...crew.callsOf("tool")].sort()).toEqual([...new Set(crew.callsOf("tool"))].sort());
  expect(crew.callsOf("tool")).toHaveLength(9 * 3);
}

/** Lines of the log that somebody would read who wonders what happened. */
const told = (node: NodeProcess, part: string) => node.log.filter(({ msg }) => msg.includes(part)).length;

describe.concurrent("work under way", () => {
  it("goes on when the server is killed and starts again, nothing is lost or done twice, and the log says so", async () => {
    await using server = await startNatsServer();
    await using crew = new Crew(ground);
    const [caller, worker] = await Promise.all([
      crew.start("caller", { nats: server.url }),
      crew.start("worker", { nats: server.url, agents: ["worker"] }),
    ]);
    const work = begin(crew, caller);
    await crew.seen(({ text }) => text.includes("one-1"));
    await server.stop("SIGKILL");
    // Tools that were in flight return meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await server.start();
    await crew.seen(({ text }) => text.includes("btwo-1"));
    await server.stop("SIGKILL");
    await server.start();
    await expectDone(crew, work);
    for (const node of [caller, worker]) {
      expect(told(node, "the connection to NATS was lost")).toBe(2);
      expect(told(node, "connected to NATS again")).toBe(2);
    }
  });

  it("waits while the server stands still, and goes on", async () => {
    await using server = await startNatsServer();
    await using crew = new Crew(ground);
    const [caller] = await Promise.all([
      crew.start("caller", { nats: server.url }),
      crew.start("worker", { nats: server.url, agents: ["worker"] }),
      crew.start("another", { nats: server.url, agents: ["worker"] }),
    ]);
    const work = begin(crew, caller);
    await crew.seen(({ text }) => text.includes("one-1"));
    server.signal("SIGSTOP");
    // Longer than presence, leases and messages in hand last.
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    server.signal("SIGCONT");
    await expectDone(crew, work);
  });

  it("goes on when a cluster loses a server and gets it back", async () => {
    const servers = await startNatsCluster(3);
    await using crew = new Crew(ground);
    try {
      const nats = servers.map(({ url }) => url).join(",");
      const env = { FETTLE_REPLICAS: "3" };
      const [caller] = await Promise.all([
        crew.start("caller", { nats, env }),
        crew.start("worker", { nats, env, agents: ["worker"] }),
        crew.start("another", { nats, env, agents: ["worker"] }),
      ]);
      const work = begin(crew, caller);
      await crew.seen(({ text }) => text.includes("one-1"));
      const [first] = servers as readonly [NatsServer, ...NatsServer[]];
      await first.stop("SIGKILL");
      await crew.seen(({ text }) => text.includes("atwo-1"));
      await first.start();
      await expectDone(crew, work);
    } finally {
      await Promise.all(servers.map((server) => server.close()));
    }
  }, 90_000);
});
