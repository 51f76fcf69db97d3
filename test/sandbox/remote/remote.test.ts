// Remote runs beyond what the sandbox's own suites ask: finding nodes, losing them, versions, limits, strangers.
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { systemClock, type Clock } from "#src/core/clock";
import { DEFAULT_LIMITS, type ExecuteOptions } from "#src/core/guest";
import { DeliveryError } from "#src/core/errors";
import { defineTool } from "#src/core/tool";
import type { FabricMessage, Messages } from "#src/core/ports";
import { createMemoryFabric } from "#src/fabric/memory/fabric";
import { Exchange } from "#src/sandbox/remote/exchange";
import { SandboxNode, type SandboxNodeOptions } from "#src/sandbox/remote/node";
import { createRemoteSandbox } from "#src/sandbox/remote/remote-sandbox";
import { errorOf, valueOf } from "../outcome.ts";
import { MemoryRecord, story } from "../record.ts";
import { newSubjects } from "./pair.ts";
import { steps } from "./steps.ts";

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

/** Messages that one process sends and hears, until it is cut off: as if it had died. */
function cuttable(messages: Messages): { messages: Messages; cut: () => void; restore: () => void } {
  let isCut = false;
  const hidden = (message: FabricMessage): FabricMessage => ({
    ...message,
    reply: (payload) => {
      if (!isCut) message.reply(payload);
    },
  });
  return {
    cut: () => (isCut = true),
    restore: () => (isCut = false),
    messages: {
      publish: (subject, payload) => {
        if (!isCut) messages.publish(subject, payload);
      },
      subscribe: (subject, handler, options) =>
        messages.subscribe(subject, (message) => (isCut ? undefined : handler(hidden(message))), options),
      request: (subject, payload, options) => messages.request(subject, payload, options),
    },
  };
}

/** A clock on which beats come so much faster. */
const hasty = (times: number): Clock => ({
  ...systemClock,
  setTimeout: (fn: () => void, ms: number) => setTimeout(fn, ms / times),
});

function scene(patienceMs = 2000, clock = systemClock) {
  const fabric = createMemoryFabric();
  const subjects = newSubjects();
  const far = cuttable(fabric.messages);
  const sandbox = createRemoteSandbox({ messages: fabric.messages, subjects, patienceMs, clock });
  open.push(sandbox);
  const start = (options: Partial<SandboxNodeOptions> = {}): SandboxNode => {
    const node = new SandboxNode({
      messages: fabric.messages,
      subjects,
      name: "far",
      isolates: 1,
      clock,
      ...options,
    });
    open.push({ [Symbol.asyncDispose]: () => node.stop({ timeoutMs: 0 }) });
    return node;
  };
  return { fabric, messages: fabric.messages, subjects, far, sandbox, start };
}

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
};

const error = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => value,
    (thrown: unknown) => thrown,
  );

describe("a run that looks for a node", () => {
  it("ends with an error that says how to start one, and never runs here", async () => {
    const { sandbox } = scene(300);
    const thrown = await error(sandbox.execute("result = 1"));
    expect(thrown).toMatchObject({ name: "SandboxError", code: "SANDBOX_REMOTE", retryable: true });
    expect(String(thrown)).toMatch(
      /no sandbox node was there within 0\.3 s.*fettle sandbox.*NATS_URL and FETTLE_MESH/,
    );
  });

  it("waits for one that comes in time", async () => {
    const { sandbox, start } = scene(10_000);
    const run = sandbox.execute("result = 1");
    setTimeout(() => start(), 100);
    expect(valueOf(await run)).toBe(1);
  });

  it("goes to one with room, and ends as busy where there is none in time", async () => {
    const { sandbox, start, subjects, messages } = scene(300);
    const full = start({ name: "full", runs: 1 });
    const controller = new AbortController();
    const long = sandbox.execute("await new Promise((r) => setTimeout(r, 1e6))", {
      signal: controller.signal,
    });
    await until(() => full.stats().running === 1);
    const thrown = await error(sandbox.execute("result = 2"));
    expect(thrown).toMatchObject({ code: "SANDBOX_BUSY", retryable: true });
    expect(String(thrown)).toContain("no sandbox node had room within 0.3 s");
    expect(full.stats().busyAnswers).toBeGreaterThan(1);
    const patient = createRemoteSandbox({ messages, subjects });
    open.push(patient);
    start({ name: "free", runs: 4 });
    expect(valueOf(await patient.execute("result = 3"))).toBe(3);
    controller.abort(new Error("enough"));
    expect(errorOf(await long).failure).toBe("cancelled");
    await until(() => full.stats().running === 0);
  });

  it("does not lose patience over time in which no message gets through, and does over a node that is silent", async () => {
    const { messages, subjects, start } = scene();
    const started = start();
    let isAway = (subject: string): boolean => subject !== "";
    const sandbox = createRemoteSandbox({
      messages: {
        publish: (subject, payload) => messages.publish(subject, payload),
        subscribe: (subject, handler, options) => messages.subscribe(subject, handler, options),
        request: async (subject, payload, options) => {
          if (!isAway(subject)) return messages.request(subject, payload, options);
          await new Promise((resolve) => setTimeout(resolve, 100));
          throw new DeliveryError("ASK_TIMEOUT", "No answer.");
        },
      },
      subjects,
      patienceMs: 200,
    });
    open.push(sandbox);
    const run = sandbox.execute("result = 1");
    setTimeout(() => (isAway = () => false), 900);
    expect(valueOf(await run)).toBe(1);
    isAway = (subject) => subject === subjects.sandbox("run");
    const thrown = await error(sandbox.execute("result = 1"));
    expect(thrown).toMatchObject({ code: "SANDBOX_REMOTE", retryable: true });
    expect(String(thrown)).toContain("no sandbox node answered within 0.2 s");
    expect(started.stats().taken).toBe(1);
  });

  it("that is cancelled stops looking at once", async () => {
    const { sandbox } = scene(60_000);
    const controller = new AbortController();
    const run = sandbox.execute("result = 1", { signal: controller.signal });
    setTimeout(() => controller.abort(new Error("enough")), 20);
    expect(errorOf(await run)).toMatchObject({ failure: "cancelled" });
  });

  it("is refused beyond the node's own limits, with the limit's name, and at once", async () => {
    const { sandbox, start } = scene(60_000);
    start({ maximum: { memoryBytes: 2 ** 25 } });
    const thrown = await error(sandbox.execute("result = 1"));
    expect(thrown).toMatchObject({ code: "SANDBOX_REMOTE", retryable: false });
    expect(String(thrown)).toMatch(
      /node "far" refused the run: limits\.memoryBytes is 67108864, and 33554432 is the most/,
    );
    expect(valueOf(await sandbox.execute("result = 1", { limits: { memoryBytes: 2 ** 24 } }))).toBe(1);
  });
});

describe("a node", () => {
  it("answers an offer of another version clearly, and the caller looks for one that can", async () => {
    const { sandbox, start, messages, subjects } = scene(400);
    start();
    const offer = JSON.stringify({ v: 2, caller: "c", run: 1, limits: {} });
    const answer = await messages.request(subjects.sandbox("run"), offer, { timeoutMs: 1000 });
    expect(JSON.parse(answer)).toMatchObject({
      type: "version",
      name: "far",
      message: expect.stringContaining("version 1") as string,
    });
    const elsewhere = newSubjects();
    messages.subscribe(elsewhere.sandbox("run"), (message) => message.reply(answer));
    const lone = createRemoteSandbox({ messages, subjects: elsewhere, patienceMs: 300 });
    open.push(lone);
    const thrown = await error(lone.execute("result = 1"));
    expect(thrown).toMatchObject({ code: "SANDBOX_REMOTE" });
    expect(String(thrown)).toMatch(/node "far" speaks another version.*update the older/);
    expect(valueOf(await sandbox.execute("result = 1"))).toBe(1);
  });

  it("takes an offer and a start with fields of a later version that it does not know", async () => {
    const { start, messages, subjects } = scene();
    const node = start();
    const told: string[] = [];
    messages.subscribe(subjects.sandbox("caller.c"), ({ payload }) => void told.push(payload));
    const offer = { v: 1, caller: "c", run: 1, limits: { ...DEFAULT_LIMITS, sparkle: 7 }, colour: "red" };
    const answer = JSON.parse(
      await messages.request(subjects.sandbox("run"), JSON.stringify(offer), { timeoutMs: 1000 }),
    ) as { readonly node: string };
    const head = { v: 1, type: "part", from: "c", run: 1, sequence: 1, has: 0, hue: 3 };
    const body = { type: "start", code: "result = 42", context: "", tools: [], seed: 1, at: 0, shine: true };
    messages.publish(
      subjects.sandbox(`node.${answer.node}`),
      `${JSON.stringify(head)}\n${JSON.stringify(body)}`,
    );
    await until(() => told.some((text) => text.includes('"type":"end"')));
    expect(told.join("\n")).toContain('{"type":"value","text":"42"}');
    expect(node.stats().running).toBe(0);
  });

  it.each([
    ["no JSON", "{", "not JSON"],
    ["null", "null", "not as it must be"],
    ["no caller", JSON.stringify({ v: 1, run: 1, limits: {} }), "caller"],
    ["a caller that is no name", JSON.stringify({ v: 1, caller: "a.>", run: 1, limits: {} }), "caller"],
    [
      "no limits",
      JSON.stringify({ v: 1, caller: "c", run: 1, limits: {} }),
      "does not say these limits: cpuMs",
    ],
    [
      "a limit out of its range",
      JSON.stringify({ v: 1, caller: "c", run: 1, limits: { ...DEFAULT_LIMITS, cpuMs: -1 } }),
      "The limit cpuMs is -1",
    ],
  ])("refuses an offer with %s, and says why", async (_, payload, why) => {
    const { start, messages, subjects } = scene();
    const node = start();
    const answer = await messages.request(subjects.sandbox("run"), payload, { timeoutMs: 1000 });
    expect(JSON.parse(answer)).toMatchObject({
      type: "refused",
      message: expect.stringContaining(why) as string,
    });
    expect(node.stats()).toMatchObject({ refused: 1, running: 0 });
  });

  it.each([
    ["no JSON", "{"],
    ["an unknown message", '{"type":"eval"}'],
    ["a tool that is no name", start({ tools: ["a b"] })],
    ["a seed that is no seed", start({ seed: -1 })],
    ["a failed return that is none", '{"type":"return","call":0,"at":0,"ok":false,"text":"x"}'],
  ])("gives up a run whose caller sends %s, and goes on with the others", async (_, body) => {
    const { start: startNode, messages, subjects, sandbox } = scene();
    const node = startNode();
    const told: string[] = [];
    messages.subscribe(subjects.sandbox("caller.c"), ({ payload }) => void told.push(payload));
    const taken = await offerTo(messages, subjects.sandbox("run"));
    messages.publish(subjects.sandbox(`node.${taken}`), part(1, body));
    await until(() => told.length > 0);
    expect(told[0]).toContain("what the caller sent is not of the protocol");
    expect(node.stats().running).toBe(0);
    messages.publish(subjects.sandbox(`node.${taken}`), "\n\n");
    messages.publish(subjects.sandbox(`node.${taken}`), '{"v":1,"type":"beat","from":"c","runs":[[1,-5]]}');
    expect(valueOf(await sandbox.execute("result = 1"))).toBe(1);
  });

  it("ends a start that grows beyond its limits before it is put together", async () => {
    const { start: startNode, messages, subjects } = scene();
    const node = startNode();
    const told: string[] = [];
    messages.subscribe(subjects.sandbox("caller.c"), ({ payload }) => void told.push(payload));
    const taken = await offerTo(messages, subjects.sandbox("run"), {
      codeBytes: 10,
      contextBytes: 10,
      toolBytes: 10,
    });
    const chunk = "x".repeat(100_000);
    for (let sequence = 1; sequence <= 8; sequence += 1) {
      messages.publish(subjects.sandbox(`node.${taken}`), part(sequence, chunk, true));
    }
    await until(() => told.length > 0);
    expect(told[0]).toContain("larger than the run's limits allow");
    await until(() => node.stats().running === 0);
  });

  it("holds the code and the context to their limits itself", async () => {
    const { start: startNode, messages, subjects } = scene();
    startNode();
    const told: string[] = [];
    messages.subscribe(subjects.sandbox("caller.c"), ({ payload }) => void told.push(payload));
    const taken = await offerTo(messages, subjects.sandbox("run"), { codeBytes: 10 });
    messages.publish(subjects.sandbox(`node.${taken}`), part(1, start({ code: "result = 12345678" })));
    await until(() => told.length > 0);
    expect(told[0]).toContain('"limit":"codeBytes"');
  });

  it("stops a run at its wall time though the caller does not", async () => {
    const { start: startNode, messages, subjects } = scene();
    const node = startNode();
    const told: string[] = [];
    messages.subscribe(subjects.sandbox("caller.c"), ({ payload }) => void told.push(payload));
    const taken = await offerTo(messages, subjects.sandbox("run"), { timeoutMs: 50 });
    const code = "await new Promise((r) => setTimeout(r, 1e6))";
    messages.publish(subjects.sandbox(`node.${taken}`), part(1, start({ code })));
    await until(() => told.some((text) => text.includes('"limit":"timeoutMs"')));
    expect(node.stats().running).toBe(0);
  });

  it("ends the guest of a caller of which nothing is heard", async () => {
    const { start: startNode, messages, subjects } = scene();
    const node = startNode({ clock: hasty(5) });
    const taken = await offerTo(messages, subjects.sandbox("run"));
    const code = "await new Promise((r) => setTimeout(r, 1e6))";
    messages.publish(subjects.sandbox(`node.${taken}`), part(1, start({ code })));
    await until(() => node.stats().waiting === 1);
    await until(() => node.stats().running === 0);
    expect(node.stats().waiting).toBe(0);
  });

  it("gives up a run that was offered by a caller which knows nothing of it any more", async () => {
    const { start: startNode, messages, subjects } = scene(2000, hasty(10));
    const node = startNode();
    const sandbox = new Exchange({
      messages,
      clock: systemClock,
      id: "c",
      here: subjects.sandbox("caller.c"),
      there: (id) => subjects.sandbox(`node.${id}`),
    });
    await offerTo(messages, subjects.sandbox("run"));
    expect(node.stats().running).toBe(1);
    const told: string[] = [];
    messages.subscribe(subjects.sandbox("node.*"), ({ payload }) => void told.push(payload));
    await until(() => node.stats().running === 0);
    expect(told).toHaveLength(2);
    sandbox.close("the test is over");
  });

  it("that stops lets runs in hand end, and takes no more", async () => {
    const { start: startNode, sandbox } = scene(300);
    const node = startNode();
    const run = sandbox.execute("await new Promise((r) => setTimeout(r, 150)); result = 'done'");
    await until(() => node.stats().running === 1);
    const stopped = node.stop();
    expect(await error(sandbox.execute("result = 1"))).toMatchObject({
      code: expect.stringMatching(/SANDBOX_(BUSY|REMOTE)/) as string,
    });
    expect(valueOf(await run)).toBe("done");
    await stopped;
  });

  it("that must stop gives back what has not ended, which goes on elsewhere or says so", async () => {
    const { start: startNode, sandbox } = scene(10_000);
    const node = startNode({ name: "first" });
    const loud = error(sandbox.execute("console.log(1); await new Promise((r) => setTimeout(r, 1e6))"));
    await until(() => node.stats().waiting === 1);
    // Long enough to be seen as it waits, also where the machine is busy.
    const quiet = sandbox.execute("await new Promise((r) => setTimeout(r, 1000)); result = 'done'");
    await until(() => node.stats().waiting === 2);
    startNode({ name: "second" });
    await node.stop({ timeoutMs: 0 });
    expect(valueOf(await quiet)).toBe("done");
    const thrown = await loud;
    expect(thrown).toMatchObject({ code: "SANDBOX_FAILED", retryable: true });
    expect(String(thrown)).toMatch(/node "first" was lost: the node "first" was stopped.*not run again/);
  });
});

describe("a node that dies", () => {
  const slow = (started: () => void) =>
    defineTool({
      description: "Takes its time.",
      input: z.number(),
      execute: async (input, { signal }) => {
        started();
        if (input === 2) await new Promise((resolve) => signal.addEventListener("abort", resolve));
        return input * 10;
      },
    });

  it("takes down a run that is not recorded and has called tools: that is an error", async () => {
    const { sandbox, start: startNode, far } = scene(10_000, hasty(10));
    startNode({ messages: far.messages });
    let called = 0;
    const run = error(
      sandbox.execute("result = [await tools.slow(1), await tools.slow(2)]", {
        tools: { slow: slow(() => (called += 1)) },
      }),
    );
    await until(() => called === 2);
    far.cut();
    const thrown = await run;
    expect(thrown).toMatchObject({ code: "SANDBOX_FAILED", retryable: true });
    expect(String(thrown)).toMatch(/node "far" was lost: nothing was heard of it for 5 s.*not recorded/);
    expect(called).toBe(2);
  });

  it("does not take down one that is recorded: it goes on elsewhere and no call is made twice", async () => {
    const { sandbox, start: startNode, far } = scene(60_000, hasty(10));
    startNode({ messages: far.messages, name: "first" });
    const { made, step, second, release } = steps();
    const record = new MemoryRecord();
    const options: ExecuteOptions = {
      tools: { step },
      record,
      runId: "r",
      entropy: { seed: 1, startedAt: 0 },
    };
    const run = sandbox.execute(
      "const seen = []; for (const n of [1, 2, 3]) seen.push(await tools.step(n)); result = [seen, Math.random()]",
      options,
    );
    await second();
    far.cut();
    const other = startNode({ name: "second" });
    await until(() => other.stats().taken === 1);
    release();
    expect(valueOf(await run)).toEqual([[10, 20, 30], expect.any(Number)]);
    expect(made).toEqual([1, 2, 3]);
    expect(story(record.kept)).toEqual([
      "0 called",
      "0 returned",
      "1 called",
      "1 returned",
      "2 called",
      "2 returned",
    ]);
  });

  it("is missed by no run where the connection was away for less than 5 s: what was lost is sent again", async () => {
    const { sandbox, start: startNode, far } = scene(2000, hasty(5));
    const node = startNode({ messages: far.messages });
    let answer: (value: string) => void = () => undefined;
    let called = 0;
    const wait = defineTool({
      description: "Waits.",
      input: z.unknown(),
      execute: () => {
        called += 1;
        return new Promise<string>((resolve) => (answer = resolve));
      },
    });
    const run = sandbox.execute("result = await tools.wait()", { tools: { wait } });
    await until(() => called === 1);
    far.cut();
    answer("kept");
    await new Promise((resolve) => setTimeout(resolve, 300));
    far.restore();
    expect(valueOf(await run)).toBe("kept");
    expect(called).toBe(1);
    expect(node.stats().taken).toBe(1);
  });
});

describe("a large value", () => {
  it("goes both ways in parts", async () => {
    const { sandbox, start: startNode } = scene();
    startNode();
    const text = 'ä😀\u0000"\\'.repeat(300_000);
    const echo = defineTool({
      description: "Gives back.",
      input: z.string(),
      execute: (input) => input,
    });
    const limits = { toolBytes: 8e6, resultBytes: 8e6 };
    const code = "result = await tools.echo(context) === context ? context : 'different'";
    expect(valueOf(await sandbox.execute(code, { context: text, tools: { echo }, limits }))).toBe(text);
  });
});

function start(fields: object): string {
  return JSON.stringify({
    type: "start",
    code: "result = 1",
    context: "",
    tools: [],
    seed: 1,
    at: 0,
    ...fields,
  });
}

function part(sequence: number, body: string, more = false): string {
  return `${JSON.stringify({ v: 1, type: "part", from: "c", run: 1, sequence, has: 0, more })}\n${body}`;
}

/** Offers run 1 of the caller "c"; gives the id of the node that took it. */
async function offerTo(messages: Messages, subject: string, limits: object = {}): Promise<string> {
  const offer = { v: 1, caller: "c", run: 1, limits: { ...DEFAULT_LIMITS, ...limits } };
  const answer = await messages.request(subject, JSON.stringify(offer), { timeoutMs: 1000 });
  return (JSON.parse(answer) as { readonly node: string }).node;
}
