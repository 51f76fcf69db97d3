// What tests of agents need: a model that answers from a script, a clock that moves by hand, a mesh in memory.
// Invariant: nothing here reads the environment, writes to disk or talks to a provider; the charts, the sandbox
// and the repair are the real ones.
import type { Inspect, ModelTiers } from "../actors/parts.ts";
import type { MeshResources } from "../actors/mesh-resources.ts";
import { isModel, type AgentDefinition } from "./core/agent.ts";
import type { Budget } from "./core/budget.ts";
import { systemClock, type Clock } from "./core/clock.ts";
import type { Sandbox } from "./core/guest.ts";
import { silentLog, type Log } from "./core/log.ts";
import { checkMcp, type McpServers } from "./core/mcp.ts";
import type { Model } from "./core/model.ts";
import type { Fabric } from "./core/ports.ts";
import { noTelemetry, type Telemetry } from "./core/telemetry.ts";
import type { Tool } from "./core/tool.ts";
import type { Wire } from "./core/wire.ts";
import { createMemoryFabric } from "./fabric/memory/fabric.ts";
import { MeshSystem, type NoAgents, type AgentOutputs } from "./mesh.ts";
import { createScriptedModel, type Script } from "./model/scripted.ts";
import { FunctionRegistry } from "./registry.ts";
import { ResultStore } from "./results.ts";
import { createSandbox } from "./sandbox/sandbox.ts";

export { TestClock } from "./test-clock.ts";
export { createMemoryFabric } from "./fabric/memory/fabric.ts";
export { createScriptedModel } from "./model/scripted.ts";
export type {
  Script,
  ScriptedAnswer,
  ScriptedDetails,
  ScriptedModel,
  ScriptedOptions,
} from "./model/scripted.ts";

/** What a {@link TestMesh} is made with. */
export interface TestMeshOptions {
  /** The model's answers in order, a function of the request, or a whole model. */
  readonly model?: Script | Model;
  /** A fabric to use and leave open, so that a second mesh goes on with what the first one left; one of its own where absent. */
  readonly fabric?: Fabric;
  /** Separates meshes on one fabric; default `test`. */
  readonly name?: string;
  /** How clients come in that are no part of the mesh, which is then a node of one over NATS; none where absent. */
  readonly wire?: Wire;
  /** As the option of the same name of a `Mesh`. */
  readonly taskQueue?: string;
  /** A sandbox to use and leave open; one of its own where absent. */
  readonly sandbox?: Sandbox;
  /** As the option of the same name of a `Mesh`. */
  readonly mcp?: McpServers;
  /** Tools in place of MCP servers, by the servers' names: those are not opened then. */
  readonly mcpTools?: Readonly<Record<string, Readonly<Record<string, Tool>>>>;
  /** The time that the mesh lives by: a `TestClock` that the test moves; the machine's where absent. */
  readonly clock?: Clock;
  /** Where log lines go; nowhere where absent. */
  readonly log?: Log;
  /** Told of what happens; nobody where absent. */
  readonly telemetry?: Telemetry;
  /** Prompt agents' tasks that may run at once; default 64. */
  readonly concurrency?: number;
  /** How often failed code goes back to the model where the agent does not say; default 3. */
  readonly maxRepairs?: number;
  /** What all tasks of the mesh together may cost; no limit where absent. */
  readonly budget?: Budget;
  /** Names of models, as FETTLE_MODEL_FAST and FETTLE_MODEL_STRONG. */
  readonly models?: Partial<ModelTiers>;
  /** The whole of a task where its agent does not say, in milliseconds; default 300,000. */
  readonly taskMs?: number;
  /** Told of every transition, message and actor: XState's inspection API. */
  readonly inspect?: Inspect;
}

/**
 * A mesh in memory whose model answers from a script.
 *
 * @example
 * await using mesh = new TestMesh({ model: ["result = 6 * 7"] });
 * mesh.add(agent);
 * await mesh.start();
 */
export class TestMesh<Agents extends AgentOutputs = NoAgents> extends MeshSystem<Agents> {
  readonly #options: TestMeshOptions;
  /** The parts that the mesh runs on; the fabric is there from the start. */
  readonly fabric: Fabric;
  /** Where results are stored: on the fabric. */
  readonly results: ResultStore;
  /** The code that has proven itself: on the fabric. */
  readonly registry: FunctionRegistry;

  constructor(options: TestMeshOptions = {}) {
    super(options.inspect);
    this.#options = options;
    this.fabric = options.fabric ?? createMemoryFabric();
    const { clock } = options;
    this.results = new ResultStore(this.fabric.blobs, { clock });
    this.registry = new FunctionRegistry(this.fabric.keyValue, { clock });
  }

  override add<Role extends string, Out>(
    agent: AgentDefinition<Role, Out>,
  ): TestMesh<Agents & { readonly [R in Role]: Out }> {
    super.add(agent);
    return this as unknown as TestMesh<Agents & { readonly [R in Role]: Out }>;
  }

  protected override async open(): Promise<MeshResources> {
    const { model = [], sandbox: given, clock = systemClock, log = silentLog } = this.#options;
    let own: Sandbox | null = null;
    return {
      name: this.#options.name ?? "test",
      taskQueue: this.#options.taskQueue,
      node: "test",
      isGone: () => false,
      isDistributed: this.#options.wire !== undefined,
      fabric: this.fabric,
      wire: this.#options.wire ?? null,
      version: "0.0.0",
      results: this.results,
      registry: this.registry,
      log,
      clock,
      telemetry: this.#options.telemetry ?? noTelemetry,
      defaults: { maxRepairs: this.#options.maxRepairs ?? 3, taskMs: this.#options.taskMs ?? 300_000 },
      tiers: { fast: undefined, standard: undefined, strong: undefined, ...this.#options.models },
      budget: this.#options.budget,
      concurrency: this.#options.concurrency ?? 64,
      openModel: async () => (isModel(model) ? model : createScriptedModel(model, { clock })),
      openSandbox: async () => given ?? (own ??= createSandbox()),
      mcp: checkMcp(this.#options.mcp ?? {}, "The mesh"),
      openTools: async (server, options) => {
        const tools = this.#options.mcpTools?.[options.name];
        if (tools === undefined) return (await import("./mcp/source.ts")).openMcp(server, options);
        const close = async () => undefined;
        return { tools: async () => tools, close, [Symbol.asyncDispose]: close };
      },
      close: async () => {
        await own?.close();
        if (this.#options.fabric === undefined) await this.fabric.close();
      },
    };
  }
}
