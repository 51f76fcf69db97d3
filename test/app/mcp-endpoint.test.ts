// Sessions of clients before the newest protocol, over HTTP.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { expect, it } from "vitest";
import { defineAgent } from "fettle";
import { TestMesh } from "fettle/testing";
import { createAgentServers } from "#src/app/mcp/agent-server";
import { createMcpEndpoint } from "#src/app/mcp/endpoint";
import { silentLog } from "#src/core/log";

const echo = defineAgent({ role: "echo", capabilities: ["talk"], handle: () => "said" });

async function open(mostSessions: number) {
  const mesh = await new TestMesh().add(echo).start();
  const log = silentLog;
  const endpoint = createMcpEndpoint(createAgentServers(mesh, { log }), { log, mostSessions });
  const connect = async () => {
    const transport = new StreamableHTTPClientTransport(new URL("http://here/mcp"), {
      fetch: (url, init) => endpoint.fetch(new Request(url, init)),
    });
    const client = new Client({ name: "test", version: "1" });
    await client.connect(transport);
    const call = () => client.callTool({ name: "echo", arguments: { task: "x" } });
    return { client, transport, call };
  };
  return {
    endpoint,
    connect,
    [Symbol.asyncDispose]: async () => {
      await endpoint.close();
      await mesh.stop();
    },
  };
}

it("lets the session that asked nothing for longest make room for a new one", async () => {
  await using server = await open(2);
  const [first, second] = [await server.connect(), await server.connect()];
  await first.call();
  const third = await server.connect();
  await expect(first.call()).resolves.toMatchObject({ structuredContent: { output: "said" } });
  await expect(third.call()).resolves.toMatchObject({ structuredContent: { output: "said" } });
  await expect(second.call()).rejects.toMatchObject({ status: 404 });
});

it("forgets a session that its client ends", async () => {
  await using server = await open(2);
  const { transport, call } = await server.connect();
  const { sessionId } = transport;
  await transport.terminateSession();
  const asked = new Request("http://here/mcp", {
    method: "POST",
    headers: { "mcp-session-id": sessionId ?? "", "content-type": "application/json" },
    body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
  });
  expect((await server.endpoint.fetch(asked)).status).toBe(404);
  await expect(call()).rejects.toThrow();
});

it("refuses what begins no session and belongs to none", async () => {
  await using server = await open(2);
  const ask = (body: string) =>
    server.endpoint.fetch(
      new Request("http://here/mcp", {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
        body,
      }),
    );
  const statuses = [
    await ask('{"jsonrpc":"2.0","id":1,"method":"tools/list"}'),
    await ask("{"),
    await ask(""),
  ];
  expect(statuses.map(({ status }) => status)).toEqual([400, 400, 400]);
});
