// The workflows of a mesh as their records tell of them, whichever process works on them.
// Invariant: reading changes nothing and takes no lease.
import type { Budget } from "./core/budget.ts";
import type { WorkflowStep } from "./core/dag.ts";
import { NO_TOKENS, type TokenUsage } from "./core/model.ts";
import { isName } from "./core/names.ts";
import type { Ledger } from "./core/ports.ts";
import type { TaskStatus } from "./core/task.ts";
import { isPlain } from "./core/workflow.ts";
import { sumOf, type StepStatus } from "./core/workflow-result.ts";
import { afterMark, type Mark, type Marked } from "./ledger-mark.ts";
import { readWorkflowEntry, RECORD_PREFIX, type WorkflowEntry } from "./workflow-record.ts";

/** Where a step stands: it waits for others, or is under way, or how it ended. */
export type StepStanding = "waiting" | "running" | StepStatus;

/** A step of a workflow as it is listed. */
export interface StepSummary {
  readonly id: string;
  readonly agent: string;
  readonly dependsOn: readonly string[];
  readonly status: StepStanding;
  /** Its tasks that have ended, in the order of their ends. */
  readonly tasks: readonly { readonly taskId: string; readonly status: TaskStatus }[];
}

/** A workflow as it is listed. */
export interface WorkflowSummary {
  readonly workflowId: string;
  readonly status: "running" | TaskStatus;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Null where it has not ended. */
  readonly endedAt: number | null;
  readonly steps: readonly StepSummary[];
  /** Of the tasks that have ended. */
  readonly tokens: TokenUsage;
  readonly costUsd: number | null;
}

/** Which workflows are wanted. */
export interface WorkflowFilter {
  /** Older than this one of a list that was read before: what follows it there. */
  readonly before?: { readonly startedAt: number; readonly workflowId: string } | undefined;
  /** At most so many; all where absent. */
  readonly limit?: number | undefined;
}

/** What a workflow was begun with. */
export interface WorkflowOutline {
  readonly context: Readonly<Record<string, unknown>>;
  /** Null where functions decide on its steps. */
  readonly steps: readonly WorkflowStep[] | null;
  readonly budget: Budget | undefined;
}

/** Reads the records of a mesh's workflows. */
export class WorkflowList {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** The ids of all workflows, sorted. */
  async ids(): Promise<readonly string[]> {
    const names = await this.#ledger.names(RECORD_PREFIX);
    return names.map((name) => name.slice(RECORD_PREFIX.length));
  }

  /** The workflows, those that were begun last first; `more` says how many older ones were not looked at. */
  async list({ before, limit = Infinity }: WorkflowFilter = {}): Promise<{
    readonly workflows: readonly WorkflowSummary[];
    readonly more: number;
  }> {
    const begun: Begin[] = [];
    for (const workflowId of await this.ids()) {
      const [first] = await this.#ledger.read(RECORD_PREFIX + workflowId, { limit: 1 });
      if (first !== undefined) begun.push({ startedAt: first.at, workflowId });
    }
    const wanted = begun.filter((one) => before === undefined || order(before, one) < 0).sort(order);
    const page = wanted.slice(0, limit);
    const found = await Promise.all(page.map(({ workflowId }) => this.find(workflowId)));
    return { workflows: found.filter((one) => one !== null), more: wanted.length - page.length };
  }

  /** One workflow; null where there is none of that id. @throws JournalError where its record is damaged. */
  async find(id: string): Promise<WorkflowSummary | null> {
    const stored = isName(id) ? await this.#ledger.read(RECORD_PREFIX + id) : [];
    const [first, last] = [stored[0], stored.at(-1)];
    if (first === undefined || last === undefined) return null;
    return summarize(
      id,
      stored.map(({ payload }) => readWorkflowEntry(id, payload)),
      { startedAt: first.at, lastAt: last.at },
    );
  }

  /** What a workflow was begun with; null where there is none of that id. @throws JournalError */
  async outline(id: string): Promise<WorkflowOutline | null> {
    const [first] = isName(id) ? await this.#ledger.read(RECORD_PREFIX + id, { limit: 1 }) : [];
    const started = first === undefined ? null : readWorkflowEntry(id, first.payload);
    if (started?.type !== "started") return null;
    const { context, steps, budget } = started;
    return { context, budget, steps: isPlain(steps) ? steps : null };
  }

  /** What follows a mark in a workflow's record, null for its begin, at most so many entries; empty where nothing does. */
  async after(id: string, mark: Mark | null, limit: number): Promise<readonly Marked<WorkflowEntry>[]> {
    const name = RECORD_PREFIX + id;
    return afterMark(this.#ledger, {
      name,
      mark,
      limit,
      read: (payload) => [readWorkflowEntry(id, payload)],
    });
  }
}

function summarize(
  workflowId: string,
  entries: readonly WorkflowEntry[],
  { startedAt, lastAt }: { readonly startedAt: number; readonly lastAt: number },
): WorkflowSummary {
  const results = entries.flatMap((entry) => (entry.type === "task-ended" ? [entry] : []));
  const ended = entries.find((entry) => entry.type === "ended");
  const ends = new Map(
    entries.flatMap((entry) => (entry.type === "step-ended" ? [[entry.step, entry.status] as const] : [])),
  );
  const planned = entries.flatMap((entry) => (entry.type === "started" ? entry.steps : []));
  const steps = planned.map(({ id, agent, dependsOn: names = [] }): StepSummary => {
    const dependsOn = names.map(String);
    const isReady = ended === undefined && dependsOn.every((name) => ends.has(name));
    const tasks = results
      .filter(({ step }) => step === id)
      .map(({ result: { taskId, status } }) => ({ taskId, status }));
    return { id, agent, dependsOn, status: ends.get(id) ?? (isReady ? "running" : "waiting"), tasks };
  });
  const spent =
    results.length === 0 ? { tokens: NO_TOKENS, costUsd: 0 } : sumOf(results.map(({ result }) => result));
  return {
    workflowId,
    status: ended?.status ?? "running",
    startedAt,
    endedAt: ended === undefined ? null : lastAt,
    steps,
    ...spent,
  };
}

type Begin = NonNullable<WorkflowFilter["before"]>;

/** The newest first; of one millisecond, by their ids. */
function order(a: Begin, b: Begin): number {
  if (a.startedAt !== b.startedAt) return b.startedAt - a.startedAt;
  return a.workflowId < b.workflowId ? -1 : a.workflowId > b.workflowId ? 1 : 0;
}
