// Agents of the Synadia Agent Protocol on several nodes of one mesh: one agent to its callers, wherever its tasks run.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect, type NatsConnection } from "nats";
import { defineAgent, Mesh } from "fettle";
import { createSandbox } from "fettle/sandbox";
import { createScriptedModel } from "fettle/testing";
import { loadConfig } from "#src/app/config";
import { silentLog } from "#src/core/log";
import { newMeshName, serverForTests } from "../fabric/nats/mesh-server.ts";
import { discover, promptAt } from "./prompt-client.ts";

const sandbox = createSandbox();
afterAll(() => sandbox.close());
const server = serverForTests();
const name = newMeshName();
const careful = defineAgent({
  role: "careful",
  capabilities: ["care"],
  systemPrompt: "Compute.",
  approval: "code",
  concurrency: 2,
});
const nodes: Mesh[] = [];
let client: NatsConnection;
/** How often code was written. */
let written = 0;

beforeAll(async () => {
  const config = loadConfig({ env: { NATS_URL: server.get().url } });
  for (let count = 0; count < 2; count += 1) {
    const model = createScriptedModel(() => {
      written += 1;
      return "```js\nresult = 'ran'\n```";
    });
    const node = new Mesh({ mode: "distributed", name, config, model, sandbox, log: silentLog }).add(careful);
    nodes.push(node);
    await node.start();
  }
  client = await connect({ servers: server.get().url });
}, 60_000);
afterAll(async () => {
  for (const node of nodes) await node.stop({ mode: "cancel" });
  await client.close();
});

describe("an agent on two nodes", () => {
  it("is found twice, under one subject that shares its prompts", async () => {
    const found = await discover(client, name, 2);
    expect(new Set(found.map(({ id }) => id)).size).toBe(2);
    expect(new Set(found.map(({ metadata }) => metadata["node"])).size).toBe(2);
    expect(new Set(found.map(({ endpoints }) => endpoints[0]?.subject)).size).toBe(1);
  });

  it("asks its callers for approvals, whichever node works on the task", async () => {
    const subject = `agents.prompt.fettle.${name}.careful`;
    const ids = Array.from({ length: 12 }, (_, index) => `care-${index}`);
    const answers = await Promise.all(
      ids.map((id) =>
        promptAt(client, subject, `Run ${id}`, { onQuery: () => "yes", headers: { "Fettle-Task-Id": id } }),
      ),
    );
    for (const { text, error, statuses } of answers) {
      expect({ text, error }).toEqual({ text: "ran", error: null });
      expect(statuses).toContain("awaitingApproval");
    }
    expect(written).toBe(ids.length);
  });
});
