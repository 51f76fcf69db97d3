// Several nodes of one mesh in the process of the test, for what needs no process to die.
import { Mesh, type AgentDefinition, type MeshOptions } from "fettle";
import { createScriptedModel, type Script } from "fettle/testing";
import { loadConfig } from "#src/app/config";
import { silentLog } from "#src/core/log";
import type { NatsServer } from "../harness/nats-server.ts";

let meshes = 0;

/** The nodes of one mesh; all are stopped with it. */
export class Nodes implements AsyncDisposable {
  readonly #server: NatsServer;
  readonly name = `peers-${process.pid}-${(meshes += 1)}`;
  readonly #nodes: Mesh[] = [];

  constructor(server: NatsServer) {
    this.#server = server;
  }

  /** Starts a node with these agents; `model` is its script. */
  async start(
    agents: readonly AgentDefinition[],
    { model = [], ...options }: Omit<MeshOptions, "model"> & { readonly model?: Script } = {},
  ): Promise<Mesh> {
    const config = loadConfig({
      env: { NATS_URL: this.#server.url, FETTLE_MESH: this.name, FETTLE_SANDBOX_ISOLATES: "1" },
      envFile: null,
    });
    const mesh = new Mesh({ config, log: silentLog, model: createScriptedModel(model), ...options });
    for (const agent of agents) mesh.add(agent);
    this.#nodes.push(mesh);
    await mesh.start();
    return mesh;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((mesh) => mesh.stop({ mode: "cancel" })));
  }
}
