// A mesh over NATS on the inspector's page: nodes in processes of their own, one of which dies.
import { expect, it } from "vitest";
import { defineAgent, Mesh } from "fettle";
import { loadConfig } from "#src/app/config";
import { Crew, groundForTests } from "../nodes/crew.ts";
import { browserForTests, inspect, look } from "./stage.ts";

const stage = browserForTests();
const ground = groundForTests();

it("shows all nodes of a mesh, and that one of them died", async () => {
  await using crew = new Crew(ground);
  const far = await crew.start("far");
  const env = { NATS_URL: ground.server.url, FETTLE_MESH: crew.mesh, LOG_LEVEL: "silent" };
  await using mesh = new Mesh({ config: loadConfig({ env, envFile: null }) });
  mesh.add(defineAgent({ role: "echo", capabilities: ["echoing"], handle: () => "echo" }));
  await mesh.start();
  await using service = await inspect(mesh);
  await using seen = await look(stage.browser, service);
  const { page, faults } = seen;
  const node = (pid: number) => page.locator(`[data-node*='-${pid}-'] .mark`);
  await node(far.pid).getByText("up").waitFor();
  expect(await node(process.pid).textContent()).toBe("up");
  await far.kill();
  await node(far.pid).getByText("gone").waitFor();
  expect(await node(process.pid).textContent()).toBe("up");
  expect(faults).toEqual([]);
});
