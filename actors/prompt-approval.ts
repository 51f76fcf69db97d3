// Asks whoever sent a prompt to allow what its task waits for: code, or calls of tools.
// Invariant: what is asked for is shown whole, as it will be done; the first answer stands, from wherever it comes, and
// an approval that nobody here answers stays with those who see the mesh's.
import type { Approval, ApprovalSubject } from "../src/core/approval.ts";
import { ApprovalError, messageOf } from "../src/core/errors.ts";
import type { Log } from "../src/core/log.ts";
import { queryChunk } from "../src/core/prompt-chunk.ts";
import { readDecision } from "../src/core/prompt-message.ts";
import type { Wire, WireInbox } from "../src/core/wire.ts";
import type { Approvals } from "../src/approvals.ts";

/** How often somebody is asked again who says neither yes nor no. */
const MAX_ASKED = 3;
/** Who answered, as approvals name it. */
const ANSWERER = "prompt";

/** What {@link PromptApprovals} are made with. */
export interface PromptApprovalsOptions {
  readonly wire: Wire;
  readonly approvals: Approvals;
  readonly log: Log;
  /** Sends a chunk to the caller. */
  readonly send: (chunk: string) => void;
}

/** Queries of one prompt. */
export class PromptApprovals {
  readonly #options: PromptApprovalsOptions;
  readonly #asked = new Set<string>();
  readonly #inboxes = new Set<WireInbox>();
  #isClosed = false;

  constructor(options: PromptApprovalsOptions) {
    this.#options = options;
  }

  /** Asks for an approval, once, if it waits still and is one that callers may give. */
  ask(approvalId: string): void {
    if (this.#asked.has(approvalId)) return;
    this.#asked.add(approvalId);
    this.#attempt(approvalId, async () => {
      const approval = await this.#options.approvals.find(approvalId);
      if (approval?.status === "pending") this.#query(approval, 1);
    });
  }

  /** Asks for what a task waits for already. */
  askPending(taskId: string): void {
    this.#attempt(taskId, async () => {
      for (const approval of await this.#options.approvals.pending())
        if (approval.taskId === taskId) this.ask(approval.approvalId);
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const inbox of this.#inboxes) inbox.close();
    this.#inboxes.clear();
  }

  #query(approval: Approval, count: number): void {
    const { wire, send, log } = this.#options;
    const { approvalId } = approval;
    const question = questionOf(approval);
    if (this.#isClosed || question === null) return;
    const inbox = wire.inbox((text) => {
      inbox.close();
      this.#inboxes.delete(inbox);
      this.#attempt(approvalId, () => this.#take(approval, text, count));
    });
    this.#inboxes.add(inbox);
    const prompt = count === 1 ? question : `That was neither yes nor no.\n\n${question}`;
    const chunk = queryChunk({ id: `${approvalId}-${count}`, replySubject: inbox.subject, prompt });
    if (Buffer.byteLength(chunk) <= wire.maxPayload) {
      send(chunk);
      return;
    }
    inbox.close();
    this.#inboxes.delete(inbox);
    log.info({ approvalId }, "an approval is too large to ask the sender of the prompt for: answer it here");
  }

  async #take(approval: Approval, text: string, count: number): Promise<void> {
    const { approvals, log } = this.#options;
    const { approvalId } = approval;
    const said = readDecision(text);
    if (said !== null) {
      const { decision, note } = said;
      await approvals.answer(approvalId, decision, { by: ANSWERER, note: note ?? undefined });
    } else if (count < MAX_ASKED) this.#query(approval, count + 1);
    else log.info({ approvalId }, "the sender of a prompt says neither yes nor no: the approval waits on");
  }

  #attempt(id: string, work: () => Promise<void>): void {
    work().catch((thrown: unknown) => {
      const isAnswered = thrown instanceof ApprovalError;
      const { log } = this.#options;
      if (isAnswered) log.debug({ id, reason: messageOf(thrown) }, "an approval was answered before");
      else log.warn({ err: thrown, id }, "the sender of a prompt could not be asked for an approval");
    });
  }
}

/** What a caller is asked; null where it is not theirs to allow. */
function questionOf({ role, subject }: Approval): string | null {
  const what = askedFor(subject);
  if (what === null) return null;
  return `The agent "${role}" asks ${what}\n\nAnswer yes or no; what you say after it is kept as a note.`;
}

function askedFor(subject: ApprovalSubject): string | null {
  switch (subject.type) {
    case "code":
      return `to run this code:\n\n${subject.code}`;
    case "tools": {
      const calls = subject.calls.map(({ tool, input }) => `${tool}(${input})`);
      return `to call ${calls.length === 1 ? "this tool" : "these tools, all or none"}:\n\n${calls.join("\n")}`;
    }
    // Who pays is not asked by way of who spends.
    case "budget":
      return null;
  }
}
