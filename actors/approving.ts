// The effect behind `awaitingApproval`: asks a person, and waits for the answer, over restarts if need be.
// Invariant: that it was asked is in the journal before anybody can answer, the answer before the chart hears it.
import type { ApprovalAnswer, ApprovalRequest } from "../src/core/approval.ts";
import type { AgentDefinition } from "../src/core/agent.ts";
import type { Assignment } from "./assignment.ts";
import type { ActorParts } from "./parts.ts";

/** Asks for an approval, unless the journal has the answer. */
export async function awaitApproval(
  agent: AgentDefinition,
  { approvals }: Pick<ActorParts, "approvals">,
  options: {
    readonly assignment: Assignment;
    readonly request: ApprovalRequest;
    readonly signal: AbortSignal;
  },
): Promise<ApprovalAnswer> {
  const { assignment, request, signal } = options;
  const { journal, task } = assignment;
  const { approvalId } = request;
  const answered = journal.find("approval-answered", (entry) => entry.approvalId === approvalId);
  if (answered !== undefined) {
    const { decision, by, note } = answered;
    return { decision, by, note };
  }
  const asked = journal.find("approval-asked", (entry) => entry.approvalId === approvalId);
  if (asked === undefined) await journal.append({ type: "approval-asked", ...request });
  const timeoutMs = agent.kind === "prompt" ? agent.approvalTimeoutMs : undefined;
  await approvals.ask(request, { role: agent.role, task, timeoutMs });
  assignment.tell({ type: "approval", approvalId, subject: request.subject });
  const answer = await approvals.wait(approvalId, signal);
  await journal.append({ type: "approval-answered", approvalId, ...answer });
  await approvals.close(approvalId);
  return answer;
}
