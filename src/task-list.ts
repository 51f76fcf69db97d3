// The tasks of a mesh as their journals tell of them, beside whatever mesh runs on the same data.
// Invariant: reading changes nothing and claims nothing; only the journal of a task that has ended is ever deleted.
import { TaskError, UnknownError } from "./core/errors.ts";
import { readEntries, type JournalEntry, type StepOf } from "./core/journal.ts";
import { addTokens, NO_TOKENS, type TokenUsage } from "./core/model.ts";
import { isName } from "./core/names.ts";
import type { DeadLetter, Ledger, Queue } from "./core/ports.ts";
import { afterMark, type Mark, type Marked } from "./ledger-mark.ts";
import { taskIdOfQueued } from "./core/queued-task.ts";
import type { Subjects } from "./core/subjects.ts";
import type { TaskFailure, TaskResult, TaskStatus } from "./core/task.ts";

/** Where a task stands: `waiting` for a mesh to take it up, taken up, waiting for a person, or how it ended. */
export const TASK_STANDINGS = [
  "waiting",
  "running",
  "awaiting-approval",
  "success",
  "failure",
  "cancelled",
] as const;

/** Where a task stands. */
export type TaskStanding = (typeof TASK_STANDINGS)[number];

/** A task as it is listed. */
export interface TaskSummary {
  readonly taskId: string;
  readonly role: string;
  /** The task in plain language. */
  readonly task: string;
  readonly status: TaskStanding;
  /**
   * Whether it was begun and then left, or its process is known to be gone: it goes on when a mesh with its role and its
   * task queue starts.
   */
  readonly interrupted: boolean;
  /** The approval that it waits for; null where it waits for none. */
  readonly approvalId: string | null;
  /** The process that took it up last; null where none did. */
  readonly node: string | null;
  /** The task queue that it was put into; null for the mesh's common one. */
  readonly queue: string | null;
  /** The workflow that it is a step of; null where it is none. */
  readonly step: StepOf | null;
  /** Milliseconds since 1970. */
  readonly acceptedAt: number;
  /** Null where it has not ended. */
  readonly endedAt: number | null;
  readonly repairs: number;
  readonly tokens: TokenUsage;
  /** US dollars for its model calls up to now; null where a price is unknown. */
  readonly costUsd: number | null;
  readonly error: TaskFailure | null;
}

/** Which tasks are wanted. */
export interface TaskFilter {
  /** Tasks of this role; of any where absent. */
  readonly role?: string | undefined;
  /** Tasks that stand so; any where absent. */
  readonly status?: TaskStanding | undefined;
  /** Accepted no later than this, in milliseconds since 1970. */
  readonly until?: number | undefined;
  /** Older than this task of a list that was read before: what follows it there. */
  readonly before?: { readonly acceptedAt: number; readonly taskId: string } | undefined;
  /** The newest so many; all where absent. */
  readonly limit?: number | undefined;
}

/** What a {@link TaskList} reads. */
export interface TaskListOptions {
  /** The names of the mesh, as `createSubjects` gives them. */
  readonly subjects: Subjects;
  /** Where tasks wait, and the dead ones are; asked for them only. */
  readonly queue?: Queue | undefined;
  /** Whether a process runs no more, as far as can be told; where absent, none is called gone. */
  readonly isGone?: ((node: string) => boolean) | undefined;
}

/** A dead letter of a role's queue. */
export interface DeadTask extends DeadLetter {
  readonly role: string;
  /** The task that it names; the letter's own id where it names none. */
  readonly taskId: string;
}

/** So many journals are looked at together: where they are a network away, one after the other takes long. */
const READ_AT_ONCE = 64;
/** A queue remembers ids for so long: a task given anew under one of them would not be queued. In milliseconds. */
const REMEMBERED_MS = 120_000;

/** Reads the journals of a mesh's tasks. */
export class TaskList {
  readonly #ledger: Ledger;
  readonly #options: TaskListOptions;
  /** How tasks were accepted that were looked at before: what a journal begins with stays as long as it does. */
  #heads = new Map<string, Acceptance>();

  constructor(ledger: Ledger, options: TaskListOptions) {
    this.#ledger = ledger;
    this.#options = options;
  }

  /** The tasks that fit, the newest first; `more` says how many older ones were not looked at. */
  async list(
    filter: TaskFilter = {},
  ): Promise<{ readonly tasks: readonly TaskSummary[]; readonly more: number }> {
    const { role, status, until = Infinity, limit = Infinity, before } = filter;
    const all = await this.#accepted();
    const wanted = all.filter(
      (one) =>
        (role === undefined || one.role === role) &&
        one.at <= until &&
        (before === undefined || order({ at: before.acceptedAt, taskId: before.taskId }, one) < 0),
    );
    const tasks: TaskSummary[] = [];
    for (const [index, { taskId, at }] of wanted.entries()) {
      if (tasks.length >= limit) return { tasks, more: wanted.length - index };
      const summary = await this.#summary(taskId);
      // Deleted and given anew since: the next list has it in its place.
      if (summary?.acceptedAt !== at) this.#heads.delete(taskId);
      if (summary === null || (role !== undefined && summary.role !== role)) continue;
      if (status === undefined || summary.status === status) tasks.push(summary);
    }
    return { tasks, more: 0 };
  }

  /** One task; null where there is none of that id. */
  async find(taskId: string): Promise<TaskSummary | null> {
    return isName(taskId) ? this.#summary(taskId) : null;
  }

  /** The result of a task that has ended; null where it has not, or there is none of that id. */
  async result(taskId: string): Promise<TaskResult | null> {
    if (!isName(taskId)) return null;
    const name = this.#options.subjects.journal(taskId);
    const last = await this.#ledger.last(name);
    const end = last === null ? undefined : readEntries(last.payload, name).at(-1);
    return end?.type === "finished" ? end.result : null;
  }

  /** What follows a mark in a task's journal, null for its begin, at most so many writes at once; empty where nothing does. */
  async after(taskId: string, mark: Mark | null, limit: number): Promise<readonly Marked<JournalEntry>[]> {
    const name = this.#options.subjects.journal(taskId);
    return afterMark(this.#ledger, { name, mark, limit, read: (payload) => readEntries(payload, name) });
  }

  /** The roles that have tasks, sorted. */
  async roles(): Promise<readonly string[]> {
    return [...new Set((await this.#accepted()).map(({ role }) => role))].sort();
  }

  /** The ids of all tasks, sorted. */
  async ids(): Promise<readonly string[]> {
    const prefix = this.#options.subjects.journal();
    return (await this.#ledger.names(prefix)).map((name) => name.slice(prefix.length));
  }

  /**
   * A task's whole journal.
   *
   * @throws UnknownError `TASK_UNKNOWN` where there is none; JournalError where it is damaged.
   */
  async read(taskId: string): Promise<readonly JournalEntry[]> {
    const entries = isName(taskId) ? await this.#read(taskId) : [];
    if (entries.length > 0) return entries;
    throw new UnknownError("TASK_UNKNOWN", `There is no journal of a task "${taskId}" in this mesh.`);
  }

  /** Tasks of these roles that their queues, the common ones and others, gave up; oldest first. */
  async dead(roles: readonly string[]): Promise<readonly DeadTask[]> {
    const { queue, subjects } = this.#options;
    const queues = new Map(roles.map((role) => [subjects.tasks(role, null), role]));
    for (const { role, queue: taskQueue = null } of await this.#accepted()) {
      if (roles.includes(role)) queues.set(subjects.tasks(role, taskQueue), role);
    }
    const found: DeadTask[] = [];
    for (const [name, role] of queues) {
      for (const letter of (await queue?.dead(name)) ?? []) {
        found.push({ ...letter, role, taskId: taskIdOfQueued(letter) });
      }
    }
    return found.sort((a, b) => a.at - b.at);
  }

  /**
   * Deletes the journal of a task that has ended; its stored result stays.
   *
   * @throws UnknownError `TASK_UNKNOWN`; TaskError where it has not ended, or did so less than two minutes ago.
   */
  async delete(taskId: string, now: number = Date.now()): Promise<TaskSummary> {
    const summary = summarize(await this.read(taskId));
    if (summary.endedAt === null) {
      throw new TaskError(
        `Cannot delete the journal of the task "${taskId}": it has not ended (${summary.status}), and its journal is ` +
          "all that keeps its work from being done and paid again. Let it end, or cancel it, first.",
      );
    }
    const left = summary.endedAt + REMEMBERED_MS - now;
    if (left > 0) {
      throw new TaskError(
        `Cannot delete the journal of the task "${taskId}" yet: it ended less than two minutes ago, and its queue still ` +
          `remembers its id. Try again in ${Math.ceil(left / 1000)} s.`,
        { retryable: true },
      );
    }
    await this.#ledger.delete(this.#options.subjects.journal(taskId));
    return summary;
  }

  /** How each task was accepted, the newest first. */
  async #accepted(): Promise<readonly Acceptance[]> {
    const ids = await this.ids();
    const heads = new Map<string, Acceptance>();
    for (let at = 0; at < ids.length; at += READ_AT_ONCE) {
      const group = ids.slice(at, at + READ_AT_ONCE);
      const found = await Promise.all(group.map(async (id) => this.#heads.get(id) ?? this.#head(id)));
      for (const head of found) if (head !== null) heads.set(head.taskId, head);
    }
    this.#heads = heads;
    return [...heads.values()].sort(order);
  }

  async #head(taskId: string): Promise<Acceptance | null> {
    const name = this.#options.subjects.journal(taskId);
    const [head] = await this.#ledger.read(name, { limit: 1 });
    const [first] = head === undefined ? [] : readEntries(head.payload, name);
    if (first?.type !== "accepted") return null;
    const { at, role, queue = null } = first;
    return { taskId, at, role, queue };
  }

  /** Of a task that has ended, its first and last entries say all. */
  async #summary(taskId: string): Promise<TaskSummary | null> {
    const name = this.#options.subjects.journal(taskId);
    const [[head], last] = await Promise.all([
      this.#ledger.read(name, { limit: 1 }),
      this.#ledger.last(name),
    ]);
    if (head === undefined || last === null) return null;
    const ends = [head, last].flatMap(({ payload }) => readEntries(payload, name));
    const entries = ends.some(({ type }) => type === "finished") ? ends : await this.#read(taskId);
    return entries.length === 0 ? null : summarize(entries, this.#options.isGone);
  }

  async #read(taskId: string): Promise<readonly JournalEntry[]> {
    const name = this.#options.subjects.journal(taskId);
    return (await this.#ledger.read(name)).flatMap(({ payload }) => readEntries(payload, name));
  }
}

/** How a task was accepted. */
interface Acceptance {
  readonly taskId: string;
  readonly at: number;
  readonly role: string;
  readonly queue: string | null;
}

/** The newest first; of one millisecond, by their ids. */
function order(a: Pick<Acceptance, "at" | "taskId">, b: Pick<Acceptance, "at" | "taskId">): number {
  if (a.at !== b.at) return b.at - a.at;
  return a.taskId < b.taskId ? -1 : a.taskId > b.taskId ? 1 : 0;
}

/**
 * What a journal comes to.
 *
 * @throws UnknownError where it does not begin with the acceptance of a task.
 */
export function summarize(
  entries: readonly JournalEntry[],
  isGone: (node: string) => boolean = () => false,
): TaskSummary {
  const [accepted] = entries;
  if (accepted?.type !== "accepted") {
    throw new UnknownError("TASK_UNKNOWN", "The journal does not begin with the acceptance of a task.");
  }
  const { taskId, role, task, step, queue = null, at: acceptedAt } = accepted;
  const finished = entries.find((entry) => entry.type === "finished");
  const owner = entries.findLast((entry) => entry.type === "claimed" || entry.type === "left");
  const about = { taskId, role, task, step, queue, acceptedAt, node: owner?.node ?? null };
  if (finished !== undefined) {
    const { status, repairs, tokens, costUsd, error } = finished.result;
    const ended = { interrupted: false, approvalId: null, endedAt: finished.at };
    return { ...about, ...ended, status, repairs, tokens, costUsd, error };
  }
  const asked = entries.findLast((entry) => entry.type === "approval-asked");
  const isAnswered = entries.some(
    (entry) => entry.type === "approval-answered" && entry.approvalId === asked?.approvalId,
  );
  const approvalId = asked === undefined || isAnswered ? null : asked.approvalId;
  const interrupted = owner !== undefined && (owner.type === "left" || isGone(owner.node));
  const status: Exclude<TaskStanding, TaskStatus> =
    approvalId !== null ? "awaiting-approval" : owner === undefined || interrupted ? "waiting" : "running";
  return { ...about, ...spentOn(entries), status, interrupted, approvalId, endedAt: null, error: null };
}

/** What was spent on a task that has not ended. */
function spentOn(entries: readonly JournalEntry[]): Pick<TaskSummary, "tokens" | "costUsd" | "repairs"> {
  let tokens = NO_TOKENS;
  let costUsd: number | null = 0;
  let repairs = 0;
  for (const entry of entries) {
    if (entry.type === "model-asked") repairs = Math.max(repairs, entry.repair);
    if (entry.type !== "model-answered") continue;
    const { answer } = entry;
    tokens = addTokens(tokens, answer.tokens);
    costUsd = costUsd === null || answer.costUsd === null ? null : costUsd + answer.costUsd;
  }
  return { tokens, costUsd, repairs };
}
