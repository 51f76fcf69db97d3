import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import {
  defineAgent,
  defineTool,
  loadConfig,
  Mesh,
  type AgentDefinition,
  type MeshOptions,
  type ModelRequest,
} from "fettle";
import { createSandbox } from "fettle/sandbox";
import {
  createMemoryFabric,
  createScriptedModel,
  TestMesh,
  type Script,
  type TestMeshOptions,
} from "fettle/testing";

const sandbox = createSandbox({ isolates: 1 });
afterAll(() => sandbox.close());

const TIERS = { fast: "small", strong: "large" };
const tokens = { input: 7, output: 3, cacheRead: 0, cacheWrite: 0 };

/** A mesh with one agent, whose model keeps what it was asked. */
async function start(agent: AgentDefinition, script: Script, options: TestMeshOptions = {}) {
  const model = createScriptedModel(script, { answer: { tokens, costUsd: 0.01 } });
  const mesh = await new TestMesh({ sandbox, model, models: TIERS, ...options }).add(agent).start();
  return { mesh, requests: model.requests };
}

const search = defineTool({
  description: "Searches.",
  input: z.string(),
  execute: (text) => [{ title: `On ${text}`, url: "https://example.org/known" }],
});

const coder = defineAgent({ role: "coder", capabilities: ["x"], systemPrompt: "You compute." });
const researcher = defineAgent({
  role: "researcher",
  capabilities: ["x"],
  systemPrompt: "You find out.",
  profile: "researcher",
  tools: { search },
});
const writing = {
  role: "writer",
  capabilities: ["x"],
  systemPrompt: "You write.",
  profile: "communicator",
} as const;
const writer = defineAgent(writing);

describe("a profile", () => {
  it("of the coder asks the configured model at its own temperature, by the shape of the context alone", async () => {
    const { mesh, requests } = await start(coder, ["result = context.name"]);
    await using _ = mesh;
    const result = await mesh.execute(coder, { task: "x", context: { name: "Acme" } });
    expect(result).toMatchObject({ output: "Acme", profile: "coder", reused: false });
    expect(requests[0]).toMatchObject({ temperature: undefined, model: undefined, purpose: "generate" });
    expect(requests[0]?.messages[0]?.content).not.toContain("Acme");
  });

  it("of the researcher asks the strong model, cooler, and is told of its tools", async () => {
    const { mesh, requests } = await start(researcher, [
      'const [hit] = await tools.search("tea"); result = { findings: [{ claim: "Tea is hot.", sources: [hit.url] }] };',
    ]);
    await using _ = mesh;
    const result = await mesh.execute(researcher, "x");
    expect(result).toMatchObject({ status: "success", profile: "researcher", repairs: 0 });
    expect(requests[0]).toMatchObject({ temperature: 0.2, model: "large" });
    expect(requests[0]?.system).toContain("Your task is research");
    expect(requests[0]?.system).toContain("declare");
  });

  it("of the communicator asks the fast model, warmer, with the data itself", async () => {
    const { mesh, requests } = await start(writer, ["Dear Acme"]);
    await using _ = mesh;
    await mesh.execute(writer, { task: "Write a letter.", context: { name: "Acme" } });
    expect(requests[0]).toMatchObject({ temperature: 0.7, model: "small" });
    expect(requests[0]?.messages[0]?.content).toContain("Acme");
  });

  it("asks the configured model where no other is named", async () => {
    const { mesh, requests } = await start(writer, ["Dear Acme"], { models: {} });
    await using _ = mesh;
    await mesh.execute(writer, "x");
    expect(requests[0]?.model).toBeUndefined();
  });

  it("wishes only: what the agent says of its model goes before", async () => {
    const own = defineAgent({ ...writing, model: { name: "mine", temperature: 0.1 } });
    const { mesh, requests } = await start(own, ["Dear Acme"]);
    await using _ = mesh;
    await mesh.execute(own, "x");
    expect(requests[0]).toMatchObject({ temperature: 0.1, model: "mine" });
  });

  it("asks no model of the mesh's names of an agent's own model, which would not know them", async () => {
    const model = createScriptedModel(['{"profile": "communicator", "confidence": 1}', "Dear Acme"]);
    const own = defineAgent({
      role: "own",
      capabilities: ["x"],
      systemPrompt: "x",
      model,
      profile: "auto",
      routing: { model: true },
    });
    const { mesh } = await start(own, []);
    await using _ = mesh;
    expect(await mesh.execute(own, "Hello?")).toMatchObject({ output: "Dear Acme" });
    expect(model.requests.map((request) => request.model)).toEqual([undefined, undefined]);
  });

  it("that the task asks for goes before the agent's", async () => {
    const { mesh, requests } = await start(coder, ["Dear all"]);
    await using _ = mesh;
    const result = await mesh.execute(coder, { task: "x", profile: "communicator" });
    expect(result).toMatchObject({ output: "Dear all", code: null, profile: "communicator" });
    expect(requests[0]?.temperature).toBe(0.7);
    await expect(mesh.execute(coder, { task: "x", profile: "poet" as never })).rejects.toMatchObject({
      code: "TASK_INVALID",
    });
  });

  it("is none for a custom agent", async () => {
    const custom = defineAgent({ role: "custom", capabilities: ["x"], handle: () => 1 });
    const { mesh } = await start(custom, []);
    await using _ = mesh;
    expect(await mesh.execute(custom, "x")).toMatchObject({ output: 1, profile: null, reused: false });
  });
});

describe("a communicator", () => {
  it("gives its text as the output, runs nothing and has no code", async () => {
    const broken = {
      execute: () => Promise.reject(new Error("nothing may run")),
      close: async () => undefined,
    };
    const { mesh } = await start(writer, ["# Hello\n\nAll is well."], { sandbox: broken });
    await using _ = mesh;
    const events: string[] = [];
    const result = await mesh.execute(writer, "x", { onEvent: ({ type }) => events.push(type) });
    expect(result).toMatchObject({
      status: "success",
      output: "# Hello\n\nAll is well.",
      code: null,
      functionId: null,
      attempts: [{ code: "# Hello\n\nAll is well.", error: null, usage: null, entropy: null }],
    });
    expect(events).not.toContain("code");
    expect(await mesh.registry.find({ role: "writer" })).toEqual([]);
  });

  it("mends a text that has the wrong form, and keeps each in its attempts", async () => {
    const short = defineAgent({ ...writing, format: { type: "markdown", headings: ["Risks"] } });
    const { mesh, requests } = await start(short, ["# Hello", "# Risks\n\nNone."]);
    await using _ = mesh;
    const result = await mesh.execute(short, "x");
    expect(result).toMatchObject({ output: "# Risks\n\nNone.", repairs: 1, code: null });
    expect(result.attempts.map(({ code, error }) => [code, error?.category])).toEqual([
      ["# Hello", "output"],
      ["# Risks\n\nNone.", undefined],
    ]);
    expect(requests[1]).toMatchObject({ purpose: "repair" });
    expect(requests[1]?.messages.at(-1)?.content).toContain("Risks");
  });

  it("mends JSON that does not fit the agent's schema", async () => {
    const form = defineAgent({
      ...writing,
      output: z.object({ subject: z.string() }),
      format: { type: "json" },
    });
    const { mesh, requests } = await start(form, ['{"subject": 1}', '```json\n{"subject": "Hello"}\n```']);
    await using _ = mesh;
    expect(await mesh.execute(form, "x")).toMatchObject({ output: { subject: "Hello" }, repairs: 1 });
    expect(requests[1]?.messages.at(-1)?.content).toContain("subject");
  });

  it("fails with the last text in its attempts where it cannot be mended", async () => {
    const { mesh } = await start(writer, ["Dear [Your name]", "Dear [Your name]"], { maxRepairs: 1 });
    await using _ = mesh;
    const result = await mesh.execute(writer, "x");
    expect(result).toMatchObject({
      status: "failure",
      output: null,
      code: null,
      error: { category: "output" },
    });
    expect(result.attempts).toHaveLength(2);
  });

  it("needs no approval of code: it has none", async () => {
    const careful = defineAgent({ ...writing, approval: "code" });
    const { mesh } = await start(careful, ["Dear Acme"]);
    await using _ = mesh;
    expect(await mesh.execute(careful, "x")).toMatchObject({ output: "Dear Acme" });
  });
});

describe("a researcher", () => {
  const found = (source: string) =>
    `await tools.search("tea"); result = { findings: [{ claim: "Tea is hot.", sources: ["${source}"] }] };`;

  it("mends findings whose sources no tool returned", async () => {
    const { mesh, requests } = await start(researcher, [
      found("https://example.org/made-up"),
      found("https://example.org/known"),
    ]);
    await using _ = mesh;
    const result = await mesh.execute(researcher, "x");
    expect(result).toMatchObject({ status: "success", repairs: 1 });
    expect(result.attempts[0]?.error?.category).toBe("output");
    expect(requests[1]?.messages.at(-1)?.content).toContain("https://example.org/made-up");
  });

  it("fails where it goes on inventing", async () => {
    const { mesh } = await start(researcher, () => found("https://example.org/made-up"), { maxRepairs: 1 });
    await using _ = mesh;
    expect(await mesh.execute(researcher, "x")).toMatchObject({ status: "failure", output: null });
  });
});

describe("an agent whose profile is chosen for each task", () => {
  const auto = defineAgent({
    role: "auto",
    capabilities: ["x"],
    systemPrompt: "You help.",
    profile: "auto",
    routing: { rules: [{ when: /invoice/, profile: "communicator" }], model: true, confidence: 0.7 },
  });

  it("goes by its rules, without a model", async () => {
    const { mesh, requests } = await start(auto, (request) =>
      request.messages[0]?.content.includes("invoice") ? "Dear all" : "result = 3628800",
    );
    await using _ = mesh;
    expect(await mesh.execute(auto, "An invoice.")).toMatchObject({ profile: "communicator" });
    expect(await mesh.execute(auto, "Calculate 10!")).toMatchObject({ profile: "coder", output: 3628800 });
    expect(requests.map(({ purpose }) => purpose)).toEqual(["generate", "generate"]);
  });

  it("asks the fast model where no rule is sure, and counts what that cost", async () => {
    const { mesh, requests } = await start(auto, [
      '{"profile": "communicator", "confidence": 0.9, "reason": "prose"}',
      "Dear all",
    ]);
    await using _ = mesh;
    const result = await mesh.execute(auto, "Hello?");
    expect(result).toMatchObject({ profile: "communicator", output: "Dear all", costUsd: 0.02 });
    expect(result.tokens).toMatchObject({ input: 14, output: 6 });
    expect(requests.map(({ purpose, model }) => [purpose, model])).toEqual([
      ["route", "small"],
      ["generate", "small"],
    ]);
  });

  it("is the coder where the model was not sure enough, or answered nonsense", async () => {
    const { mesh } = await start(auto, [
      '{"profile": "communicator", "confidence": 0.6}',
      "result = 1",
      "I like poems.",
      "result = 2",
    ]);
    await using _ = mesh;
    expect(await mesh.execute(auto, "Hello?")).toMatchObject({ profile: "coder", output: 1 });
    expect(await mesh.execute(auto, "Hello?")).toMatchObject({ profile: "coder", output: 2 });
  });

  it("asks nobody where the task names its profile", async () => {
    const { mesh, requests } = await start(auto, ["result = 1"]);
    await using _ = mesh;
    expect(await mesh.execute(auto, { task: "Hello?", profile: "coder" })).toMatchObject({ output: 1 });
    expect(requests).toHaveLength(1);
  });

  it("fails where the model that is to choose cannot be asked", async () => {
    const { mesh } = await start(auto, [new Error("down")]);
    await using _ = mesh;
    expect(await mesh.execute(auto, "Hello?")).toMatchObject({
      status: "failure",
      profile: null,
      error: { message: "down", category: "model" },
    });
  });

  it("is limited by what the chosen profile may usually cost", async () => {
    const seeker = defineAgent({
      role: "seeker",
      capabilities: ["x"],
      systemPrompt: "x",
      tools: { search },
      profile: "auto",
      limits: { toolCalls: 250 },
      routing: { rules: [{ when: /./, profile: "researcher" }] },
    });
    const many = 'for (let i = 0; i < 201; i += 1) await tools.search("tea"); result = 1;';
    const { mesh } = await start(seeker, () => many);
    await using _ = mesh;
    expect(await mesh.execute(seeker, { id: "t1", task: "x" })).toMatchObject({
      status: "failure",
      error: { category: "budget", message: expect.stringContaining('budget "task:t1"') as unknown },
    });
  });

  it("asks the chosen profile's model after a restart, and does not choose again", async () => {
    await using fabric = createMemoryFabric();
    const asked: ModelRequest[] = [];
    let isDown = true;
    const script = async (request: ModelRequest) => {
      asked.push(request);
      if (request.purpose === "route") return '{"profile": "communicator", "confidence": 1}';
      if (isDown) await new Promise(() => undefined);
      return "Dear all";
    };
    const first = await start(auto, script, { fabric });
    const running = first.mesh.execute(auto, { id: "t1", task: "Hello?" });
    running.catch(() => undefined);
    while (asked.length < 2) await new Promise((resolve) => setTimeout(resolve, 2));
    await first.mesh.stop({ mode: "suspend" });
    isDown = false;
    const second = await start(auto, script, { fabric });
    await using _ = second.mesh;
    const result = await second.mesh.execute(auto, { id: "t1", task: "Hello?" });
    expect(result).toMatchObject({ output: "Dear all", profile: "communicator", costUsd: 0.02 });
    expect(asked.map(({ purpose }) => purpose)).toEqual(["route", "generate", "generate"]);
  });
});

describe("the names of a mesh's models", () => {
  const settings = { LOG_LEVEL: "silent", FETTLE_MODEL_FAST: "set-fast", FETTLE_MODEL_STRONG: "set-strong" };
  const config = loadConfig({ env: settings, envFile: null });

  /** The models that a communicator and a researcher ask. */
  async function asked(models: MeshOptions["models"]) {
    const model = createScriptedModel(() => "Dear Acme");
    await using fabric = createMemoryFabric();
    const given = models === undefined ? {} : { models };
    const mesh = new Mesh({ config, fabric, sandbox, model, maxRepairs: 0, ...given });
    await using started = await mesh.add(writer).add(researcher).start();
    await started.execute(writer, "x");
    await started.execute(researcher, "x");
    return model.requests.map((request) => request.model);
  }

  it("are its option's, each else the setting's", async () => {
    expect(await asked(undefined)).toEqual(["set-fast", "set-strong"]);
    expect(await asked({ fast: "own-fast" })).toEqual(["own-fast", "set-strong"]);
    expect(await asked({ fast: "own-fast", strong: "own-strong" })).toEqual(["own-fast", "own-strong"]);
  });

  it("are refused where there is no such tier, or no name", () => {
    const open = (models: object) => () => new Mesh({ models });
    expect(open({ quick: "x" })).toThrow(/Unknown model "quick".*known are: fast, strong/);
    expect(open({ fast: " " })).toThrow(/models\.fast must be a model's name/);
    expect(open({ strong: 5 })).toThrow(/models\.strong must be a model's name.*not 5/);
  });
});
