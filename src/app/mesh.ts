// The mesh as programs use it: reads the settings, opens what agents need, and closes it again.
// Invariant: an option that is given goes before the setting of the same meaning; nothing is opened before
// `start`, and what the caller passed in is the caller's to close.
import type { Inspect } from "../../actors/parts.ts";
import type { MeshResources } from "../../actors/mesh-resources.ts";
import type { AgentDefinition } from "../core/agent.ts";
import { checkBudget, type Budget } from "../core/budget.ts";
import { systemClock, type Clock } from "../core/clock.ts";
import { ConfigError } from "../core/errors.ts";
import type { Sandbox } from "../core/guest.ts";
import { withFields, type Log } from "../core/log.ts";
import { checkMcp, type McpServers } from "../core/mcp.ts";
import type { Model } from "../core/model.ts";
import type { Fabric } from "../core/ports.ts";
import type { Telemetry } from "../core/telemetry.ts";
import { MeshSystem, type NoAgents, type AgentOutputs } from "../mesh.ts";
import type { PriceTable } from "../model/prices.ts";
import { createLogger } from "../observe/logger.ts";
import type { MetricsPlace } from "../observe/metrics-server.ts";
import type { Metrics } from "../observe/metrics.ts";
import { FunctionRegistry } from "../registry.ts";
import { ResultStore } from "../results.ts";
import type { InspectorService } from "./inspector/inspector-service.ts";
import { LiveActors } from "./stately/live-actors.ts";
import type { Stately, StatelyPlace } from "./stately/stately.ts";
import { loadConfig, secretsOf, type Config, type MeshMode } from "./config.ts";
import { openFabric } from "./fabric.ts";
import { openModel } from "./models.ts";
import { isGone, nodeName } from "./node-name.ts";
import { packageManifest } from "./package-root.ts";
import { requireRuntime } from "./runtime.ts";
import { openSandbox } from "./sandbox.ts";
import { openTelemetry, type OpenTelemetry } from "./telemetry.ts";

/** Names of models by how able they are, as the provider calls them; what is absent is the setting's. */
export interface ModelNames {
  /** A faster, cheaper one: for the communicator, for routing, and for budgets that say `cheaper`. */
  readonly fast?: string | undefined;
  /** For the researcher. */
  readonly strong?: string | undefined;
}

/** What a {@link Mesh} takes; each absent option is the setting's of the same meaning, or its default. */
export interface MeshOptions {
  /** Separates meshes on one fabric; default `FETTLE_MESH`, else `default`. */
  readonly name?: string;
  /**
   * Tasks that are given to this mesh, and its workflows, are taken up by meshes of the same name and task queue alone;
   * journals, results, approvals, budgets and the registry are shared with all of its name. Default: the mesh's common
   * queue.
   */
  readonly taskQueue?: string;
  /**
   * `embedded`: the mesh is this machine's own, and keeps its data in a folder. `distributed`: this process is one node
   * of a mesh over NATS. Default: `distributed` where NATS_URL is set.
   */
  readonly mode?: MeshMode;
  /** The model that agents ask that choose none; default the providers that the settings name. */
  readonly model?: Model;
  /** Names of other models of the same provider; default `FETTLE_MODEL_FAST` and `FETTLE_MODEL_STRONG`. */
  readonly models?: ModelNames;
  /** Where generated code runs; closed by whoever made it. Default one of this process, or a remote one by `SANDBOX_MODE`. */
  readonly sandbox?: Sandbox;
  /** MCP servers whose tools every agent gets that writes code; an agent's own of the same name goes before. */
  readonly mcp?: McpServers;
  /** What the mesh stands on; closed by whoever made it. Default the embedded one, or NATS by `mode`. */
  readonly fabric?: Fabric;
  /** Where log lines go; default standard error, as `LOG_LEVEL` says. */
  readonly log?: Log;
  /** The time that the mesh lives by; the machine's where absent. */
  readonly clock?: Clock;
  /** Told of every transition, message and actor: XState's inspection API. */
  readonly inspect?: Inspect;
  /** Told of what happens: metrics of the program's own (`createMetrics`), or any other implementation. */
  readonly telemetry?: Telemetry;
  /**
   * Whether metrics for Prometheus are served, and where: `true` for http://127.0.0.1:9090/metrics. Default
   * `FETTLE_METRICS`, `FETTLE_METRICS_PORT` and `FETTLE_METRICS_HOST`, else not.
   */
  readonly metrics?: boolean | MetricsPlace;
  /** Prompt agents' tasks that may run at once; default `FETTLE_MAX_CONCURRENT_TASKS`. */
  readonly concurrency?: number;
  /** What all tasks of the mesh together may cost, for good; no limit where absent. */
  readonly budget?: Budget;
  /** Default `MAX_REPAIR_ATTEMPTS`, else 3. */
  readonly maxRepairs?: number;
  /** The whole of a task, in seconds; default `EXECUTION_TIMEOUT`, else 300. */
  readonly executionTimeout?: number;
  /** Where results are stored as files, whatever `FETTLE_BLOBS` says; default `LOG_DIRECTORY`, else `./logs`. */
  readonly logDirectory?: string;
  /** Where the mesh keeps its state; default `FETTLE_DATA_DIRECTORY`, else `.fettle`. */
  readonly dataDirectory?: string;
  /** Prices in USD per million tokens that go before the built-in ones. */
  readonly prices?: PriceTable;
  /** Settings in place of the process's environment and its `.env`. */
  readonly config?: Config;
  /**
   * Serves the inspector's page while the mesh runs, where `FETTLE_INSPECT_HOST` and `FETTLE_INSPECT_PORT` say (loopback,
   * 7900), or as given here. Others than this machine can reach it only where there is a token.
   */
  readonly inspector?: boolean | InspectorPlace;
}

/** Where the inspector listens, and what its page must send; what is absent is the setting's. */
export interface InspectorPlace {
  /** Default `FETTLE_INSPECT_HOST`, else 127.0.0.1. */
  readonly host?: string;
  /** 0 for any that is free. */
  readonly port?: number;
  /** What the page must send; needed where others than this machine can reach it. Default `FETTLE_INSPECT_TOKEN`. */
  readonly token?: string;
  /**
   * Feeds XState's own tools too, on loopback alone: `mesh.stately`. It needs the packages `@statelyai/inspect` and `ws`.
   */
  readonly stately?: boolean;
}

/** Most tasks wait for a model most of the time: far more may be under way than there are cores. */
const DEFAULT_CONCURRENCY = 64;

/** So long may a task's steps wait before they are stored where the store is a network away, in milliseconds. */
const FAR_STEP_MS = 500;

const OPTIONS: Readonly<Record<keyof MeshOptions, true>> = {
  name: true,
  taskQueue: true,
  mode: true,
  model: true,
  models: true,
  sandbox: true,
  mcp: true,
  fabric: true,
  log: true,
  clock: true,
  inspect: true,
  telemetry: true,
  metrics: true,
  concurrency: true,
  budget: true,
  maxRepairs: true,
  executionTimeout: true,
  logDirectory: true,
  dataDirectory: true,
  prices: true,
  config: true,
  inspector: true,
};

const TIERS: Readonly<Record<keyof ModelNames, true>> = { fast: true, strong: true };

/**
 * The actor system: takes agents with `add`, opens what they need with `start`, gives them tasks with `execute` and
 * `workflow`, and closes all of it with `stop`. Nothing is opened before `start`; each option goes before its setting.
 *
 * @throws ConfigError for an unknown option; from `start`, for a wrong setting and a runtime that is too old.
 * @example
 * const mesh = new Mesh().add(calculator);
 * await mesh.start();
 * const result = await mesh.execute("calculator", "Calculate the factorial of 10");
 * await mesh.stop();
 */
export class Mesh<Agents extends AgentOutputs = NoAgents> extends MeshSystem<Agents> {
  readonly #options: MeshOptions;
  #telemetry: OpenTelemetry | null = null;
  #inspector: InspectorService | null = null;
  /** What XState's tools are told of; null where they are told nothing. */
  readonly #live: LiveActors | null;
  #stately: Stately | null = null;

  constructor(options: MeshOptions = {}) {
    for (const key of Object.keys(options)) {
      if (key in OPTIONS) continue;
      throw new ConfigError(`Unknown Mesh option "${key}"; known are: ${Object.keys(OPTIONS).join(", ")}.`);
    }
    checkMode(options.mode);
    checkModels(options.models);
    checkMcp(options.mcp ?? {}, "The mesh");
    const live = typeof options.inspector === "object" && options.inspector.stately === true;
    const actors = live ? new LiveActors() : null;
    super(both(options.inspect, actors?.hear));
    this.#options = options;
    this.#live = actors;
  }

  override add<Role extends string, Out>(
    agent: AgentDefinition<Role, Out>,
  ): Mesh<Agents & { readonly [R in Role]: Out }> {
    super.add(agent);
    return this as unknown as Mesh<Agents & { readonly [R in Role]: Out }>;
  }

  /** The metrics that the mesh's option or setting asks for, once it has started; null where it asks for none. */
  get metrics(): Metrics | null {
    return this.#telemetry?.metrics ?? null;
  }

  /** Where they are served, such as `http://127.0.0.1:9090/metrics`; null where they are not. */
  get metricsUrl(): string | null {
    return this.#telemetry?.url ?? null;
  }

  /** Where the inspector's page is, such as `http://127.0.0.1:7900/inspect/`, once the mesh has started; null where it is not. */
  get inspectorUrl(): string | null {
    return this.#inspector?.url ?? null;
  }

  /** Where XState's tools are fed, once the mesh has started; null where they are not. */
  get stately(): StatelyPlace | null {
    return this.#stately?.place ?? null;
  }

  protected override async open(): Promise<MeshResources> {
    requireRuntime();
    const options = this.#options;
    const config = options.config ?? loadConfig();
    const clock = options.clock ?? systemClock;
    const node = nodeName();
    const plain = options.log ?? createLogger({ level: config.logLevel, secrets: secretsOf(config) });
    const log = withFields(plain, () => ({ node }));
    const name = options.name ?? config.mesh;
    const measured = await openTelemetry(options, config, { node, log });
    const { telemetry } = measured;
    this.#telemetry = measured;
    const { fabric, wire, isDistributed, close } = await openFabric({
      options,
      config,
      clock,
      log,
      telemetry,
      node,
      name,
    }).catch(async (thrown: unknown) => {
      await measured.close();
      throw thrown;
    });
    const closeAll = async () => {
      await this.#stately?.close();
      await this.#inspector?.close();
      await close();
      await measured.close();
    };
    const isInspected = options.inspector !== undefined && options.inspector !== false;
    if (isInspected)
      await this.#openInspector(config, log).catch(async (thrown: unknown) => {
        await closeAll();
        throw thrown;
      });
    let sandbox: Sandbox | null = null;
    return {
      name,
      taskQueue: options.taskQueue,
      node,
      isGone,
      isDistributed,
      fabric,
      wire,
      version: packageManifest().version,
      results: new ResultStore(fabric.blobs, { clock, stepMs: isDistributed ? FAR_STEP_MS : undefined }),
      registry: new FunctionRegistry(fabric.keyValue, { clock, isFar: isDistributed }),
      log,
      clock,
      telemetry,
      defaults: {
        maxRepairs: options.maxRepairs ?? config.maxRepairs,
        taskMs:
          options.executionTimeout === undefined
            ? config.executionTimeoutMs
            : options.executionTimeout * 1000,
      },
      tiers: {
        fast: options.models?.fast ?? config.tiers.fast,
        standard: undefined,
        strong: options.models?.strong ?? config.tiers.strong,
      },
      budget: options.budget === undefined ? undefined : checkBudget(options.budget, "The mesh"),
      concurrency: options.concurrency ?? config.maxConcurrentTasks ?? DEFAULT_CONCURRENCY,
      openModel: async () => {
        return options.model ?? openModel({ config, clock, log, prices: options.prices }).model;
      },
      openSandbox: async () => {
        if (options.sandbox !== undefined) return options.sandbox;
        const messages = isDistributed ? fabric.messages : null;
        sandbox ??= openSandbox(config, { messages, mesh: name, clock, log, telemetry });
        return sandbox;
      },
      mcp: checkMcp(options.mcp ?? {}, "The mesh"),
      openTools: async (server, about) => (await import("../mcp/source.ts")).openMcp(server, about),
      close: async () => {
        await sandbox?.close();
        await closeAll();
      },
    };
  }

  async #openInspector(config: Config, log: Log): Promise<void> {
    const { inspector } = this.#options;
    const place = typeof inspector === "object" ? inspector : {};
    const { openInspectorService } = await import("./inspector/inspector-service.ts");
    const secrets = secretsOf(config);
    this.#inspector = await openInspectorService(this, { ...config.inspector, ...place, log, secrets });
    log.info({ url: this.#inspector.url }, "the inspector is served");
    if (this.#live === null) return;
    const { openStately } = await import("./stately/stately.ts");
    this.#stately = await openStately(this, this.#live, { ...config.stately, log, secrets });
    log.info(
      { port: Number(new URL(this.#stately.place.url).port) },
      "XState's tools are fed on this machine",
    );
  }
}

/** Tells both, where there are two. */
function both(one: Inspect | undefined, other: Inspect | undefined): Inspect | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return (event) => {
    other(event);
    one(event);
  };
}

/** @throws ConfigError for a mode that there is none of. */
function checkMode(mode: unknown): void {
  if (mode === undefined || mode === "embedded" || mode === "distributed") return;
  throw new ConfigError(
    `The Mesh option mode must be "embedded" or "distributed", not ${JSON.stringify(mode)}.`,
  );
}

/** @throws ConfigError for a tier that there is none of, or one without a name. */
function checkModels(models: ModelNames | undefined): void {
  for (const [tier, name] of Object.entries(models ?? {}) as [string, unknown][]) {
    if (!Object.hasOwn(TIERS, tier)) {
      throw new ConfigError(
        `Unknown model "${tier}" in the Mesh option "models"; known are: ${Object.keys(TIERS).join(", ")}.`,
      );
    }
    if (name !== undefined && (typeof name !== "string" || name.trim() === "")) {
      throw new ConfigError(
        `The Mesh option models.${tier} must be a model's name, such as "gpt-5-mini", not ${JSON.stringify(name)}.`,
      );
    }
  }
}
