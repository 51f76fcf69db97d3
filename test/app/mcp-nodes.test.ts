// `fettle mcp` without agents of its own: a door for MCP clients to those of a mesh's other nodes.
import { tmpdir } from "node:os";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { expect, it } from "vitest";
import { defineAgent } from "fettle";
import { serverForTests } from "../fabric/nats/mesh-server.ts";
import { projectRoot, RUNTIME_ARGS } from "../harness/program.ts";
import { Nodes } from "../nodes/meshes.ts";

const server = serverForTests();

it("gives the agents of other nodes as tools, and tells of what those do", async () => {
  const echo = defineAgent({
    role: "echo",
    capabilities: ["repeat"],
    handle: (message) => (message.type === "task" ? `said ${message.task}` : null),
  });
  await using nodes = new Nodes(server.get());
  await nodes.start([echo]);
  const client = new Client({ name: "test", version: "1" });
  const progress: string[] = [];
  try {
    await client.connect(
      new StdioClientTransport({
        command: process.execPath,
        args: [...RUNTIME_ARGS, `${projectRoot}bin/fettle.js`, "mcp", "--server", server.get().url],
        env: { FETTLE_MESH: nodes.name },
        cwd: tmpdir(),
        stderr: "ignore",
      }),
    );
    const { tools } = await client.listTools();
    expect(tools.map(({ name, description }) => [name, description])).toEqual([
      ["echo", 'Gives a task to the agent "echo" (repeat).'],
    ]);
    const result = await client.callTool(
      { name: "echo", arguments: { task: "hello" } },
      { onprogress: ({ message = "" }) => progress.push(message) },
    );
    expect(result.structuredContent).toMatchObject({ status: "success", output: "said hello" });
    expect(progress).toContain("works");
  } finally {
    await client.close();
  }
});
