// What a mesh stands on: opened by whoever starts it, from settings or for a test.
// Invariant: nothing here is opened twice, and one `close` closes all of it.
import type { Budget } from "../src/core/budget.ts";
import type { Clock } from "../src/core/clock.ts";
import type { Sandbox } from "../src/core/guest.ts";
import type { Log } from "../src/core/log.ts";
import type { McpServers } from "../src/core/mcp.ts";
import type { Model } from "../src/core/model.ts";
import type { Fabric } from "../src/core/ports.ts";
import type { Telemetry } from "../src/core/telemetry.ts";
import type { OpenToolSource } from "../src/core/tool-source.ts";
import type { Wire } from "../src/core/wire.ts";
import type { FunctionRegistry } from "../src/registry.ts";
import type { ResultStore } from "../src/results.ts";
import type { ModelTiers, TaskDefaults } from "./parts.ts";

/** What a mesh stands on, opened when it starts. */
export interface MeshResources {
  readonly name: string;
  /** Where its tasks are put and taken from; undefined for the queue that all meshes of its name share. */
  readonly taskQueue: string | undefined;
  /** This process, as journals name it. */
  readonly node: string;
  /** Whether the process of that name surely runs no more. */
  readonly isGone: (node: string) => boolean;
  /** Whether this process is one node of several, which know of each other by the fabric. */
  readonly isDistributed: boolean;
  readonly fabric: Fabric;
  /** How clients of any language come in; null where there are none. */
  readonly wire: Wire | null;
  /** The program's version, as clients see it. */
  readonly version: string;
  readonly results: ResultStore;
  readonly registry: FunctionRegistry;
  readonly log: Log;
  readonly clock: Clock;
  /** Who measures what happens here. */
  readonly telemetry: Telemetry;
  readonly defaults: TaskDefaults;
  readonly tiers: ModelTiers;
  /** What all tasks of the mesh together may cost; undefined for no limit. */
  readonly budget: Budget | undefined;
  /** Prompt agents' tasks that may run at once. */
  readonly concurrency: number;
  /** Called once, when the first agent is known that asks the mesh's model. */
  readonly openModel: () => Promise<Model>;
  /** Called once, when the first agent is known that writes code. */
  readonly openSandbox: () => Promise<Sandbox>;
  /** MCP servers for every agent that writes code. */
  readonly mcp: McpServers;
  /** Called once for each server that an agent gets its tools from. */
  readonly openTools: OpenToolSource;
  /** Closes all that was opened. */
  readonly close: () => Promise<void>;
}
