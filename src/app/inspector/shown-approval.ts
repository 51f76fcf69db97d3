// Approvals as the page shows them: what would be done, readable, through the veil.
// Invariant: of what is to be allowed nothing is left out but secrets and the end of what is very long.
import type { Approval, ApprovalSubject } from "../../core/approval.ts";
import type { Veil } from "./veil.ts";

/** What is asked for. */
export function shownSubject(subject: ApprovalSubject, veil: Veil): ApprovalSubject {
  if (subject.type !== "tools") return veil.data(subject);
  const calls = subject.calls.map(({ callId, tool, input }) => {
    return { callId, tool: veil.text(tool), input: veil.encoded(input) };
  });
  return { type: "tools", calls };
}

/** An approval. */
export function shownApproval({ subject, ...rest }: Approval, veil: Veil): Approval {
  return { ...veil.data(rest), subject: shownSubject(subject, veil) };
}
