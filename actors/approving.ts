// The effect behind `awaitingApproval`: asks a person, and waits for the answer, over restarts if need be.
// Invariant: that it was asked is in the journal before anybody can answer, the answer before the chart hears it.
import type { ApprovalAnswer, ApprovalRequest } from "../src/core/approval.ts";
import type { AgentDefinition } from "../src/core/agent.ts";
import type { BudgetBook } from "../src/budgets.ts";
import type { Assignment } from "./assignment.ts";
import type { ActorParts } from "./parts.ts";

/** Asks for an approval, unless the journal has the answer. */
export async function awaitApproval(
  agent: AgentDefinition,
  { approvals, book }: Pick<ActorParts, "approvals" | "book">,
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
    // A crash between the two may have left it behind.
    await approvals.close(approvalId);
    const { decision, by, note } = answered;
    return { decision, by, note };
  }
  const asked = journal.find("approval-asked", (entry) => entry.approvalId === approvalId);
  if (asked === undefined) await journal.append({ type: "approval-asked", ...request });
  const timeoutMs = agent.kind === "prompt" ? agent.approvalTimeoutMs : undefined;
  await approvals.ask(request, { role: agent.role, task, timeoutMs });
  assignment.tell({ type: "approval", approvalId, subject: request.subject });
  const answer = await approvals.wait(approvalId, signal);
  if (answer.decision === "approved") await raiseBudget(book, request);
  await journal.append({ type: "approval-answered", approvalId, ...answer });
  await approvals.close(approvalId);
  return answer;
}

/** What was allowed beyond a budget is added to it; the approval's id makes it count once. */
async function raiseBudget(book: BudgetBook, { approvalId, subject }: ApprovalRequest): Promise<void> {
  if (subject.type !== "budget") return;
  await book.raise(subject.budget, { [subject.measure]: subject.wanted }, { id: approvalId });
}
