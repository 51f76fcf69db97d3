// Agents as services: what NATS's own tools are told of them.
import { describe, expect, it } from "vitest";
import { defineAgent } from "fettle";
import { serverForTests } from "../fabric/nats/mesh-server.ts";
import { errorCode, jsonOf, openDesk } from "./desk.ts";

const server = serverForTests();
const echo = defineAgent({
  role: "echo",
  capabilities: ["repeat", "letters"],
  handle: (message) => (message.type === "task" ? message.task : null),
});

describe("an agent as a service", () => {
  it("is found, described and counted by NATS's own conventions", async () => {
    await using desk = await openDesk(server.get(), [echo]);
    const { client, name } = desk;
    const service = `fettle-${name}-echo`;
    const ping = jsonOf(await client.request(`$SRV.PING.${service}`));
    expect(ping).toMatchObject({ type: "io.nats.micro.v1.ping_response", name: service });

    const info = jsonOf(await client.request(`$SRV.INFO.${service}`));
    expect(info).toMatchObject({
      version: "0.0.0",
      metadata: { mesh: name, role: "echo", capabilities: "repeat,letters", node: "test", wire: "1" },
      endpoints: [
        { name: "task", subject: `fettle.${name}.task.echo`, queue_group: "fettle" },
        { name: "capability-repeat", subject: `fettle.${name}.capability.repeat` },
        { name: "capability-letters", subject: `fettle.${name}.capability.letters` },
      ],
    });

    await desk.ask("echo", "one");
    await desk.ask("echo", "two");
    expect(errorCode(await desk.ask("echo", ""))).toBe(400);
    const stats = jsonOf(await client.request(`$SRV.STATS.${service}`)) as {
      readonly endpoints: readonly Record<string, unknown>[];
    };
    expect(stats.endpoints[0]).toMatchObject({
      num_requests: 3,
      num_errors: 1,
      last_error: expect.stringMatching(/^400: The request is empty/) as string,
      data: {
        tasks: { success: 2, failure: 0, cancelled: 0, refused: 1, underWay: 0 },
        load: { actors: 1, running: 0 },
        queue: { waiting: 0, inHand: 0, dead: 0 },
      },
    });
    expect(stats.endpoints[0]?.["processing_time"]).toBeGreaterThan(0);
  });

  it("is there as soon as it is spawned, and gone when its mesh stops", async () => {
    await using desk = await openDesk(server.get(), [echo]);
    const later = defineAgent({ role: "later", capabilities: ["repeat"], handle: () => "late" });
    await desk.mesh.spawn(later);
    expect(jsonOf(await desk.ask("later", "x"))).toMatchObject({ output: "late" });
    await desk.mesh.stop();
    await expect(desk.ask("later", "x")).rejects.toMatchObject({ code: "503" });
  });
});
