// `fettle mcp`, used by the protocol's own client, as the clients of today and those of the newest protocol speak.
import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { request as httpRequest } from "node:http";
import { rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import {
  Client,
  StreamableHTTPClientTransport,
  type CallToolResult,
  type ElicitResult,
  type Tool,
} from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defer } from "#src/core/deferred";
import { layProject } from "../harness/project-folder.ts";
import { projectRoot, RUNTIME_ARGS, runFettle } from "../harness/program.ts";

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
export const careful = defineAgent({
  role: "careful",
  capabilities: ["math"],
  systemPrompt: "You compute with care.",
  approval: "code",
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
    { match: { task: "with care" }, answers: ["```js\nresult = 42;\n```"] },
    { match: { task: "once more", purpose: "repair" }, answers: ["```js\nresult = 'by hand';\n```"] },
    { match: { task: "once more" }, answers: ["```js\nresult = 41;\n```"] },
    { match: { task: "not a number" }, answers: ["```js\nresult = { value: 'many' };\n```"] },
  ],
};

let folder = "";
beforeAll(async () => {
  folder = await layProject("mcp", { "agents.js": AGENTS, "answers.json": JSON.stringify(ANSWERS) });
  await symlink(join(projectRoot, "node_modules/zod"), join(folder, "node_modules/zod"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const fettle = (...args: string[]) => [
  ...RUNTIME_ARGS,
  `${projectRoot}bin/fettle.js`,
  "mcp",
  "agents.js",
  ...args,
];

/** A client that looks at what cannot be understood, and shows its user forms where it is told what they answer. */
function createClient(mode: "legacy" | "auto", answers: readonly ElicitResult[] | null = null) {
  const faults: Error[] = [];
  const questions: string[] = [];
  const client = new Client(
    { name: "test", version: "1" },
    { versionNegotiation: { mode }, capabilities: answers === null ? {} : { elicitation: {} } },
  );
  client.onerror = (error) => faults.push(error);
  if (answers !== null) {
    client.setRequestHandler("elicitation/create", async ({ params }) => {
      questions.push(params.message);
      return answers[questions.length - 1] ?? { action: "cancel" };
    });
  }
  return { client, faults, questions };
}

/** A client of `fettle mcp`, started as clients start their servers: elsewhere, with the folder as an argument. */
async function connect(mode: "legacy" | "auto" = "legacy", answers: readonly ElicitResult[] | null = null) {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: fettle("--cwd", folder),
    env: { FETTLE_REPLAY: join(folder, "answers.json"), LOG_LEVEL: "debug" },
    cwd: tmpdir(),
    stderr: "pipe",
  });
  const spoken = listen(transport.stderr as Readable);
  const known = createClient(mode, answers);
  await known.client.connect(transport);
  return { ...known, ...spoken, [Symbol.asyncDispose]: () => known.client.close() };
}

/** What a program writes to its standard error. */
function listen(stream: Readable) {
  let text = "";
  const told = new EventEmitter();
  stream.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    told.emit("more");
  });
  return {
    stderr: () => text,
    /** Resolves with all of it once it has held a text. */
    says: async (part: string): Promise<string> => {
      while (!text.includes(part)) await once(told, "more");
      return text;
    },
  };
}

/** `fettle mcp --http` on a free port. */
async function startHttp(...args: string[]) {
  const child = spawn(process.execPath, fettle("--http", "--port", "0", ...args), {
    cwd: folder,
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: folder,
      FETTLE_REPLAY: join(folder, "answers.json"),
      FETTLE_DATA_DIRECTORY: join(folder, "http-data"),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit");
  const spoken = listen(child.stderr);
  const [url = ""] = /http:\S+\/mcp/.exec(await spoken.says("/mcp\n")) ?? [];
  return {
    url,
    ...spoken,
    connect: async (mode: "legacy" | "auto", answers: readonly ElicitResult[] | null = null) => {
      const known = createClient(mode, answers);
      await known.client.connect(new StreamableHTTPClientTransport(new URL(url)));
      return { ...known, [Symbol.asyncDispose]: () => known.client.close() };
    },
    stop: async () => {
      child.kill("SIGINT");
      return (await ended) as [number | null];
    },
  };
}

const find = (tools: readonly Tool[], name: string): Tool => {
  const found = tools.find((tool) => tool.name === name);
  if (found === undefined) throw new Error(`no tool ${name}`);
  return found;
};
const textOf = ({ content }: CallToolResult) =>
  content.map((block) => (block.type === "text" ? block.text : ""));
const approve: ElicitResult = { action: "accept", content: { decision: "approve" } };

describe("fettle mcp", () => {
  let server: Awaited<ReturnType<typeof connect>>;
  beforeAll(async () => {
    server = await connect();
  });
  afterAll(() => server.client.close());

  it.each(["legacy", "auto"] as const)(
    "gives each agent as a tool with types of its own (%s)",
    async (mode) => {
      await using own = mode === "auto" ? await connect(mode) : null;
      const { client } = own ?? server;
      expect(client.getProtocolEra()).toBe(mode === "legacy" ? "legacy" : "modern");
      const { tools } = await client.listTools();
      expect(tools.map(({ name }) => name)).toEqual(["calculator", "careful", "echo", "sleeper"]);
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
      expect(client.getInstructions()).toContain("the agent sees nothing of this conversation");
    },
  );

  it("does a task and gives its output with code and cost, telling of its progress", async () => {
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
    await server.client.listTools();
    const result = await server.client.callTool({
      name: "calculator",
      arguments: { task: "Give what is not a number." },
    });
    expect(result).toMatchObject({ isError: true, structuredContent: { status: "failure", output: null } });
    expect(textOf(result)[0]).toMatch(/^The task \S+ failed/);
  });

  it("refuses what is no task", async () => {
    const result = await server.client.callTool({ name: "calculator", arguments: { context: {} } });
    expect(result.isError).toBe(true);
    expect(textOf(result)[0]).toContain("task");
  });

  it("writes nothing but the protocol to standard output, whatever agents write", async () => {
    const result = await server.client.callTool({
      name: "echo",
      arguments: { task: "Say it.", context: { to: "all" }, id: "said-1" },
    });
    expect(result.structuredContent).toMatchObject({
      output: { said: "Say it.", context: { to: "all" } },
      taskId: "said-1",
    });
    expect(server.faults).toEqual([]);
    // Another stream than the answer's.
    await expect.poll(() => server.stderr()).toContain("a handler says Say it.");
    expect(server.stderr()).toContain("the file is loaded, and says so where it should not");
  });

  it("gives the same result for a task that is named again, and refuses the name for another", async () => {
    const call = (task: string) =>
      server.client.callTool({ name: "echo", arguments: { task, id: "once-1" } });
    const first = await call("Say it once.");
    expect((await call("Say it once.")).structuredContent).toEqual(first.structuredContent);
    const other = await call("Say something else.");
    expect(other.isError).toBe(true);
    expect(textOf(other)[0]).toContain("once-1");
  });

  it("cancels the task of a call that is cancelled", async () => {
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
    const [none, lost, idle] = await Promise.all([
      runFettle(["mcp"], { cwd: folder }),
      runFettle(["mcp", "agents.js", "--cwd", "/no/such/folder"], { cwd: folder }),
      runFettle(["mcp", "agents.js", "--token-file", "x"], { cwd: folder }),
    ]);
    expect(none).toMatchObject({ code: 1, stdout: "" });
    expect(none.stderr).toContain('"fettle mcp agents.ts"');
    expect(lost).toMatchObject({ code: 1, stdout: "" });
    expect(lost.stderr).toContain("Cannot work in --cwd /no/such/folder");
    expect(idle.stderr).toContain("Cannot use --token-file without --http");
  });

  it("says where the task of a client without forms waits for a person", async () => {
    const waits = new Promise<string>((resolve) => {
      const abort = new AbortController();
      const call = server.client.callTool(
        { name: "careful", arguments: { task: "Compute with care." } },
        {
          signal: abort.signal,
          onprogress: ({ message = "" }) => {
            if (!message.includes("approvals")) return;
            resolve(message);
            abort.abort();
          },
        },
      );
      call.catch(() => undefined);
    });
    expect(await waits).toMatch(/^waits for a person: fettle approvals approve \S+-a1$/);
  });
});

describe("fettle mcp --http", () => {
  let http: Awaited<ReturnType<typeof startHttp>>;
  beforeAll(async () => {
    http = await startHttp();
  });
  afterAll(async () => {
    await http.stop();
  });

  it.each(["legacy", "auto"] as const)("serves any number of clients (%s)", async (mode) => {
    await using one = await http.connect(mode);
    await using two = await http.connect(mode);
    const call = (client: Client, task: string) => client.callTool({ name: "echo", arguments: { task } });
    const [a, b] = await Promise.all([call(one.client, "A"), call(two.client, "B")]);
    expect(a.structuredContent).toMatchObject({ output: { said: "A" } });
    expect(b.structuredContent).toMatchObject({ output: { said: "B" } });
    expect([...one.faults, ...two.faults]).toEqual([]);
  });

  it.each(["legacy", "auto"] as const)(
    "tells of progress, and cancels what is cancelled (%s)",
    async (mode) => {
      await using server = await http.connect(mode);
      const abort = new AbortController();
      const id = `sleep-${mode}`;
      const working = defer<null>();
      const call = server.client.callTool(
        { name: "sleeper", arguments: { task: "Sleep.", id } },
        { signal: abort.signal, onprogress: ({ message }) => message === "works" && working.resolve(null) },
      );
      call.catch(() => undefined);
      await working.promise;
      abort.abort(new Error("enough"));
      await expect(call).rejects.toThrow("enough");
      const again = await server.client.callTool({ name: "sleeper", arguments: { task: "Sleep.", id } });
      expect(again).toMatchObject({ isError: true, structuredContent: { status: "cancelled" } });
    },
  );

  it.each(["legacy", "auto"] as const)(
    "asks the client's user what a person must allow (%s)",
    async (mode) => {
      await using server = await http.connect(mode, [approve]);
      const result = await server.client.callTool({
        name: "careful",
        arguments: { task: "Compute with care." },
      });
      expect(result.structuredContent).toMatchObject({ status: "success", output: 42 });
      expect(server.questions).toEqual(['The agent "careful" asks to run this code:\n\nresult = 42;']);
    },
  );

  it.each(["legacy", "auto"] as const)(
    "has what they refuse mended by what they say, and asks again (%s)",
    async (mode) => {
      const reject: ElicitResult = {
        action: "accept",
        content: { decision: "reject", note: "Do it by hand." },
      };
      await using server = await http.connect(mode, [reject, approve]);
      const result = await server.client.callTool({
        name: "careful",
        arguments: { task: "Compute once more." },
      });
      expect(result.structuredContent).toMatchObject({ status: "success", output: "by hand" });
      expect(server.questions).toHaveLength(2);
    },
  );

  it("refuses pages of other origins, names that are not its own, and sessions that it does not know", async () => {
    const ask = (headers: Record<string, string>) =>
      new Promise<number | undefined>((resolve, reject) => {
        const all = {
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          ...headers,
        };
        const request = httpRequest(http.url, { method: "POST", headers: all }, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        request.on("error", reject);
        request.end('{"jsonrpc":"2.0","id":1,"method":"ping"}');
      });
    expect(await ask({ origin: "http://evil.example" })).toBe(403);
    expect(await ask({ host: "evil.example" })).toBe(421);
    expect(await ask({ "mcp-session-id": "none" })).toBe(404);
  });

  it("wants its token, and more than loopback wants one", async () => {
    await writeFile(join(folder, "token"), "a-token-of-twenty-letters\n");
    const guarded = await startHttp("--token-file", join(folder, "token"));
    const connectWith = async (headers: Record<string, string>) => {
      const { client } = createClient("legacy");
      const transport = new StreamableHTTPClientTransport(new URL(guarded.url), { requestInit: { headers } });
      await client.connect(transport);
      const { tools } = await client.listTools();
      await client.close();
      return tools.length;
    };
    try {
      await expect(connectWith({})).rejects.toThrow();
      await expect(connectWith({ authorization: "Bearer a-token-of-twenty-letters" })).resolves.toBe(4);
    } finally {
      await guarded.stop();
    }
    const open = await runFettle(["mcp", "agents.js", "--http", "--host", "0.0.0.0"], { cwd: folder });
    expect(open).toMatchObject({ code: 1 });
    expect(open.stderr).toContain("--token-file");
  });
});
