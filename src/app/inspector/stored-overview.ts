// The mesh at a glance where no node can be asked: out of the journals that its data folder holds.
// Invariant: it counts what is stored, of all times; nothing is said of processes, which it cannot see.
import { addSums, NO_SUMS, type TaskSums } from "../../tally.ts";
import type { AgentRow, MeshTotals, TaskRow } from "./shapes.ts";

/** Agents and totals, from tasks. */
export function storedOverview(rows: Iterable<TaskRow>): {
  readonly agents: readonly AgentRow[];
  readonly totals: MeshTotals;
} {
  const roles = new Map<string, TaskRow[]>();
  for (const row of rows) {
    const known = roles.get(row.role);
    if (known === undefined) roles.set(row.role, [row]);
    else known.push(row);
  }
  const found = [...roles].sort(([a], [b]) => (a < b ? -1 : 1)).map(([role, tasks]) => agentOf(role, tasks));
  const all = [...roles.values()].flat();
  const totals = { actors: 0, ...standingsOf(all), ...sumsOf(all) };
  return { agents: found, totals };
}

function agentOf(role: string, tasks: readonly TaskRow[]): AgentRow {
  const { tokens: _, ...sums } = sumsOf(tasks);
  const open = tasks.filter(({ endedAt, status }) => endedAt === null && status !== "waiting");
  const taskStates: Record<string, number> = {};
  for (const { state } of open) if (state !== null) taskStates[state] = (taskStates[state] ?? 0) + 1;
  const nobody = { kind: null, capabilities: [], nodes: [], actors: 0, isPaused: false, states: {} };
  return { role, ...nobody, taskStates, ...standingsOf(tasks), ...sums };
}

function standingsOf(tasks: readonly TaskRow[]) {
  const count = (status: TaskRow["status"]) => tasks.filter((task) => task.status === status).length;
  return {
    running: count("running"),
    waiting: 0,
    awaitingApproval: count("awaiting-approval"),
    queued: count("waiting"),
  };
}

function sumsOf(tasks: readonly TaskRow[]): TaskSums {
  return tasks.reduce<TaskSums>((sum, { status, repairs, costUsd, tokens, endedAt }) => {
    if (endedAt === null) return sum;
    return addSums(sum, { ...NO_SUMS, [status]: 1, repairs, costUsd, tokens });
  }, NO_SUMS);
}
