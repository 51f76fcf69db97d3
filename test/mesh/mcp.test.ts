// Tasks that use MCP servers, whole: the model's code in the sandbox, a server that others publish, approvals, repair.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { defineAgent, defineTool } from "fettle";
import { createSandbox } from "fettle/sandbox";
import { createMemoryFabric, createScriptedModel, TestMesh } from "fettle/testing";
import { filesServer, oddServer } from "../mcp/servers.ts";

const sandbox = createSandbox();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fettle-mcp-"));
  await writeFile(join(folder, "prices.csv"), "apple,3\npear,4\n");
});
afterAll(async () => {
  await sandbox.close();
  await rm(folder, { recursive: true });
});

const fenced = (code: string) => `\`\`\`js\n${code}\n\`\`\``;
const clerk = (options: object = {}) =>
  defineAgent({
    role: "clerk",
    capabilities: ["files"],
    systemPrompt: "You keep files.",
    mcp: { files: { ...filesServer(folder), ...options } },
  });
const READ = 'const { content } = await tools.files.read_text_file({ path: context.path + "/prices.csv" });';

describe("an agent with an MCP server", () => {
  it("is shown its tools and reads and writes files with them", async () => {
    const model = createScriptedModel([
      fenced(
        `${READ}\nconst sum = content.trim().split("\\n").reduce((n, line) => n + Number(line.split(",")[1]), 0);\n` +
          'await files.write_file({ path: context.path + "/sum.txt", content: String(sum) });\nresult = sum;',
      ),
    ]);
    await using mesh = new TestMesh({ sandbox, model }).add(clerk());
    await mesh.start();
    const result = await mesh.execute("clerk", { task: "Add up the prices.", context: { path: folder } });
    expect(result).toMatchObject({ status: "success", output: 7, error: null });
    await expect(readFile(join(folder, "sum.txt"), "utf8")).resolves.toBe("7");
    expect(model.requests[0]?.system).toContain("read_text_file(input: { path: string;");
    expect(model.requests[0]?.system).toContain("declare const files: typeof tools.files;");
  });

  it("has what a server refuses mended by the model, which is told the server's words", async () => {
    const model = createScriptedModel([
      fenced('result = (await tools.files.read_text_file({ path: "/etc/hosts" })).content;'),
      fenced(`${READ}\nresult = content;`),
    ]);
    await using mesh = new TestMesh({ sandbox, model }).add(clerk());
    await mesh.start();
    const result = await mesh.execute("clerk", { task: "Read.", context: { path: folder } });
    expect(result).toMatchObject({ status: "success", output: "apple,3\npear,4\n", repairs: 1 });
    expect(model.requests[1]?.messages.at(-1)?.content).toContain(
      "McpError: read_text_file failed: Access denied",
    );
  });

  it("has a call that does not fit the server's schema refused before it is made", async () => {
    const model = [fenced("result = await tools.files.read_text_file({ pth: 1 });"), fenced("result = 1;")];
    await using mesh = new TestMesh({ sandbox, model }).add(clerk());
    await mesh.start();
    const { attempts } = await mesh.execute("clerk", "Read.");
    expect(attempts[0]?.error).toMatchObject({
      name: "ToolInputError",
      message: expect.stringContaining("must have required property 'path'") as string,
    });
  });

  it("waits for a person where a tool may destroy something and the server is held to that", async () => {
    const model = [
      fenced(
        'await files.write_file({ path: context.path + "/held.txt", content: "x" });\nresult = "written";',
      ),
    ];
    await using mesh = new TestMesh({ sandbox, model }).add(clerk({ approval: "destructive" }));
    await mesh.start();
    const task = mesh.execute(
      "clerk",
      { task: "Write.", context: { path: folder } },
      {
        onEvent: (event) => {
          if (event.type === "approval") void mesh.approve(event.approvalId);
        },
      },
    );
    await expect(task).resolves.toMatchObject({ status: "success", output: "written" });
    await expect(readFile(join(folder, "held.txt"), "utf8")).resolves.toBe("x");
  });

  it("has its calls in the journal like any others", async () => {
    const fabric = createMemoryFabric();
    const model = [fenced(`${READ}\nresult = content.length;`)];
    await using mesh = new TestMesh({ sandbox, model, fabric }).add(clerk());
    await mesh.start();
    await mesh.execute("clerk", { id: "t1", task: "Count.", context: { path: folder } });
    const [name = ""] = (await fabric.ledger.names()).filter((one) => one.includes("t1"));
    const entries = (await fabric.ledger.read(name)).map(({ payload }) => payload);
    expect(
      entries.some((entry) => entry.includes("tool-called") && entry.includes("files.read_text_file")),
    ).toBe(true);
    expect(entries.some((entry) => entry.includes("tool-returned") && entry.includes("apple,3"))).toBe(true);
  });

  it("has a result that is too large refused by the limit of tools", async () => {
    const odd = defineAgent({
      role: "odd",
      capabilities: ["x"],
      systemPrompt: "x",
      limits: { toolBytes: 10_000 },
      mcp: { odd: oddServer() },
    });
    const model = [
      fenced("result = await tools.odd.big({ bytes: 20_000 });"),
      fenced("result = (await tools.odd.big({ bytes: 200 })).length;"),
    ];
    await using mesh = new TestMesh({ sandbox, model }).add(odd);
    await mesh.start();
    const result = await mesh.execute("odd", "Read.");
    expect(result).toMatchObject({ output: 200, repairs: 1 });
    expect(result.attempts[0]?.error?.message).toContain("limits.toolBytes (10000 bytes)");
  });

  it("goes on when a server died under its code", async () => {
    const odd = defineAgent({
      role: "odd",
      capabilities: ["x"],
      systemPrompt: "x",
      mcp: { odd: oddServer() },
    });
    const model = [
      fenced(
        "let first; try { await tools.odd.die(); } catch (error) { first = error.name; }\n" +
          "result = [first, await tools.odd.lines()];",
      ),
    ];
    await using mesh = new TestMesh({ sandbox, model }).add(odd);
    await mesh.start();
    await expect(mesh.execute("odd", "Try.")).resolves.toMatchObject({ output: ["McpError", "one\ntwo"] });
  });
});

describe("a mesh with MCP servers", () => {
  it("gives them to every agent that writes code, and starts a server once for all that name it", async () => {
    const server = oddServer();
    const prompts = { capabilities: ["x"], systemPrompt: "x" };
    const mesh = new TestMesh({
      sandbox,
      model: () => fenced("result = await odd.pid();"),
      mcp: { odd: server },
    })
      .add(defineAgent({ role: "one", ...prompts }))
      .add(defineAgent({ role: "two", ...prompts }))
      .add(defineAgent({ role: "prose", ...prompts, profile: "communicator" }));
    await mesh.start();
    const [one, two] = await Promise.all([mesh.execute("one", "x"), mesh.execute("two", "x")]);
    expect(Number(one.output)).toBeGreaterThan(0);
    expect(two.output).toBe(one.output);
    await mesh.stop();
    expect(() => process.kill(Number(one.output), 0)).toThrow();
  });

  it("does not start where a server does not, and waits for no other that is slow to start", async () => {
    const agent = defineAgent({
      role: "clerk",
      capabilities: ["x"],
      systemPrompt: "x",
      mcp: {
        good: oddServer(),
        slow: { ...oddServer("hangs"), timeoutMs: 600_000 },
        lost: { command: "no-such-program-here" },
      },
    });
    await using mesh = new TestMesh({ sandbox }).add(agent);
    await expect(mesh.start()).rejects.toThrow(
      /The MCP server "lost" cannot be started: there is no program/,
    );
  });
});

describe("the definition of an agent", () => {
  const tool = defineTool({ description: "x", input: z.object({}), execute: () => 1 });
  const define = (mcp: unknown, more: object = {}) =>
    defineAgent({ role: "a", capabilities: ["x"], systemPrompt: "x", mcp: mcp as never, ...more });

  it.each([
    [{ "my-files": { command: "x" } }, 'the MCP server "my-files" needs another name'],
    [{ Math: { command: "x" } }, "would hide the guest's own Math"],
    [{ f: {} }, "needs either a command, for a program, or a url"],
    [{ f: { command: "x", url: "http://x" } }, "needs either a command, for a program, or a url"],
    [{ f: { command: "x", headers: {} } }, 'has the unknown option "headers"; known are: command, args'],
    [{ f: { url: "https://me:secret@x" } }, "has a url with a name or a password in it"],
    [{ f: { url: "ftp://x" } }, "beginning with http:// or https://"],
    [{ f: { command: "x", args: "y" } }, "args that are no list of strings"],
    [{ f: { command: "x", env: { A: 1 } } }, "an env that is no object of strings"],
    [{ f: { command: "x", approval: "sometimes" } }, '"never", "destructive" or "always"'],
    [{ f: { command: "x", timeoutMs: 0 } }, "a whole number from 1"],
    ["files", "mcp must be servers by name"],
  ])("refuses %j", (mcp, message) => {
    expect(() => define(mcp)).toThrow(message);
  });

  it("refuses a server with the name of a tool, and servers for one that writes prose", () => {
    expect(() => define({ look: { command: "x" } }, { tools: { look: tool } })).toThrow(
      'Agent "a" has a tool and an MCP server that are both called "look": rename one.',
    );
    expect(() => define({ f: { command: "x" } }, { profile: "communicator" })).toThrow("cannot call tools");
  });

  it("lets a researcher find out by a server alone", () => {
    expect(define({ f: { command: "x" } }, { profile: "researcher" }).profile).toBe("researcher");
  });
});
