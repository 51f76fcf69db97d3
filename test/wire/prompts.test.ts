// The Synadia Agent Protocol: agents that its clients find, prompt and know to be alive.
import type { Msg } from "nats";
import { afterAll, describe, expect, it } from "vitest";
import { defineAgent } from "fettle";
import { createSandbox } from "fettle/sandbox";
import { TestClock } from "fettle/testing";
import { silentLog } from "#src/core/log";
import { startNatsServer } from "../harness/nats-server.ts";
import { defer } from "#src/core/deferred";
import { serverForTests } from "../fabric/nats/mesh-server.ts";
import { openDesk, type Desk } from "./desk.ts";
import { discover, endpointOf, promptAt, type PromptOptions } from "./prompt-client.ts";

const sandbox = createSandbox();
afterAll(() => sandbox.close());
const server = serverForTests();

const calculator = defineAgent({ role: "calculator", capabilities: ["math"], systemPrompt: "Compute." });
const echo = defineAgent({
  role: "echo",
  capabilities: ["repeat", "letters"],
  handle: (message) => (message.type === "task" ? message.task : null),
});
const fenced = (code: string) => `\`\`\`js\n${code}\n\`\`\``;

/** An agent whose tasks end when they are cancelled. */
function slowAgent() {
  const { promise: begun, resolve: begin } = defer<undefined>();
  const slow = defineAgent({
    role: "slow",
    capabilities: ["waiting"],
    handle: (_, { signal }) => {
      begin(undefined);
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(new Error("stopped")), { once: true }),
      );
    },
  });
  return { slow, begun };
}

async function prompt(desk: Desk, payload: string | Uint8Array, options: PromptOptions = {}) {
  const [agent] = await discover(desk.client, desk.name);
  if (agent === undefined) throw new Error("no agent was found");
  return promptAt(desk.client, endpointOf(agent, "prompt").subject, payload, options);
}

describe("an agent of the protocol", () => {
  it("is found by discovery, with all that its callers need", async () => {
    await using desk = await openDesk(server.get(), [echo]);
    const [agent] = await discover(desk.client, desk.name);
    expect(agent).toMatchObject({
      name: "agents",
      version: "0.0.0",
      metadata: { agent: "fettle", owner: desk.name, protocol_version: "0.3", role: "echo", node: "test" },
    });
    const max = { max_payload: "1016KB", attachments_ok: "true" };
    expect(agent?.endpoints).toMatchObject([
      {
        name: "prompt",
        subject: `agents.prompt.fettle.${desk.name}.echo`,
        queue_group: "agents",
        metadata: max,
      },
      { name: "status", subject: `agents.status.fettle.${desk.name}.echo`, queue_group: "agents" },
    ]);
    const ping = await desk.client.request(`$SRV.PING.agents.${agent?.id ?? ""}`);
    expect(ping.json()).toMatchObject({ id: agent?.id });
  });

  it("shows that it is alive as soon as it is there, and when it is asked", async () => {
    await using desk = await openDesk(server.get(), []);
    const beats = desk.client.subscribe(`agents.hb.*.${desk.name}.*`);
    await desk.client.flush();
    await desk.mesh.spawn(echo);
    const [agent] = await discover(desk.client, desk.name);
    for await (const beat of beats) {
      expect(beat.subject).toBe(`agents.hb.fettle.${desk.name}.echo`);
      const alive = { agent: "fettle", owner: desk.name, instance_id: agent?.id, interval_s: 10 };
      expect(beat.json()).toMatchObject(alive);
      const status = await desk.client.request(`agents.status.fettle.${desk.name}.echo`, "whatever");
      expect(status.json()).toMatchObject(alive);
      break;
    }
  });

  it("shows it again and again, and what a long task is at", async () => {
    const clock = new TestClock();
    const { slow, begun } = slowAgent();
    await using desk = await openDesk(server.get(), [], { clock });
    const beats = desk.client.subscribe(`agents.hb.fettle.${desk.name}.slow`)[Symbol.asyncIterator]();
    await desk.client.flush();
    const nextBeat = async () => {
      const { value } = (await beats.next()) as { value: Msg };
      return value.json<Record<string, unknown>>()["ts"];
    };
    await desk.mesh.spawn(slow);
    expect(await nextBeat()).toBe("2026-01-01T00:00:00.000Z");
    clock.advance(10_000);
    expect(await nextBeat()).toBe("2026-01-01T00:00:10.000Z");

    const { promise: reminded, resolve } = defer<undefined>();
    const seen: unknown[] = [];
    const answer = prompt(desk, "wait", {
      headers: { "Fettle-Task-Id": "long" },
      onChunk: ({ data }) => {
        if (data === "handling" && seen.includes(data)) resolve(undefined);
        seen.push(data);
      },
    });
    await begun;
    clock.advance(15_000);
    await reminded;
    await desk.mesh.cancel("long");
    expect((await answer).error).toMatchObject({ code: 500, body: { error: "task_cancelled" } });
  });

  it("that the server does not permit says so once, and does its other work", async () => {
    const { promise: told, resolve: tell } = defer<undefined>();
    let refused = 0;
    const error = (_: unknown, message: string) => {
      if (message === "NATS refused something") refused += 1;
      if (message === "a service for clients has stopped") tell(undefined);
    };
    const config = `no_auth_user: node
      authorization { users: [{ user: node, password: x, permissions: {
        publish: { deny: "agents.>" }, subscribe: { deny: "agents.>" } } }] }`;
    await using strict = await startNatsServer({ config });
    const clock = new TestClock();
    await using desk = await openDesk(strict, [echo], { clock, log: { ...silentLog, error } });
    await told;
    expect((await desk.ask("echo", "x")).headers?.get("Fettle-Status")).toBe("success");
    const before = refused;
    clock.advance(60_000);
    await desk.ask("echo", "y");
    expect(refused).toBe(before);
  });

  it("is gone when its mesh stops", async () => {
    await using desk = await openDesk(server.get(), [echo]);
    await desk.mesh.stop();
    const subject = `agents.prompt.fettle.${desk.name}.echo`;
    await expect(desk.client.request(subject, "x")).rejects.toMatchObject({ code: "503" });
  });
});

describe("a prompt", () => {
  it("of plain text or in an envelope is acknowledged, done and ended", async () => {
    await using desk = await openDesk(server.get(), [echo]);
    for (const payload of ["hello", '  {"prompt": "hello", "session": "s", "attachments": []}']) {
      const answer = await prompt(desk, payload);
      expect(answer).toMatchObject({ error: null, text: "hello" });
      expect(answer.chunks.at(-1)).toEqual({ type: "response", data: "hello" });
    }
  });

  it("shows a repair while it is made, and gives the result alone as its response", async () => {
    const model = [fenced("result = missing"), fenced("result = { sum: 6 * 7 }")];
    await using desk = await openDesk(server.get(), [calculator], { model, sandbox });
    const answer = await prompt(desk, "6 * 7?");
    expect(answer.statuses.filter((status) => /ing$/.test(status))).toEqual(
      expect.arrayContaining(["generating", "executing", "repairing"]),
    );
    expect(answer.statuses.indexOf("repairing")).toBeGreaterThan(answer.statuses.indexOf("executing"));
    expect(JSON.parse(answer.text)).toEqual({ sum: 42 });
  });

  it("streams Fettle's own events to a caller that wants them", async () => {
    const model = [fenced("console.log('counting'); result = 2")];
    await using desk = await openDesk(server.get(), [calculator], { model, sandbox });
    const answer = await prompt(desk, "Two", { headers: { "Fettle-Stream": "events" } });
    const events = answer.chunks.filter(({ type }) => type === "fettle.event").map(({ data }) => data);
    expect(events).toContainEqual(
      expect.objectContaining({
        v: 1,
        type: "console",
        entry: expect.objectContaining({ text: "counting" }) as unknown,
      }),
    );
    expect(events).toContainEqual(expect.objectContaining({ type: "code" }));
    expect(answer.text).toBe("2");
  });

  it("with an id is done once", async () => {
    const model = [fenced("result = 'done'")];
    await using desk = await openDesk(server.get(), [calculator], { model, sandbox });
    const given = { headers: { "Fettle-Task-Id": "once" } };
    const [one, two] = [await prompt(desk, "Do", given), await prompt(desk, "Do", given)];
    expect([one.text, two.text]).toEqual(["done", "done"]);
    expect(two.first?.get("Fettle-Task-Id")).toBe("once");
    expect((await prompt(desk, "Do something else", given)).error).toMatchObject({
      code: 409,
      body: { error: "task_invalid", task_id: "once" },
    });
  });

  it("may have files, which are the task's data", async () => {
    const model = [
      fenced(
        "const [sums, photo] = context.attachments;\n" +
          "result = [sums.filename, sums.content.split('\\n').map(Number), photo.content[0], photo.content.length]",
      ),
    ];
    await using desk = await openDesk(server.get(), [calculator], { model, sandbox });
    const attachments = [
      { filename: "sums.csv", content: Buffer.from("1\n2\n3").toString("base64"), type: "text/csv" },
      { filename: "photo.png", content: Buffer.from([0x89, 0x50, 0x4e, 0x47, 0]).toString("base64") },
    ];
    const answer = await prompt(desk, JSON.stringify({ prompt: "What is in them?", attachments }));
    expect(JSON.parse(answer.text)).toEqual(["sums.csv", [1, 2, 3], 0x89, 5]);
  });

  it("may be answered by more than one message holds", async () => {
    const text = `${"😀\n\u0001".repeat(300_000)}end`;
    const big = defineAgent({ role: "big", capabilities: ["size"], handle: () => text });
    await using desk = await openDesk(server.get(), [big]);
    const answer = await prompt(desk, "much");
    expect(answer.text === text).toBe(true);
    expect(answer.chunks.length).toBeGreaterThan(10);
  });
});

describe("an approval", () => {
  const careful = defineAgent({
    role: "careful",
    capabilities: ["care"],
    systemPrompt: "Compute.",
    approval: "code",
  });

  it("is asked of whoever sent the prompt, who allows it", async () => {
    await using desk = await openDesk(server.get(), [careful], {
      model: [fenced("result = 'ran'")],
      sandbox,
    });
    const asked: string[] = [];
    const onQuery = (text: string): string => {
      asked.push(text);
      return asked.length === 1 ? "hmm?" : '{"prompt": "Yes, go on"}';
    };
    const answer = await prompt(desk, "Run", { onQuery, headers: { "Fettle-Task-Id": "care" } });
    expect(answer).toMatchObject({ error: null, text: "ran" });
    expect(asked).toHaveLength(2);
    expect(asked[0]).toMatch(/"careful" asks to run this code:\n\nresult = 'ran'/);
    expect(asked[1]).toMatch(/^That was neither yes nor no/);
    expect(answer.statuses).toContain("awaitingApproval");
  });

  it("that is refused goes back to the model with the reason", async () => {
    const requests: string[] = [];
    const model = (request: unknown) => {
      requests.push(JSON.stringify(request));
      return fenced(requests.length === 1 ? "result = 'first'" : "result = 'second'");
    };
    await using desk = await openDesk(server.get(), [careful], { model, sandbox });
    const onQuery = (text: string) => (text.includes("first") ? "no: not like this" : "yes");
    const answer = await prompt(desk, "Run", { onQuery });
    expect(answer).toMatchObject({ error: null, text: "second" });
    expect(requests[1]).toContain("not like this");
  });

  it("can be given by others, and asked for again by a prompt with the same id", async () => {
    await using desk = await openDesk(server.get(), [careful], {
      model: [fenced("result = 'ran'")],
      sandbox,
    });
    const given = { headers: { "Fettle-Task-Id": "shared" } };
    const first = prompt(desk, "Run", {
      ...given,
      onQuery: async () => {
        const second = prompt(desk, "Run", { ...given, onQuery: () => "yes" });
        expect((await second).text).toBe("ran");
        return "no";
      },
    });
    expect((await first).text).toBe("ran");
  });
});

describe("a prompt that cannot be done", () => {
  it("is refused by the protocol's numbers, and the answer ends", async () => {
    await using desk = await openDesk(server.get(), [echo]);
    const cases: readonly [payload: string | Uint8Array, given: Record<string, string>, why: RegExp][] = [
      ["", {}, /empty/],
      [" \n", {}, /empty/],
      ['{"prompt": ', {}, /begins like JSON/],
      ['{"text": "x"}', {}, /prompt: /],
      ['{"prompt": 7}', {}, /prompt: /],
      ['{"prompt": ""}', {}, /empty/],
      ['{"prompt": "x", "attachments": "none"}', {}, /attachments: /],
      ['{"prompt": "x", "attachments": [{"filename": "a.txt"}]}', {}, /attachments\.0\.content: /],
      [
        '{"prompt": "x", "attachments": [{"filename": "a.txt", "content": "YQ"}]}',
        {},
        /"a.txt" is no base64/,
      ],
      ['{"prompt": "x", "attachments": [{"filename": "../a", "content": ""}]}', {}, /without folders/],
      [Uint8Array.of(0xff, 0xfe, 0x00), {}, /UTF-8/],
      ["x".repeat(1_041_000), {}, /larger than this agent takes/],
      ["x", { "Fettle-Task-Id": "no/name" }, /Fettle-Task-Id/],
    ];
    for (const [payload, given, why] of cases) {
      const { error, chunks } = await prompt(desk, payload, { headers: given });
      expect([payload.slice(0, 80), error?.code, chunks]).toEqual([payload.slice(0, 80), 400, []]);
      expect(error?.description).toMatch(why);
    }
    expect((await prompt(desk, "[1, 2]")).text).toBe("[1, 2]");
  });

  it("because its task fails is told so after the acknowledgement", async () => {
    const model = [fenced("missing()"), fenced("missing()")];
    await using desk = await openDesk(server.get(), [calculator], { model, sandbox, maxRepairs: 1 });
    const { error, statuses } = await prompt(desk, "Fail");
    expect(statuses).toContain("repairing");
    expect(error).toMatchObject({
      code: 500,
      description: expect.stringMatching(/missing/) as string,
      body: { error: "task_failed", category: "runtime", name: "ReferenceError", repairs: 1 },
    });
  });

  it("because its node stops is told that nothing is lost", async () => {
    const { slow, begun } = slowAgent();
    await using desk = await openDesk(server.get(), [slow]);
    const answer = prompt(desk, "wait", { headers: { "Fettle-Task-Id": "left" } });
    await begun;
    await desk.mesh.stop({ mode: "suspend" });
    expect((await answer).error).toMatchObject({
      code: 409,
      description: expect.stringMatching(/Nothing is lost/) as string,
      body: { error: "mesh_state", task_id: "left" },
    });
  });

  it("in time is told so, and its task is cancelled", async () => {
    const { slow, begun } = slowAgent();
    await using desk = await openDesk(server.get(), [slow]);
    const answer = prompt(desk, "wait", { headers: { "Fettle-Task-Id": "late", "Fettle-Deadline": "+300" } });
    await begun;
    expect((await answer).error).toMatchObject({
      code: 409,
      body: { error: "ask_timeout", task_id: "late" },
    });
    const { status } = await desk.mesh.execute("slow", { id: "late", task: "wait" });
    expect(status).toBe("cancelled");
  });

  it("cannot have its answer sent to where servers or meshes act on it", async () => {
    await using desk = await openDesk(server.get(), [echo]);
    const jsm = await desk.client.jetstreamManager();
    const stream = `kept-${desk.name}`;
    await jsm.streams.add({ name: stream, subjects: [`kept.${desk.name}`] });
    const subject = `agents.prompt.fettle.${desk.name}.echo`;
    for (const reply of [`$JS.API.STREAM.DELETE.${stream}`, `fettle.${desk.name}.task.echo`, subject])
      desk.client.publish(subject, "x", { reply });
    expect((await promptAt(desk.client, subject, "after")).text).toBe("after");
    expect((await jsm.streams.info(stream)).config.name).toBe(stream);
    const stats = await desk.client.request(`$SRV.STATS.fettle-${desk.name}-echo`);
    expect(stats.json()).toMatchObject({ endpoints: [{ num_requests: 0 }, {}, {}] });
    await jsm.streams.delete(stream);
  });
});
