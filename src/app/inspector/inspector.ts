// The inspector: what is asked of it by its page, and what it tells while somebody looks.
// Invariant: nothing is asked, heard or kept while nobody looks; a minute after the last look, all is forgotten.
import { UnknownError } from "../../core/errors.ts";
import type { ActorQuestion } from "../../core/node-status.ts";
import type { Unsubscribe } from "../../core/ports.ts";
import type { HeardEvent } from "../../mesh-view.ts";
import type { TaskStanding } from "../../task-list.ts";
import { ApprovalBoard } from "./approval-board.ts";
import { Changes } from "./changes.ts";
import { Hub, type Interest } from "./hub.ts";
import type { Inspected } from "./inspected.ts";
import { agentRows, nodeRow, totalsOf, type KnownRole } from "./overview.ts";
import { RollCall } from "./roll-call.ts";
import type { RowPage, RowQuery } from "./row-index.ts";
import type {
  ActorPage,
  ApprovalPage,
  InspectorEvent,
  MeshOverview,
  TaskDetail,
  TaskRow,
  WorkflowDetail,
  WorkflowRow,
} from "./shapes.ts";
import { Shelves } from "./shelves.ts";
import { storedOverview } from "./stored-overview.ts";
import { TaskBook } from "./task-book.ts";
import { Veil } from "./veil.ts";
import { Watches } from "./watches.ts";
import { WorkflowBook } from "./workflow-book.ts";

/** What an {@link Inspector} takes. */
export interface InspectorOptions {
  /** Values that are never shown. */
  readonly secrets?: readonly string[] | undefined;
}

/** How often those who are there are asked, in milliseconds. */
const TICK_MS = 1_000;
/** So long after the last look all is forgotten, in milliseconds. */
const IDLE_MS = 60_000;
/** How often roles are asked for, and for how many roles a tick asks how long their queues are. */
const ROLES_MS = 10_000;
const QUEUES_AT_ONCE = 25;
/** So many tasks are read because something was heard of them, within so many milliseconds. */
const MOST_READS = 10;
const READS_MS = 250;

/** Looks at one mesh. */
export class Inspector implements AsyncDisposable {
  readonly hub = new Hub();
  readonly #mesh: Inspected;
  readonly #veil: Veil;
  readonly #roll: RollCall | null;
  readonly #book: TaskBook;
  readonly #workflowBook: WorkflowBook;
  readonly #changes: Changes;
  readonly #watches: Watches;
  readonly #approvals: ApprovalBoard;
  #shelves: Shelves;
  #roles: readonly KnownRole[] = [];
  #queued = new Map<string, number>();
  #overview: MeshOverview | null = null;
  #told = "";
  #streams = 0;
  #lookedAt = 0;
  #timer: ReturnType<typeof setInterval> | null = null;
  #ticking: Promise<void> | null = null;
  #unhear: Unsubscribe | null = null;
  #rolesDueAt = 0;
  #nextQueue = 0;
  #reads = { since: 0, count: 0 };

  constructor(mesh: Inspected, { secrets = [] }: InspectorOptions = {}) {
    this.#mesh = mesh;
    this.#veil = new Veil(secrets);
    this.#roll = mesh.nodes === null ? null : new RollCall(mesh.nodes);
    const veil = this.#veil;
    const publish = (event: InspectorEvent) => this.hub.publish(event);
    const systemOf = async (agent: Parameters<RollCall["systemOf"]>[0]) =>
      (await this.#roll?.systemOf(agent)) ?? null;
    this.#book = new TaskBook({ tasks: mesh.tasks, systemOf, veil });
    this.#changes = new Changes(publish);
    this.#approvals = new ApprovalBoard(mesh, { veil, publish });
    this.#workflowBook = new WorkflowBook({
      workflows: mesh.workflows,
      tasks: () => this.#shelves.tasks.rows(),
      veil,
    });
    this.#shelves = this.#newShelves();
    const { tasks } = mesh;
    this.#watches = new Watches({ tasks, book: this.#book, workflows: this.#workflowBook, veil, publish });
  }

  /** The mesh at a glance, not older than a second. */
  async overview(): Promise<MeshOverview> {
    this.#look();
    if (this.#overview === null || Date.now() - this.#overview.at > TICK_MS) await this.#tick();
    return this.#overview ?? this.#picture();
  }

  /** What was told of the mesh last. */
  get latest(): InspectorEvent | null {
    return this.#overview === null ? null : { type: "mesh", mesh: this.#overview };
  }

  async actors(question: ActorQuestion, node: string | undefined): Promise<ActorPage> {
    this.#look();
    if (this.#roll === null) return { actors: [], total: 0, cursor: null };
    const { actors, total } = await this.#roll.actors(question, { node });
    const rows = actors.map(({ unread: mailbox, ...actor }) => this.#veil.data({ ...actor, mailbox }));
    const last = rows.at(-1);
    const isLast = rows.length < question.limit;
    // A page counts what fits, from the first on.
    return { actors: rows, total, cursor: isLast || last === undefined ? null : last.address };
  }

  async tasks(options: RowQuery<TaskRow>): Promise<RowPage<TaskRow>> {
    this.#look();
    await this.#shelves.refresh();
    return this.#shelves.tasks.page(options);
  }

  async workflows(options: RowQuery<WorkflowRow>): Promise<RowPage<WorkflowRow>> {
    this.#look();
    await this.#shelves.refresh();
    return this.#shelves.workflows.page(options);
  }

  /** @throws UnknownError, JournalError */
  async task(taskId: string): Promise<TaskDetail> {
    this.#look();
    return this.#book.detail(taskId);
  }

  /** @throws Problem 404, JournalError */
  async workflow(id: string): Promise<WorkflowDetail> {
    this.#look();
    await this.#shelves.refresh();
    return this.#workflowBook.detail(id, { withGraph: true });
  }

  async approvals(): Promise<ApprovalPage> {
    this.#look();
    await this.#approvals.read();
    return this.#approvals.page;
  }

  /** @throws ApprovalError */
  async answer(
    approvalId: string,
    decision: "approved" | "rejected",
    note: string | undefined,
  ): Promise<void> {
    this.#look();
    await this.#mesh.answer(approvalId, decision, { note });
    await this.#approvals.read();
  }

  /** Has a task end. @throws UnknownError where none of that id is under way, or it cannot be reached from here. */
  async cancel(taskId: string, reason: string): Promise<void> {
    this.#look();
    if (this.#mesh.cancel === null) {
      throw new UnknownError(
        "TASK_UNKNOWN",
        `Cannot cancel the task "${taskId}" from here: this looks at the data of a mesh, not at the program that works ` +
          "on it. Cancel it where it runs.",
      );
    }
    await this.#mesh.cancel(taskId, reason);
    await this.#shelves.tasks.read(taskId).catch(() => null);
  }

  /** Pauses an agent on all nodes, or has it go on; gives the nodes that did not answer. @throws UnknownError */
  async setPaused(role: string, isPaused: boolean): Promise<readonly string[]> {
    this.#look();
    if (this.#roll === null) {
      throw new UnknownError(
        "AGENT_UNKNOWN",
        `No actors of the role "${role}" can be reached from stored data.`,
      );
    }
    const { silent } = await this.#roll.pause(role, isPaused);
    await this.#tick();
    return silent;
  }

  /** Somebody follows what happens; gives how to end that. */
  async follow(interest: Interest): Promise<Unsubscribe> {
    this.#look();
    this.#streams += 1;
    const unwatch = this.#watches.open(interest);
    let isOpen = true;
    const leave = () => {
      if (!isOpen) return;
      isOpen = false;
      this.#streams -= 1;
      this.#lookedAt = Date.now();
      unwatch();
    };
    try {
      if (this.#overview === null) await this.#tick();
      await this.#watches.ready(interest);
    } catch {
      // What cannot be read now is read at the next tick.
    }
    return leave;
  }

  /** How many follow. */
  get streams(): number {
    return this.#streams;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#rest();
    await this.#ticking?.catch(() => undefined);
  }

  /** Somebody looks: from now on what happens is heard. */
  #look(): void {
    this.#lookedAt = Date.now();
    if (this.#timer !== null) return;
    this.#unhear = this.#mesh.hear?.((event) => this.#hear(event)) ?? null;
    const timer = setInterval(() => {
      if (this.#streams > 0) void this.#tick();
      else if (Date.now() - this.#lookedAt > IDLE_MS) this.#rest();
    }, TICK_MS);
    (timer as { unref?: () => void }).unref?.();
    this.#timer = timer;
  }

  #rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#unhear?.();
    this.#unhear = null;
    this.#roll?.rest();
    this.#changes.close();
    this.#watches.close();
    this.#shelves.close();
    this.#shelves = this.#newShelves();
    this.#overview = null;
    this.#approvals.forget();
    this.#rolesDueAt = 0;
  }

  #newShelves(): Shelves {
    const { tasks, workflows, hear } = this.#mesh;
    const [book, workflowBook, changes] = [this.#book, this.#workflowBook, this.#changes];
    return new Shelves({ tasks, workflows, book, workflowBook, changes, isHeard: hear !== null });
  }

  #tick(): Promise<void> {
    this.#ticking ??= this.#turn().finally(() => (this.#ticking = null));
    return this.#ticking;
  }

  async #turn(): Promise<void> {
    const now = Date.now();
    // What does not answer is shown as it was known.
    const work: Promise<unknown>[] = [this.#approvals.refresh(), this.#readQueues()];
    if (this.#roll !== null) work.push(this.#roll.call());
    if (now >= this.#rolesDueAt) work.push(this.#readRoles());
    if (this.#streams > 0 || this.#roll === null) work.push(this.#shelves.refresh());
    await Promise.allSettled(work);
    await this.#watches.look();
    const mesh = this.#picture();
    this.#overview = mesh;
    const told = JSON.stringify({ ...mesh, at: 0 });
    if (told !== this.#told) this.hub.publish({ type: "mesh", mesh });
    this.#told = told;
    const { actors, isSampled } = this.#roll?.takeMoves() ?? { actors: [], isSampled: false };
    this.#changes.actors(actors, isSampled);
  }

  #picture(): MeshOverview {
    const { name, mode, version } = this.#mesh;
    const nodes = this.#roll?.nodes ?? [];
    const rows = agentRows(nodes, { roles: this.#roles, queued: this.#queued });
    const live = { agents: rows, totals: totalsOf(nodes, rows) };
    const { agents, totals } = this.#roll === null ? storedOverview(this.#shelves.tasks.rows()) : live;
    return this.#veil.data({
      name,
      mode,
      version,
      at: Date.now(),
      can: { cancel: this.#mesh.cancel !== null, pause: this.#roll !== null, approve: true },
      models: [...new Set(nodes.flatMap(({ status }) => status?.models ?? []))].sort(),
      nodes: nodes.map(nodeRow),
      agents,
      totals: { ...totals, awaitingApproval: this.#approvals.size },
    });
  }

  async #readRoles(): Promise<void> {
    this.#rolesDueAt = Date.now() + ROLES_MS;
    this.#roles = await this.#mesh.roles();
  }

  /** Some roles' queues at each tick, in turn. */
  async #readQueues(): Promise<void> {
    const { queued } = this.#mesh;
    if (queued === null || this.#roles.length === 0) return;
    const count = Math.min(QUEUES_AT_ONCE, this.#roles.length);
    const asked = Array.from({ length: count }, () => {
      return this.#roles[this.#nextQueue++ % this.#roles.length]?.role ?? "";
    });
    await Promise.all(asked.map(async (role) => this.#queued.set(role, await queued(role))));
  }

  #hear(event: HeardEvent): void {
    const { type, taskId, workflowId, role } = event;
    this.#watches.hear(event);
    if (workflowId !== undefined && role === undefined) {
      this.#changes.workflow(workflowId);
      if (/^workflow-/.test(type)) this.#readSoon(() => this.#shelves.workflows.read(workflowId));
      return;
    }
    if (taskId === undefined) return;
    if (type === "approval") this.#readSoon(() => this.#approvals.read());
    if (type === "state") this.#moved(event, taskId);
  }

  #moved({ state, role, node = null }: HeardEvent, taskId: string): void {
    if (typeof state !== "string" || typeof role !== "string") return;
    const status = standingOf(state);
    const known = this.#shelves.tasks.known(taskId);
    if (known?.status === "awaiting-approval") this.#readSoon(() => this.#approvals.read());
    this.#shelves.tasks.change(taskId, (row) => ({ ...row, state, status }));
    const from = typeof node === "string" ? this.#veil.text(node) : null;
    this.#changes.task({ taskId, role, node: from, at: Date.now(), states: [state], status });
    if (known === null || isEnd(status)) this.#readSoon(() => this.#shelves.tasks.read(taskId));
  }

  /** Reads what was heard of, unless there is much of it: then the next look through all does. */
  #readSoon(read: () => Promise<unknown>): void {
    const now = Date.now();
    if (now - this.#reads.since > READS_MS) this.#reads = { since: now, count: 0 };
    if (this.#reads.count >= MOST_READS) return;
    this.#reads.count += 1;
    read().catch(() => undefined);
  }
}

function standingOf(state: string): TaskStanding {
  switch (state) {
    case "awaitingApproval":
      return "awaiting-approval";
    case "done":
      return "success";
    case "failed":
      return "failure";
    case "cancelled":
      return "cancelled";
    case "left":
      return "waiting";
    default:
      return "running";
  }
}

function isEnd(status: TaskStanding): boolean {
  return status === "success" || status === "failure" || status === "cancelled";
}
