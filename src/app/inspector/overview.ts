// The mesh at a glance, out of what its nodes say of themselves.
// Invariant: pure: what nodes said goes in, one picture of all comes out; a node that is gone has nothing in hand, but
// what it did counts as long as it is shown.
import type { NodeStatus, RoleStatus } from "../../core/node-status.ts";
import { addSums, NO_SUMS, type TaskSums } from "../../tally.ts";
import type { AgentRow, MeshTotals, NodeRow } from "./shapes.ts";

/** A node as it is known. */
export interface KnownNode {
  readonly name: string;
  readonly isSelf: boolean;
  readonly version: string | null;
  readonly startedAt: number | null;
  /** Actors by its own announcement, where it has not answered. */
  readonly announced: number;
  readonly state: NodeRow["state"];
  readonly goneAt: number | null;
  /** What it said last; null where it never answered. */
  readonly status: NodeStatus | null;
}

/** A role as the mesh knows it. */
export interface KnownRole {
  readonly role: string;
  readonly capabilities: readonly string[];
}

/** Tasks in hand by what they do. */
interface InHand {
  readonly running: number;
  readonly waiting: number;
  readonly awaitingApproval: number;
}

/** A node's row. */
export function nodeRow(node: KnownNode): NodeRow {
  const { name, isSelf, state, goneAt, status } = node;
  const roles = state === "gone" ? [] : (status?.roles ?? []);
  const actors = roles.reduce((sum, role) => sum + role.actors, 0);
  return {
    name,
    version: status?.version ?? node.version,
    isSelf,
    state,
    startedAt: status?.startedAt ?? node.startedAt,
    goneAt,
    actors: status === null && state !== "gone" ? node.announced : actors,
    ...sumOf(roles.map(inHand)),
    places: state === "gone" ? 0 : (status?.places ?? 0),
  };
}

/** The agents' rows, sorted by role. */
export function agentRows(
  nodes: readonly KnownNode[],
  { roles, queued }: { readonly roles: readonly KnownRole[]; readonly queued: ReadonlyMap<string, number> },
): readonly AgentRow[] {
  const names = new Set(roles.map(({ role }) => role));
  for (const { status } of nodes) for (const { role } of status?.roles ?? []) names.add(role);
  return [...names].sort().map((role) => {
    const all = nodes.flatMap((node) => ofRole(node, role));
    const here = nodes.filter(({ state }) => state !== "gone").flatMap((node) => ofRole(node, role));
    const sums = all.map(({ said }) => said.ended).reduce(addSums, NO_SUMS);
    const { success, failure, cancelled, repairs, costUsd } = sums;
    const actors = here.reduce((sum, { said }) => sum + said.actors, 0);
    const hands = sumOf(here.map(({ said }) => inHand(said)));
    const waiting = queued.get(role);
    return {
      role,
      kind: here[0]?.said.kind ?? null,
      capabilities: here[0]?.said.capabilities ?? roles.find((one) => one.role === role)?.capabilities ?? [],
      nodes: here.filter(({ said }) => said.actors > 0).map(({ node }) => node),
      actors,
      isPaused: actors > 0 && here.every(({ said }) => said.paused === said.actors),
      states: addCounts(here.map(({ said }) => said.states)),
      taskStates: addCounts(here.map(({ said }) => said.taskStates)),
      ...hands,
      queued: waiting ?? null,
      success,
      failure,
      cancelled,
      repairs,
      costUsd,
    };
  });
}

/** What all come to. */
export function totalsOf(nodes: readonly KnownNode[], agents: readonly AgentRow[]): MeshTotals {
  const ended = nodes.flatMap(({ status }) => status?.roles.map((role) => role.ended) ?? []);
  const sums: TaskSums = ended.reduce<TaskSums>(addSums, NO_SUMS);
  return {
    actors: nodes.reduce((sum, node) => sum + nodeRow(node).actors, 0),
    ...sumOf(agents),
    queued: agents.reduce((sum, agent) => sum + (agent.queued ?? 0), 0),
    ...sums,
  };
}

function ofRole({ name, status }: KnownNode, role: string): { node: string; said: RoleStatus }[] {
  const said = status?.roles.find((one) => one.role === role);
  return said === undefined ? [] : [{ node: name, said }];
}

function inHand({ taskStates }: RoleStatus): InHand {
  const { queued: waiting = 0, awaitingApproval = 0, ...others } = taskStates;
  return { waiting, awaitingApproval, running: Object.values(others).reduce((sum, count) => sum + count, 0) };
}

function sumOf(parts: readonly InHand[]): InHand {
  const sum = (of: keyof InHand) => parts.reduce((total, part) => total + part[of], 0);
  return { running: sum("running"), waiting: sum("waiting"), awaitingApproval: sum("awaitingApproval") };
}

function addCounts(parts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const part of parts) {
    for (const [state, count] of Object.entries(part)) sums[state] = (sums[state] ?? 0) + count;
  }
  return sums;
}
