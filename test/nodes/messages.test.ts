import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defineAgent, type ActorContext, type HandlerMessage, type Mesh } from "fettle";
import type { NodeProcess } from "../harness/node-process.ts";
import { Crew, groundForTests } from "./crew.ts";
import { Nodes } from "./meshes.ts";

const ground = groundForTests();
/** Within so long a dead node is known; milliseconds. */
const KNOWN_MS = 10_000;

type Handle = (message: HandlerMessage, actor: ActorContext) => unknown;
const agent = (role: string, handle: Handle, options: object = {}) =>
  defineAgent({ role, capabilities: [`${role}s`], handle, ...options });
const bodyOf = (message: HandlerMessage) => (message.type === "task" ? null : message.body);

/** Resolves once a node finds so many actors of a role. */
async function found(mesh: Mesh, role: string, count: number): Promise<readonly string[]> {
  for (;;) {
    const actors = await mesh.discover({ role });
    if (actors.length === count) return actors.map(({ address }) => address);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("messages between nodes", () => {
  let nodes: Nodes;
  let near: Mesh;
  let far: Mesh;
  const heard: string[] = [];

  beforeAll(async () => {
    nodes = new Nodes(ground.server);
    const echo = agent("echo", bodyOf);
    const ear = (node: string) =>
      agent("ear", (message, { self }) => {
        heard.push(`${node} ${self} ${JSON.stringify(bodyOf(message))}`);
      });
    const asker = agent("asker", (_, actor) => actor.ask("echo", "from an actor"));
    const failing = agent("failing", () => {
      throw new RangeError("too far");
    });
    const slow = agent(
      "slow",
      () => {
        heard.push("slow");
        return new Promise(() => undefined);
      },
      { mailboxSize: 2 },
    );
    near = await nodes.start([ear("near"), asker]);
    far = await nodes.start([echo, ear("far"), failing, slow]);
    await found(near, "echo", 1);
    await found(far, "asker", 1);
  });
  afterAll(() => nodes[Symbol.asyncDispose]());

  it("reach an actor elsewhere by its role and by its address, with values as they are", async () => {
    const body = { at: new Date(5), big: 3n, set: new Set([1]), nothing: undefined };
    expect(await near.ask("echo", body)).toEqual(body);
    const [{ address } = { address: "" }] = await near.discover({ capability: "echos" });
    expect(address).toMatch(/^echo\./);
    expect(await near.ask(address, 7)).toBe(7);
    expect(await far.ask(address, 8)).toBe(8);
  });

  it("go from actor to actor", async () => {
    expect(await far.ask("asker", null)).toBe("from an actor");
  });

  it("are found under one address on every node", async () => {
    const addresses = async (mesh: Mesh) => (await mesh.discover()).map(({ address }) => address).sort();
    expect(await addresses(near)).toEqual(await addresses(far));
  });

  it("of a broadcast reach the actors of one role on all nodes", async () => {
    const [one, other] = await found(near, "ear", 2);
    const { delivered, refused } = await near.broadcast({ role: "ear" }, "all");
    expect([...delivered].sort()).toEqual([one, other].sort());
    expect(refused).toEqual([]);
    await far.broadcast({ role: "ear" }, "all again");
    await expect
      .poll(() => heard.map((text) => text.split(" ")[0]).sort())
      .toEqual(["far", "far", "near", "near"]);
  });

  it("are answered at once with a handler's error", async () => {
    await expect(near.ask("failing", 1, { timeoutMs: 60_000 })).rejects.toMatchObject({
      code: "HANDLER_FAILED",
      message: expect.stringContaining("RangeError: too far") as string,
    });
  });

  it("are refused at once where nobody has that role or address", async () => {
    await expect(near.ask("nobody", 1)).rejects.toMatchObject({ code: "ACTOR_UNKNOWN" });
    await expect(near.ask("echo.elsewhere", 1)).rejects.toMatchObject({ code: "ACTOR_UNKNOWN" });
    await expect(near.send("echo.elsewhere", 1)).rejects.toMatchObject({ code: "ACTOR_UNKNOWN" });
  });

  it("are refused with the reason where a mailbox elsewhere is full", async () => {
    await near.send("slow", 1);
    await expect.poll(() => heard, { timeout: 15_000 }).toContain("slow");
    // One is in its handler's hands, two wait.
    await near.send("slow", 2);
    await near.send("slow", 3);
    await expect(near.send("slow", 4)).rejects.toMatchObject({ code: "MAILBOX_FULL" });
    const { refused } = await near.broadcast({ role: "slow" }, 5);
    expect(refused).toHaveLength(1);
  });

  it("are refused where they cannot cross", async () => {
    await expect(near.ask("echo", { cb: () => 1 })).rejects.toThrow(/\$\.cb/);
  });

  it("find no actor any more on a node that leaves, at once", async () => {
    const guest = await nodes.start([agent("guest", bodyOf)]);
    const [address = ""] = await found(near, "guest", 1);
    const asked = near.ask("guest", "hello");
    expect(await asked).toBe("hello");
    await guest.stop();
    await found(near, "guest", 0);
    await expect(near.ask(address, 1)).rejects.toMatchObject({ code: "ACTOR_UNKNOWN" });
  });

  it("reach an actor that is spawned later, and none that has stopped", async () => {
    await far.spawn(agent("late", bodyOf));
    await found(near, "late", 1);
    expect(await near.ask("late", 3)).toBe(3);
  });

  it("wait in a durable mailbox while no node has the role, and go to the one that comes", async () => {
    await using others = new Nodes(ground.server);
    const seen: unknown[] = [];
    const clerk = () => agent("clerk", (message) => void seen.push(bodyOf(message)), { mailbox: "durable" });
    const sender = await others.start([agent("sender", () => null)]);
    const first = await others.start([clerk()]);
    await found(sender, "clerk", 1);
    await first.stop();
    await found(sender, "clerk", 0);
    await sender.send("clerk", "for whoever comes");
    expect(seen).toEqual([]);
    await others.start([clerk()]);
    await expect.poll(() => seen, { timeout: 20_000 }).toEqual(["for whoever comes"]);
  });
});

describe("an actor whose node is killed", () => {
  let crew: Crew;
  let killed: NodeProcess;
  let asker: NodeProcess;

  beforeAll(async () => {
    crew = new Crew(ground);
    [asker, killed] = await Promise.all([crew.start("asker"), crew.start("killed", { agents: ["desk"] })]);
  });
  afterAll(() => crew[Symbol.asyncDispose]());

  it("is known to be gone within 10 s: an ask that waits for it fails then and not at its timeout", async () => {
    const discovered = () => asker.call("discover", { role: "desk" });
    await expect.poll(discovered, { timeout: 15_000 }).toHaveLength(1);
    const asked = asker
      .call("ask", "desk", { never: true }, { timeoutMs: 300_000 })
      .catch((error: unknown) => error);
    await crew.seen(({ text }) => text === "never");
    const killedAt = performance.now();
    await killed.kill();
    expect(await asked).toMatchObject({ code: "ACTOR_STOPPED" });
    expect(performance.now() - killedAt).toBeLessThan(KNOWN_MS);
    expect(await discovered()).toEqual([]);
    await expect(asker.call("ask", "desk", 1)).rejects.toMatchObject({ code: "ACTOR_UNKNOWN" });
  });
});
