// Durable mailboxes on two fabrics: in memory, and over a real NATS server.
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { defineAgent, type Fabric, type HandlerMessage } from "fettle";
import { createMemoryFabric, TestMesh } from "fettle/testing";
import { silentLog } from "#src/core/log";
import { openConnection } from "#src/fabric/nats/connection";
import { createNatsFabric } from "#src/fabric/nats/fabric";
import { startNatsServer, type NatsServer } from "../harness/nats-server.ts";

const MAIL = "test.mail.clerk";
const EVENTUALLY = { timeout: 20_000, interval: 20 };

let server: NatsServer | undefined;
let meshes = 0;
beforeAll(async () => {
  server = await startNatsServer();
}, 60_000);
afterAll(async () => {
  await server?.close();
});

const fabrics: readonly (readonly [string, () => Promise<Fabric>])[] = [
  ["in memory", async () => createMemoryFabric()],
  [
    "over NATS",
    async () => {
      const settings = { servers: [server?.url ?? ""] };
      const connection = await openConnection(settings, { name: "test", log: silentLog });
      meshes += 1;
      return createNatsFabric({ connection, mesh: `mail${process.pid}-${meshes}` });
    },
  ],
];

/** A clerk that notes what it is sent, and fails as often as it is told. */
function clerk({ fails = 0, hold }: { readonly fails?: number; readonly hold?: Promise<void> } = {}) {
  const seen: { readonly id: string; readonly body: unknown }[] = [];
  let left = fails;
  const handle = async (message: HandlerMessage) => {
    if (message.type === "task") return null;
    seen.push({ id: message.id, body: message.body });
    await hold;
    if (left > 0) {
      left -= 1;
      throw new Error("the pen is dry");
    }
    return "noted";
  };
  const agent = defineAgent({
    role: "clerk",
    capabilities: ["notes"],
    mailbox: "durable",
    supervision: { maxRestarts: 100 },
    handle,
  });
  return { agent, seen, bodies: () => seen.map(({ body }) => body) };
}

describe.each(fabrics)("a durable mailbox %s", (_, make) => {
  it("takes what is sent to its role, in order, and is empty when it is done", async () => {
    await using fabric = await make();
    const { agent, bodies } = clerk();
    await using mesh = await new TestMesh({ fabric }).add(agent).start();
    const sent = Array.from({ length: 40 }, (_unused, index) => index);
    for (const body of sent) await mesh.send("clerk", body);
    await vi.waitFor(() => expect(bodies()).toEqual(sent), EVENTUALLY);
    await vi.waitFor(
      async () => expect(await fabric.queue.size(MAIL)).toEqual({ waiting: 0, inHand: 0, dead: 0 }),
      EVENTUALLY,
    );
  });

  it("keeps what nobody took for the next start, and loses nothing that an actor had in hand", async () => {
    await using fabric = await make();
    const never = new Promise<void>(() => undefined);
    const first = clerk({ hold: never });
    const before = await new TestMesh({ fabric }).add(first.agent).start();
    for (const body of ["a", "b", "c"]) await before.send("clerk", body);
    await vi.waitFor(() => expect(first.bodies()).toEqual(["a"]), EVENTUALLY);
    await before.stop({ mode: "cancel" });
    const second = clerk();
    await using mesh = await new TestMesh({ fabric }).add(second.agent).start();
    await vi.waitFor(() => expect(second.bodies().sort()).toEqual(["a", "b", "c"]), EVENTUALLY);
    expect(second.seen.map(({ id }) => id)).toContain(first.seen[0]?.id);
    expect(await mesh.ask("clerk", "still here?")).toBe("noted");
  });

  it("is tried again with the same id where its handler fails", async () => {
    await using fabric = await make();
    const { agent, seen } = clerk({ fails: 2 });
    await using mesh = await new TestMesh({ fabric }).add(agent).start();
    await mesh.send("clerk", "stubborn");
    await vi.waitFor(() => expect(seen).toHaveLength(3), EVENTUALLY);
    expect(new Set(seen.map(({ id }) => id)).size).toBe(1);
    await vi.waitFor(
      async () => expect(await fabric.queue.size(MAIL)).toEqual({ waiting: 0, inHand: 0, dead: 0 }),
      EVENTUALLY,
    );
  });

  it("becomes a dead letter with the last reason after five failures", async () => {
    await using fabric = await make();
    const { agent, seen } = clerk({ fails: 1000 });
    await using mesh = await new TestMesh({ fabric }).add(agent).start();
    await mesh.send("clerk", "poison");
    await vi.waitFor(async () => expect((await fabric.queue.size(MAIL)).dead).toBe(1), EVENTUALLY);
    const [letter] = await fabric.queue.dead(MAIL);
    expect(letter).toMatchObject({ id: seen[0]?.id, deliveries: 5 });
    expect(letter?.reason).toMatch(/5 deliveries.*the pen is dry/);
    expect(seen).toHaveLength(5);
  });

  it("refuses to keep what is no message, as a dead letter that says why", async () => {
    await using fabric = await make();
    const { agent, seen } = clerk();
    await using mesh = await new TestMesh({ fabric }).add(agent).start();
    await fabric.queue.publish(MAIL, "{not json", { id: "bad" });
    await vi.waitFor(async () => expect((await fabric.queue.size(MAIL)).dead).toBe(1), EVENTUALLY);
    expect((await fabric.queue.dead(MAIL))[0]?.reason).toMatch(/not JSON/);
    await mesh.send("clerk", "fine");
    await vi.waitFor(() => expect(seen.map(({ body }) => body)).toEqual(["fine"]), EVENTUALLY);
  });

  it("takes asks, broadcasts and messages to one address past the queue", async () => {
    await using fabric = await make();
    const { agent, bodies } = clerk();
    await using mesh = await new TestMesh({ fabric }).add(agent).start();
    const [found] = await mesh.discover({ role: "clerk" });
    expect(found?.mailbox).toBe("durable");
    expect(await mesh.ask("clerk", 1)).toBe("noted");
    await mesh.send(found?.address ?? "", 2);
    expect((await mesh.broadcast({ role: "clerk" }, 3)).delivered).toEqual([found?.address]);
    await vi.waitFor(() => expect(bodies()).toEqual([1, 2, 3]), EVENTUALLY);
  });
});

it("refuses another kind of mailbox", () => {
  const options = { role: "clerk", capabilities: ["notes"], mailbox: "disk", handle: () => null };
  expect(() => defineAgent(options as unknown as Parameters<typeof defineAgent>[0])).toThrow(
    'Agent "clerk": mailbox is "disk": it must be "memory" or "durable".',
  );
});
