// `fettle mcp`, used by the protocol's own client, as the clients of today and those of the newest protocol speak.
import { EventEmitter, once } from "node:events";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, type CallToolResult, type Tool } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectRoot, runFettle } from "../harness/program.ts";

const AGENTS = `import { defineAgent } from "fettle";
import { z } from "zod";
console.log("the file is loaded, and says so where it should not");
export const calculator = defineAgent({
  role: "calculator",
  capabilities: ["math", "numbers"],
  systemPrompt: "You are a math expert. Compute exactly.",
  output: z.object({ value: z.number(), exact: z.boolean().optional() }),
  maxRepairs: 1,
});
export const echo = defineAgent({
  role: "echo",
  capabilities: ["talk"],
  handle: async (message) => {
    console.log("a handler says", message.task);
    process.stdout.write("so does this\\n");
    return { said: message.task, context: message.context };
  },
});
export const sleeper = defineAgent({
  role: "sleeper",
  capabilities: ["wait"],
  handle: (message, { signal }) => new Promise((_, reject) => {
    console.error("sleeper sleeps");
    signal.addEventListener("abort", () => { console.error("sleeper was told to stop"); reject(signal.reason); });
  }),
});
`;

const ANSWERS = {
  entries: [
    { match: { task: "six times seven" }, answers: ["```js\nresult = { value: 6 * 7 };\n```"] },
    { match: { task: "not a number" }, answers: ["```js\nresult = { value: 'many' };\n```"] },
  ],
};

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fettle-mcp-"));
  await mkdir(join(folder, "node_modules"));
  await symlink(projectRoot.replace(/\/$/, ""), join(folder, "node_modules/fettle"));
  await symlink(join(projectRoot, "node_modules/zod"), join(folder, "node_modules/zod"));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await writeFile(join(folder, "agents.js"), AGENTS);
  await writeFile(join(folder, "answers.json"), JSON.stringify(ANSWERS));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A client of `fettle mcp`, started as clients start their servers: elsewhere, with the folder as an argument. */
async function connect(mode: "legacy" | "auto" = "legacy") {
  const isDeno = "Deno" in globalThis;
  const runtime = isDeno ? ["run", "--allow-all", "--config", `${projectRoot}deno.json`] : [];
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [...runtime, `${projectRoot}bin/fettle.js`, "mcp", "agents.js", "--cwd", folder],
    env: { FETTLE_REPLAY: join(folder, "answers.json"), LOG_LEVEL: "debug" },
    cwd: tmpdir(),
    stderr: "pipe",
  });
  let stderr = "";
  const told = new EventEmitter();
  transport.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
    told.emit("more");
  });
  const faults: Error[] = [];
  const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode } });
  client.onerror = (error) => faults.push(error);
  await client.connect(transport);
  return {
    client,
    faults,
    stderr: () => stderr,
    /** Resolves once its standard error has held a text. */
    says: async (text: string) => {
      while (!stderr.includes(text)) await once(told, "more");
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}

const find = (tools: readonly Tool[], name: string): Tool => {
  const found = tools.find((tool) => tool.name === name);
  if (found === undefined) throw new Error(`no tool ${name}`);
  return found;
};
const textOf = ({ content }: CallToolResult) =>
  content.map((block) => (block.type === "text" ? block.text : ""));

describe("fettle mcp", () => {
  it.each(["legacy", "auto"] as const)(
    "gives each agent as a tool with types of its own (%s)",
    async (mode) => {
      await using server = await connect(mode);
      expect(server.client.getProtocolEra()).toBe(mode === "legacy" ? "legacy" : "modern");
      const { tools } = await server.client.listTools();
      expect(tools.map(({ name }) => name)).toEqual(["calculator", "echo", "sleeper"]);
      const { description, inputSchema, outputSchema, annotations } = find(tools, "calculator");
      expect(description).toBe(
        'Gives a task to the agent "calculator" (math, numbers). It writes code for the task, runs it, and mends it until ' +
          'it works. It is told: "You are a math expert."',
      );
      expect(inputSchema).toMatchObject({ type: "object", required: ["task"] });
      expect(Object.keys(inputSchema.properties ?? {})).toEqual(["task", "context", "id"]);
      const { output } = outputSchema?.["properties"] as { readonly output: unknown };
      expect(output).toMatchObject({
        type: "object",
        properties: { value: { type: "number" } },
        required: ["value"],
      });
      expect(annotations).toMatchObject({ readOnlyHint: true });
      expect(find(tools, "echo").annotations).toMatchObject({ readOnlyHint: false });
      expect(server.client.getInstructions()).toContain("the agent sees nothing of this conversation");
    },
  );

  it("does a task and gives its output with code and cost, telling of its progress", async () => {
    await using server = await connect();
    // Known to the client, which then holds what comes back against the tool's output schema.
    await server.client.listTools();
    const progress: string[] = [];
    const result = await server.client.callTool(
      { name: "calculator", arguments: { task: "What is six times seven?" } },
      { onprogress: ({ message }) => progress.push(message ?? "") },
    );
    expect(result).toMatchObject({
      structuredContent: {
        status: "success",
        output: { value: 42 },
        code: "result = { value: 6 * 7 };",
        repairs: 0,
        error: null,
      },
    });
    expect(result.isError).not.toBe(true);
    expect(textOf(result)).toEqual([JSON.stringify({ value: 42 }, null, 2)]);
    expect(progress).toEqual(expect.arrayContaining(["the model writes code", "the code runs"]));
  });

  it("answers with an error that says why where the agent fails", async () => {
    await using server = await connect();
    await server.client.listTools();
    const result = await server.client.callTool({
      name: "calculator",
      arguments: { task: "Give what is not a number." },
    });
    expect(result).toMatchObject({ isError: true, structuredContent: { status: "failure", output: null } });
    expect(textOf(result)[0]).toMatch(/^The task \S+ failed/);
  });

  it("refuses what is no task", async () => {
    await using server = await connect();
    const result = await server.client.callTool({ name: "calculator", arguments: { context: {} } });
    expect(result.isError).toBe(true);
    expect(textOf(result)[0]).toContain("task");
  });

  it("writes nothing but the protocol to standard output, whatever agents write", async () => {
    await using server = await connect();
    const result = await server.client.callTool({
      name: "echo",
      arguments: { task: "Say it.", context: { to: "all" }, id: "said-1" },
    });
    expect(result.structuredContent).toMatchObject({
      output: { said: "Say it.", context: { to: "all" } },
      taskId: "said-1",
    });
    expect(server.faults).toEqual([]);
    expect(server.stderr()).toContain("the file is loaded, and says so where it should not");
    expect(server.stderr()).toContain("a handler says Say it.");
  });

  it("gives the same result for a task that is named again, and refuses the name for another", async () => {
    await using server = await connect();
    const call = (task: string) =>
      server.client.callTool({ name: "echo", arguments: { task, id: "once-1" } });
    const first = await call("Say it once.");
    expect((await call("Say it once.")).structuredContent).toEqual(first.structuredContent);
    const other = await call("Say something else.");
    expect(other.isError).toBe(true);
    expect(textOf(other)[0]).toContain("once-1");
  });

  it("cancels the task of a call that is cancelled", async () => {
    await using server = await connect();
    const abort = new AbortController();
    const call = server.client.callTool(
      { name: "sleeper", arguments: { task: "Sleep.", id: "sleep-1" } },
      { signal: abort.signal },
    );
    call.catch(() => undefined);
    await server.says("sleeper sleeps");
    abort.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
    const again = await server.client.callTool({
      name: "sleeper",
      arguments: { task: "Sleep.", id: "sleep-1" },
    });
    expect(again).toMatchObject({ isError: true, structuredContent: { status: "cancelled" } });
    await server.says("sleeper was told to stop");
  });

  it("ends when its client goes, and cancels what that asked for", async () => {
    const server = await connect();
    const call = server.client.callTool({ name: "sleeper", arguments: { task: "Sleep." } });
    call.catch(() => undefined);
    await server.says("sleeper sleeps");
    const pid = (server.client.transport as StdioClientTransport).pid ?? 0;
    await server.client.close();
    expect(() => process.kill(pid, 0)).toThrow();
    await server.says("sleeper was told to stop");
  });

  it("does not start without agents, and says on standard error what to do", async () => {
    const [none, lost] = await Promise.all([
      runFettle(["mcp"], { cwd: folder }),
      runFettle(["mcp", "agents.js", "--cwd", "/no/such/folder"], { cwd: folder }),
    ]);
    expect(none).toMatchObject({ code: 1, stdout: "" });
    expect(none.stderr).toContain('"fettle mcp agents.ts"');
    expect(lost).toMatchObject({ code: 1, stdout: "" });
    expect(lost.stderr).toContain("Cannot work in --cwd /no/such/folder");
  });
});
