// What actors are made with: ports and services, opened by the caller and shared by all actors of a mesh.
import type { AgentDefinition } from "../src/core/agent.ts";
import type { InspectionEvent } from "xstate";
import type { Address } from "../src/core/address.ts";
import type { Budget } from "../src/core/budget.ts";
import type { BudgetBook } from "../src/budgets.ts";
import type { ModelTier } from "../src/core/profile.ts";
import type { Clock } from "../src/core/clock.ts";
import type { Sandbox } from "../src/core/guest.ts";
import type { ActorOperations } from "../src/core/handler.ts";
import type { Log } from "../src/core/log.ts";
import type { Model } from "../src/core/model.ts";
import type { Blobs, Fabric, KeyValue, Ledger } from "../src/core/ports.ts";
import type { Subjects } from "../src/core/subjects.ts";
import type { Tally } from "../src/tally.ts";
import type { TaskTelemetry, Telemetry } from "../src/core/telemetry.ts";
import type { Admission } from "../src/admission.ts";
import type { Directory } from "../src/directory.ts";
import type { EventTeller } from "../src/event-teller.ts";
import type { RoleBook } from "../src/role-book.ts";
import type { Approvals } from "../src/approvals.ts";
import type { FunctionRegistry } from "../src/registry.ts";
import type { ResultBoard } from "../src/result-board.ts";
import type { ResultStore } from "../src/results.ts";

/** Told of every transition, message and actor: XState's inspection API. */
export type Inspect = (event: InspectionEvent) => void;

/** The parts that all actors of a mesh share. */
export interface ActorParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly fabric: Fabric;
  /** What memories are kept in: keys and ledgers of this mesh alone, whatever else is on its fabric. */
  readonly stores: Stores;
  /** This process, as journals name it. */
  readonly node: string;
  /** Whether the process of that name surely runs no more. */
  readonly isGone: (node: string) => boolean;
  /** What is shared with other nodes of the mesh; null where it is one machine's. */
  readonly peers: Peers | null;
  readonly subjects: Subjects;
  readonly directory: Directory;
  readonly admission: Admission;
  readonly results: ResultStore;
  readonly registry: FunctionRegistry;
  readonly approvals: Approvals;
  readonly book: BudgetBook;
  /** The mesh's model and sandbox; throw where no agent was known that needs them. */
  readonly model: () => Model;
  readonly sandbox: () => Sandbox;
  /** Acts in the mesh on behalf of an actor, and of the task that it works on. */
  readonly operations: (from: Address, task?: TaskTelemetry) => ActorOperations;
  /** The names of models for profiles and budgets that ask for another than the configured one. */
  readonly tiers: ModelTiers;
  /** What all tasks of the mesh together may cost. */
  readonly budget: Budget | undefined;
  /** Named byte sequences for handlers. */
  readonly blobs: Blobs;
  readonly defaults: TaskDefaults;
  /** Tells clients and other nodes of tasks; null where there can be none. */
  readonly teller: EventTeller | null;
  /** Where clients find results; null where there can be none. */
  readonly board: ResultBoard | null;
  readonly inspect: Inspect | undefined;
  /** Who measures; told of what happens, and of nothing else. */
  readonly telemetry: Telemetry;
  /** Counts the tasks that end here. */
  readonly tally: Tally;
  /** An integer from 0 to 2^32 - 1, for the guest's Math.random. */
  readonly nextSeed: () => number;
}

/** What a node of a mesh shares with the others. */
export interface Peers {
  readonly roles: RoleBook;
  /** What the names of this node's actors begin with, so that no other node has an actor of the same name. */
  readonly prefix: string;
}

/** Where a mesh keeps what its tasks remember. */
export interface Stores {
  readonly keyValue: KeyValue;
  readonly ledger: Ledger;
  readonly blobs: Blobs;
}

/** Names of models by how able they are; undefined for the configured one. */
export type ModelTiers = Readonly<Record<ModelTier, string | undefined>>;

/** What holds for tasks whose agent does not say otherwise. */
export interface TaskDefaults {
  readonly maxRepairs: number;
  readonly taskMs: number;
}

/** How long a task of an agent may take, in milliseconds. */
export function taskMsOf({ limits }: AgentDefinition, { defaults }: Pick<ActorParts, "defaults">): number {
  return limits.taskMs ?? defaults.taskMs;
}
