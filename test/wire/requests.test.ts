// Requests of a plain client: the npm package `nats` alone on its side, a real server between.
import { createInbox, type Msg } from "nats";
import { afterAll, describe, expect, it } from "vitest";
import { defineAgent } from "fettle";
import { createSandbox } from "fettle/sandbox";
import { serverForTests } from "../fabric/nats/mesh-server.ts";
import { errorCode, headersOf, jsonOf, openDesk, type Desk } from "./desk.ts";

const sandbox = createSandbox();
afterAll(() => sandbox.close());
const server = serverForTests();

const calculator = defineAgent({ role: "calculator", capabilities: ["math"], systemPrompt: "Compute." });
const fenced = (code: string) => `\`\`\`js\n${code}\n\`\`\``;
const FACTORIAL = fenced("result = [...Array(10).keys()].reduce((p, i) => p * (i + 1), 1)");

/** An agent whose tasks end when the test says so. */
function slowAgent(options: { readonly concurrency?: number; readonly mailboxSize?: number } = {}) {
  const waiting: ((value: unknown) => void)[] = [];
  let told: () => void = () => undefined;
  const agent = defineAgent({
    role: "slow",
    capabilities: ["waiting"],
    ...options,
    handle: (_, { signal }) =>
      new Promise((resolve, reject) => {
        waiting.push(resolve);
        signal.addEventListener("abort", () => reject(new Error("stopped")), { once: true });
        told();
      }),
  });
  const begun = async (count: number) => {
    while (waiting.length < count) await new Promise<void>((resolve) => (told = resolve));
  };
  return { agent, waiting, begun };
}

/** All messages of an answer that comes in several. */
async function stream(desk: Desk, role: string, payload: string, given: Record<string, string> = {}) {
  const inbox = createInbox();
  const messages: Msg[] = [];
  const ended = (async () => {
    for await (const message of desk.client.subscribe(inbox)) {
      messages.push(message);
      if (message.headers?.get("Fettle-Event") === "") return;
    }
  })();
  desk.client.publish(`fettle.${desk.name}.task.${role}`, payload, {
    reply: inbox,
    headers: headersOf({ "Fettle-Stream": "events", ...given }),
  });
  await ended;
  return messages;
}

describe("a request", () => {
  it("of plain text is answered with the task's result", async () => {
    await using desk = await openDesk(server.get(), [calculator], { model: [FACTORIAL], sandbox });
    const answer = await desk.ask("calculator", "Calculate the factorial of 10");
    expect(errorCode(answer)).toBeNull();
    expect(answer.headers?.get("Fettle-Status")).toBe("success");
    const result = jsonOf(answer);
    expect(result).toMatchObject({
      status: "success",
      output: 3628800,
      role: "calculator",
      repairs: 0,
      error: null,
    });
    expect(answer.headers?.get("Fettle-Task-Id")).toBe(result["taskId"]);
  });

  it("as JSON may give an id, data and a profile, and what this version does not know is passed over", async () => {
    const model = [fenced("result = context.numbers.length")];
    await using desk = await openDesk(server.get(), [calculator], { model, sandbox });
    const request = { task: "Count", id: "count-1", context: { numbers: [1, 2, 3] }, v: 7, colour: "red" };
    const answer = await desk.ask("calculator", JSON.stringify(request));
    expect(jsonOf(answer)).toMatchObject({ status: "success", output: 3, taskId: "count-1" });
    // The same id again: the same result, and nothing is done.
    expect(jsonOf(await desk.ask("calculator", JSON.stringify(request)))).toMatchObject({ output: 3 });
    const other = await desk.ask("calculator", JSON.stringify({ ...request, task: "Count again" }));
    expect(errorCode(other)).toBe(409);
  });

  it("may ask for a capability", async () => {
    await using desk = await openDesk(server.get(), [calculator], { model: [fenced("result = 1")], sandbox });
    const answer = await desk.client.request(`fettle.${desk.name}.capability.math`, "One", {
      timeout: 20_000,
    });
    expect(jsonOf(answer)).toMatchObject({ role: "calculator", output: 1 });
  });

  it("whose task fails has a normal answer that says so", async () => {
    const model = Array.from({ length: 2 }, () => fenced("missing()"));
    await using desk = await openDesk(server.get(), [calculator], { model, sandbox, maxRepairs: 1 });
    const answer = await desk.ask("calculator", "Fail");
    expect(errorCode(answer)).toBeNull();
    expect(answer.headers?.get("Fettle-Status")).toBe("failure");
    expect(jsonOf(answer)).toMatchObject({
      status: "failure",
      error: { name: "ReferenceError", category: "runtime" },
    });
  });

  it("gets what JSON cannot say in a readable form, and the exact value beside it", async () => {
    const model = [fenced("result = new Map([['big', 10n ** 20n]])")];
    await using desk = await openDesk(server.get(), [calculator], { model, sandbox });
    const result = jsonOf(await desk.ask("calculator", "A map"));
    expect(result["output"]).toEqual({ big: "100000000000000000000" });
    expect(result["outputExact"]).toEqual(expect.any(String));
  });

  it("gets the task's events as they come, and the result last", async () => {
    const model = [fenced("console.log('counting'); result = 2")];
    await using desk = await openDesk(server.get(), [calculator], { model, sandbox });
    const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const messages = await stream(desk, "calculator", "Two", { traceparent: trace, "Fettle-Task-Id": "two" });
    const types = messages.map((message) => message.headers?.get("Fettle-Event"));
    expect(types.slice(0, -1)).toEqual(expect.arrayContaining(["state", "code", "console"]));
    expect(types.at(-1)).toBe("");
    for (const message of messages.slice(0, -1)) {
      expect(jsonOf(message)).toMatchObject({ v: 1, taskId: "two", role: "calculator", node: "test", trace });
    }
    const last = messages.at(-1);
    expect(last?.headers?.get("Fettle-Status")).toBe("success");
    expect(last?.headers?.get("traceparent")).toBe(trace);
    expect(last === undefined ? null : jsonOf(last)).toMatchObject({ output: 2, taskId: "two" });
  });
});

describe("a request that cannot be done", () => {
  it("is answered with a service's error that says why", async () => {
    await using desk = await openDesk(server.get(), [calculator], { model: [], sandbox });
    const cases: readonly [
      payload: string | Uint8Array,
      given: Record<string, string>,
      code: number,
      why: RegExp,
    ][] = [
      ["", {}, 400, /empty/],
      ["   ", {}, 400, /empty/],
      ['{"task": ', {}, 400, /begins like JSON/],
      ["[1, 2]", {}, 400, /expected object/],
      ['{"context": {}}', {}, 400, /task: /],
      ['{"task": "x", "context": [1]}', {}, 400, /context/],
      ['{"task": "x", "id": "not a name"}', {}, 400, /id/],
      ['{"task": "x", "profile": "wizard"}', {}, 400, /profile/],
      ['{"task": "x", "budget": {"tokens": -1}}', {}, 400, /budget/],
      [Uint8Array.of(0xff, 0xfe, 0x00), {}, 400, /UTF-8/],
      ["x", { "Fettle-Task-Id": "no/name" }, 400, /Fettle-Task-Id/],
      ['{"task": "x", "id": "a"}', { "Fettle-Task-Id": "b" }, 400, /two ids/],
      ["x", { "Fettle-Deadline": "soon" }, 400, /Fettle-Deadline/],
      ["x", { "Fettle-Stream": "everything" }, 400, /Fettle-Stream/],
      ["x", { "Fettle-Deadline": "2001-01-01T00:00:00Z" }, 408, /deadline/],
      ["x", { "Fettle-Deadline": String(Date.now() - 1000) }, 408, /deadline/],
    ];
    for (const [payload, given, code, why] of cases) {
      const answer = await desk.ask("calculator", payload, given);
      expect([payload, errorCode(answer)]).toEqual([payload, code]);
      expect(answer.headers?.get("Nats-Service-Error")).toMatch(why);
      if (answer.data.length > 0) expect(jsonOf(answer)).toMatchObject({ error: { code } });
    }
    await expect(desk.ask("nobody", "x")).rejects.toMatchObject({ code: "503" });
  });

  it("at its deadline is answered at once, and its task is cancelled", async () => {
    const { agent, begun } = slowAgent();
    await using desk = await openDesk(server.get(), [agent]);
    const asked = desk.ask("slow", "wait", { "Fettle-Deadline": "+300", "Fettle-Task-Id": "late" });
    await begun(1);
    const answer = await asked;
    expect(errorCode(answer)).toBe(408);
    expect(jsonOf(answer)).toMatchObject({ error: { code: 408 }, taskId: "late" });
    const result = await desk.mesh.execute("slow", { id: "late", task: "wait" });
    expect(result.status).toBe("cancelled");
  });

  it("by more than an agent can have waiting is refused as busy", async () => {
    const { agent, waiting, begun } = slowAgent({ concurrency: 1, mailboxSize: 1 });
    await using desk = await openDesk(server.get(), [agent]);
    const first = desk.ask("slow", "a");
    await begun(1);
    const second = desk.ask("slow", "b");
    const refused = await desk.ask("slow", "c");
    expect(errorCode(refused)).toBe(429);
    waiting[0]?.("done");
    await begun(2);
    waiting[1]?.("done");
    for (const answer of [await first, await second])
      expect(jsonOf(answer)).toMatchObject({ output: "done" });
  });

  it("to a mesh that stops is told so, and that nothing is lost", async () => {
    const { agent, begun } = slowAgent();
    await using desk = await openDesk(server.get(), [agent]);
    const asked = desk.ask("slow", "wait", { "Fettle-Task-Id": "left" });
    await begun(1);
    await desk.mesh.stop({ mode: "suspend" });
    const answer = await asked;
    expect(errorCode(answer)).toBe(503);
    expect(answer.headers?.get("Nats-Service-Error")).toMatch(/left.*Nothing is lost/);
  });
});

describe("a result that is larger than the server takes", () => {
  it("becomes an error that says where it is", async () => {
    const big = defineAgent({ role: "big", capabilities: ["size"], handle: () => "x".repeat(2_000_000) });
    await using desk = await openDesk(server.get(), [big]);
    const answer = await desk.ask("big", "much");
    expect(errorCode(answer)).toBe(413);
    const { blob } = jsonOf(answer) as { blob: string };
    const stored = await desk.mesh.fabric.blobs.read(blob);
    expect(JSON.parse(new TextDecoder().decode(stored ?? new Uint8Array()))).toMatchObject({
      status: "success",
    });
  });
});
