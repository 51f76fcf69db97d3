// A mesh while it runs: its parts joined together, and the actors on them.
// Invariant: the model and the sandbox are opened once, and only if an agent needs them.
import { createHash, randomUUID } from "node:crypto";
import { Admission } from "../src/admission.ts";
import type { Address } from "../src/core/address.ts";
import { isModel, type AgentDefinition } from "../src/core/agent.ts";
import { MeshStateError } from "../src/core/errors.ts";
import type { Sandbox } from "../src/core/guest.ts";
import type { ActorOperations } from "../src/core/handler.ts";
import type { Model } from "../src/core/model.ts";
import type { Blobs, Unsubscribe } from "../src/core/ports.ts";
import { createSubjects } from "../src/core/subjects.ts";
import { Directory } from "../src/directory.ts";
import { measureSandbox, readSandbox } from "../src/observe/measured-sandbox.ts";
import { EventTeller } from "../src/event-teller.ts";
import { Presence } from "../src/presence.ts";
import { RoleBook } from "../src/role-book.ts";
import { MeshView } from "../src/mesh-view.ts";
import { PostOffice } from "../src/post.ts";
import { ResultBoard } from "../src/result-board.ts";
import { Tally } from "../src/tally.ts";
import { FrontDesk } from "./front-desk.ts";
import type { MeshEvent } from "./mesh-event.ts";
import type { MeshResources } from "./mesh-resources.ts";
import type { ActorParts, Inspect } from "./parts.ts";
import type { Population } from "./population.ts";
import { PromptDesk } from "./prompt-desk.ts";
import { tellReadings } from "./readings.ts";
import { StatusLine } from "./status-line.ts";
import type { MeshStopMode } from "./stop-mode.ts";
import { withFields } from "../src/core/log.ts";
import { noTaskTelemetry, type TaskTelemetry, type Traced } from "../src/core/telemetry.ts";
import { TaskDesk } from "./task-desk.ts";
import { Toolbox } from "./toolbox.ts";
import { Approvals } from "../src/approvals.ts";
import { BudgetBook } from "../src/budgets.ts";
import { scopeBlobs } from "../src/scoped-blobs.ts";
import { scopeKeyValue } from "../src/scoped-key-value.ts";
import { scopeLedger } from "../src/scoped-ledger.ts";

/** So much of the hash of a node's name tells its actors from those of all other nodes, in hexadecimal digits. */
const PREFIX_LENGTH = 10;
/** Where handlers and programs keep their blobs: apart from the results. */
const ARTIFACTS = "artifacts";

/** A running mesh. */
export class Runtime {
  readonly resources: MeshResources;
  readonly directory = new Directory();
  readonly post: PostOffice;
  readonly desk: TaskDesk;
  readonly approvals: Approvals;
  readonly book: BudgetBook;
  /** Named byte sequences for handlers and programs. */
  readonly blobs: Blobs;
  /** Tells clients and other nodes of tasks and workflows; null where there can be none. */
  readonly teller: EventTeller | null;
  /** What can be seen of the mesh. */
  readonly view: MeshView;
  /** Where clients come in; none where they cannot. */
  readonly #clientDesks: readonly (FrontDesk | PromptDesk)[];
  readonly #parts: ActorParts;
  readonly #population: Population;
  readonly #publish: (event: MeshEvent) => void;
  readonly #presence: Presence | null;
  readonly #toolbox: Toolbox;
  readonly #statusLine: StatusLine;
  /** End what whoever measures may ask for. */
  readonly #unread: (() => void)[] = [];
  #model: Promise<Model> | null = null;
  #sandbox: Promise<Sandbox> | null = null;
  #openModel: Model | null = null;
  #openSandbox: Sandbox | null = null;

  constructor(
    resources: MeshResources,
    population: Population,
    options: {
      readonly inspect: Inspect | undefined;
      readonly publish: (event: MeshEvent) => void;
      readonly subscribe: (listener: (event: MeshEvent) => void) => Unsubscribe;
    },
  ) {
    const { fabric, clock, results, registry, defaults, node, wire } = resources;
    const log = withFields(resources.log, ({ taskId }) =>
      typeof taskId === "string" ? this.desk.logFields(taskId) : {},
    );
    this.resources = resources;
    this.#population = population;
    this.#publish = options.publish;
    const subjects = createSubjects(resources.name, { taskQueue: resources.taskQueue });
    this.post = new PostOffice({
      messages: fabric.messages,
      queue: fabric.queue,
      directory: this.directory,
      isDurable: async (role) => {
        if (population.has(role)) return population.agent(role).mailbox === "durable";
        return (await this.#parts.peers?.roles.find(role))?.mailbox === "durable";
      },
      subjects,
      nextId: randomUUID,
      trace: () => resources.telemetry.activeTrace(),
    });
    const stores = {
      keyValue: scopeKeyValue(fabric.keyValue, resources.name),
      ledger: scopeLedger(fabric.ledger, resources.name),
      blobs: fabric.blobs,
    };
    this.book = new BudgetBook(stores.keyValue, { clock });
    this.blobs = scopeBlobs(fabric.blobs, ARTIFACTS);
    this.approvals = new Approvals(fabric.keyValue, { subjects, clock });
    const { messages, queue } = fabric;
    const isHeard = wire !== null || resources.isDistributed;
    this.teller = isHeard ? new EventTeller({ messages, subjects, node, clock, log }) : null;
    this.#presence = resources.isDistributed ? this.#presenceAs(resources) : null;
    const isGone = (node: string) => resources.isGone(node) || (this.#presence?.isGone(node) ?? false);
    const { subscribe } = options;
    const { name, isDistributed, version } = resources;
    this.view = new MeshView({ name, fabric, subjects, isGone, node, version, isDistributed, subscribe });
    this.#parts = {
      clock,
      log,
      fabric,
      stores,
      node,
      isGone,
      peers:
        this.#presence === null
          ? null
          : { roles: new RoleBook(fabric.keyValue), prefix: `${shortNameOf(node)}-` },
      subjects,
      directory: this.directory,
      admission: new Admission({ total: resources.concurrency }),
      results,
      registry,
      approvals: this.approvals,
      book: this.book,
      tiers: resources.tiers,
      budget: resources.budget,
      blobs: this.blobs,
      model: () => opened(this.#openModel, "model"),
      sandbox: () => opened(this.#openSandbox, "sandbox"),
      operations: (from, task) => this.#operationsOf(from, task),
      defaults,
      teller: this.teller,
      board: this.teller === null ? null : boardOf(resources, this.teller),
      inspect: options.inspect,
      telemetry: resources.telemetry,
      tally: new Tally(),
      nextSeed: () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
    };
    this.desk = new TaskDesk(this.#parts, population, options.publish);
    this.#toolbox = new Toolbox({ servers: resources.mcp, open: resources.openTools, log, clock });
    const nodes = () => this.#presence?.nodes.length ?? 1;
    const { telemetry } = resources;
    this.#unread.push(tellReadings({ telemetry, population, queue, subjects, nodes }));
    this.#statusLine = new StatusLine({
      messages,
      subjects,
      node,
      version,
      clock,
      population,
      tally: this.#parts.tally,
      places: resources.concurrency,
      models: () => this.#models,
    });
    const office = { desk: this.desk, population, subjects, queue, mesh: name, node, version, clock, log };
    this.#clientDesks =
      wire === null
        ? []
        : [
            new FrontDesk({ wire, ...office }),
            new PromptDesk({ wire, approvals: this.approvals, ...office }),
          ];
  }

  /** Begins to take up a role's tasks, from its queue and from clients. */
  async serve(role: string): Promise<void> {
    await this.desk.serve(role);
    const agent = this.#population.agent(role);
    for (const desk of this.#clientDesks) await desk.serve(agent);
  }

  /** Learns of the mesh's other nodes, and shows this one to them. @throws StorageError */
  async open(): Promise<void> {
    await this.#parts.board?.open();
    await this.#presence?.open();
  }

  /** Whether the process of that name surely runs no more. */
  isGone(node: string): boolean {
    return this.#parts.isGone(node);
  }

  /** Starts one more actor of an agent, and opens what it needs first. */
  async spawn(agent: AgentDefinition, instance?: string): Promise<Address> {
    if (agent.kind === "prompt") {
      this.#sandbox ??= this.#measuredSandbox();
      this.#openSandbox = await this.#sandbox;
      if (agent.model === undefined || !isModel(agent.model)) {
        this.#model ??= this.resources.openModel();
        this.#openModel = await this.#model;
      }
    }
    const equipped = agent.kind === "prompt" ? await this.#toolbox.equip(agent) : agent;
    const actor = this.#population.spawn(equipped, this.#parts, {
      instance,
      execute: (task, options) => this.desk.execute(agent.role, task, options),
      onReadiness: () => this.desk.fit(agent.role),
      onExhausted: (crash) =>
        this.#publish({
          type: "actor-exhausted",
          address: actor.address,
          message: crash?.message ?? "unknown",
        }),
    });
    this.#statusLine.follow(actor);
    this.#publish({ type: "actor-started", address: actor.address });
    void actor.ended.then(() => {
      this.#publish({ type: "actor-stopped", address: actor.address });
      this.#presence?.announce();
    });
    await this.#parts.peers?.roles.note(agent);
    this.#presence?.announce();
    return actor.address;
  }

  /** Stops all actors; may be called again with `cancel` or `suspend` while it drains. */
  async stop(mode: MeshStopMode, reason: string): Promise<void> {
    // At once, before anything is waited for: what comes from now on is for other nodes.
    this.#statusLine.stopping();
    const drained = mode === "drain" ? this.desk.drain() : undefined;
    for (const desk of this.#clientDesks) await desk.close();
    if (mode === "drain") {
      // Tasks may give tasks to other agents: no actor leaves before all tasks are done.
      this.#population.resumeAll();
      await drained;
      await this.desk.drain();
    }
    await this.desk.close(mode === "cancel" ? "cancel" : "leave", reason);
    await this.#population.stopAll(mode === "drain" ? "drain" : "cancel", reason);
    for (const desk of this.#clientDesks) await desk.settled();
    await this.#toolbox.close();
    this.teller?.close();
    await this.approvals[Symbol.asyncDispose]();
    await this.#presence?.[Symbol.asyncDispose]();
    for (const unread of this.#unread) unread();
    this.#statusLine.close();
  }

  /** The models that agents ask, by name, each once. */
  get #models(): readonly string[] {
    const asked = this.#population.agents.flatMap((agent) => {
      if (agent.kind === "custom") return [];
      const { model } = agent;
      return model !== undefined && isModel(model) ? [model.name] : [this.#openModel?.name ?? ""];
    });
    return [...new Set(asked)].filter((name) => name !== "");
  }

  async #measuredSandbox(): Promise<Sandbox> {
    const { telemetry } = this.resources;
    const sandbox = await this.resources.openSandbox();
    this.#unread.push(readSandbox(sandbox, telemetry));
    return measureSandbox(sandbox, { telemetry });
  }

  #presenceAs({ node, version, clock, log, fabric }: MeshResources): Presence {
    return new Presence(fabric.keyValue, {
      node,
      version,
      clock,
      log,
      actors: () => this.directory.own,
      listener: {
        seen: (record) => this.directory.replace(record.node, record.actors),
        gone: (gone) => {
          this.post.lose(this.directory.replace(gone, []));
          this.desk.fit();
        },
      },
    });
  }

  /** What is asked for within the caller's trace where it names none. */
  traced<O extends Traced>(options: O): O {
    if (options.trace !== undefined) return options;
    const trace = this.resources.telemetry.activeTrace();
    return trace === undefined ? options : { ...options, trace };
  }

  #operationsOf(from: Address, task: TaskTelemetry = noTaskTelemetry): ActorOperations {
    const { telemetry } = this.resources;
    return {
      send: (to, body) => this.post.send(from, to, body),
      ask: (to, body, options) => this.post.ask(from, to, body, options),
      broadcast: (to, body) => this.post.broadcast(from, to, body),
      discover: async (query) => this.directory.find(query),
      execute: (role, given) =>
        this.desk.execute(role, given, { trace: telemetry.activeTrace() ?? task.trace }),
    };
  }
}

function boardOf({ fabric, wire }: MeshResources, teller: EventTeller): ResultBoard {
  return new ResultBoard({ keyValue: fabric.keyValue, teller, maxBytes: wire?.maxPayload ?? Infinity });
}

function opened<T>(part: T | null, what: string): T {
  if (part !== null) return part;
  throw new MeshStateError(`The mesh has no ${what} open: no agent was known that needs one.`);
}

/** A node in a few characters, fit for an address. */
function shortNameOf(node: string): string {
  return createHash("sha256").update(node).digest("hex").slice(0, PREFIX_LENGTH);
}
