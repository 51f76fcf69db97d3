// Approvals that wait for a person, in key-value: asked by a task's owner, answered from any process on the fabric.
// Invariant: the first answer stands; an approval is kept until its task's journal has the answer.
import { z } from "zod";
import type { Approval, ApprovalAnswer, ApprovalRequest } from "./core/approval.ts";
import { MEASURES, type ScopeName } from "./core/budget.ts";
import { systemClock, type Clock } from "./core/clock.ts";
import { defer } from "./core/deferred.ts";
import { ApprovalError, messageOf, StorageError } from "./core/errors.ts";
import type { KeyValue, KeyValueEntry, Unsubscribe } from "./core/ports.ts";
import type { Subjects } from "./core/subjects.ts";

const BUCKET = "approvals";
/** Timers of the runtimes count in 32 bits. */
const LONGEST_TIMER_MS = 2_147_483_647;

const subjectSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("code"), code: z.string() }),
  z.object({
    type: z.literal("tools"),
    calls: z.array(z.object({ callId: z.string(), tool: z.string(), input: z.string() })),
  }),
  z.object({
    type: z.literal("budget"),
    budget: z.string().transform((name) => name as ScopeName),
    measure: z.enum(MEASURES),
    wanted: z.number(),
    message: z.string(),
  }),
]);

/** An approval as it is kept. */
export const approvalSchema = z.object({
  approvalId: z.string(),
  taskId: z.string(),
  role: z.string(),
  task: z.string(),
  subject: subjectSchema,
  status: z.enum(["pending", "approved", "rejected", "expired"]),
  askedAt: z.number(),
  expiresAt: z.number().nullable(),
  answeredAt: z.number().nullable(),
  by: z.string().nullable(),
  note: z.string().nullable(),
});

/** Who answers, and what they say. */
export interface Answerer {
  readonly by?: string | undefined;
  readonly note?: string | undefined;
}

/** Keeps approvals on any fabric's key-value. */
export class Approvals implements AsyncDisposable {
  readonly #keyValue: KeyValue;
  readonly #subjects: Subjects;
  readonly #clock: Clock;
  readonly #waiting = new Map<string, (answer: ApprovalAnswer) => void>();
  #watch: Promise<Unsubscribe> | null = null;

  constructor(keyValue: KeyValue, options: { readonly subjects: Subjects; readonly clock?: Clock }) {
    this.#keyValue = keyValue;
    this.#subjects = options.subjects;
    this.#clock = options.clock ?? systemClock;
  }

  /** Asks; asking again for what was asked already changes nothing. */
  async ask(
    request: ApprovalRequest,
    about: { readonly role: string; readonly task: string; readonly timeoutMs: number | undefined },
  ): Promise<void> {
    const askedAt = this.#clock.now();
    const approval: Approval = {
      ...request,
      role: about.role,
      task: about.task,
      status: "pending",
      askedAt,
      expiresAt: about.timeoutMs === undefined ? null : askedAt + about.timeoutMs,
      answeredAt: null,
      by: null,
      note: null,
    };
    try {
      await this.#keyValue.create(
        BUCKET,
        this.#subjects.approval(request.approvalId),
        JSON.stringify(approval),
      );
    } catch (thrown) {
      if (!(thrown instanceof StorageError) || thrown.code !== "KEY_EXISTS") throw thrown;
    }
  }

  /** Waits for the answer to what was asked; rejects with the signal's reason where that is aborted first. */
  async wait(approvalId: string, signal: AbortSignal): Promise<ApprovalAnswer> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = defer<ApprovalAnswer>();
    // It may be aborted while the store is still asked.
    promise.catch(() => undefined);
    const onAbort = () => reject(signal.reason as Error);
    this.#waiting.set(approvalId, resolve);
    signal.addEventListener("abort", onAbort, { once: true });
    let cancelTimer: () => void = () => undefined;
    try {
      this.#watch ??= this.#keyValue.watch(
        BUCKET,
        (change) => {
          if (change.type === "put") this.#hear(parse(change));
        },
        { prefix: this.#subjects.approval() },
      );
      await this.#watch.catch((thrown: unknown) => {
        this.#watch = null; // The next one tries again.
        throw thrown;
      });
      const now = await this.#read(approvalId);
      if (now !== null) this.#hear(now.approval);
      cancelTimer = this.#expire(approvalId, now?.approval.expiresAt ?? null, reject);
      return await promise;
    } finally {
      cancelTimer();
      signal.removeEventListener("abort", onAbort);
      this.#waiting.delete(approvalId);
    }
  }

  /** Forgets an approval whose answer is in the task's journal. */
  async close(approvalId: string): Promise<void> {
    await this.#keyValue.delete(BUCKET, this.#subjects.approval(approvalId));
  }

  /** An approval, answered or not; null where it is not known, or its answer is in the task's journal. */
  async find(approvalId: string): Promise<Approval | null> {
    return (await this.#read(approvalId))?.approval ?? null;
  }

  /** What waits for an answer, the oldest first. */
  async pending(): Promise<readonly Approval[]> {
    const prefix = this.#subjects.approval();
    const found: Approval[] = [];
    for (const key of await this.#keyValue.keys(BUCKET, prefix)) {
      const entry = await this.#keyValue.get(BUCKET, key);
      if (entry !== null) found.push(parse(entry));
    }
    return found.filter(({ status }) => status === "pending").sort((a, b) => a.askedAt - b.askedAt);
  }

  /**
   * Answers; the task goes on at once where its owner runs, else when it is started.
   *
   * @throws ApprovalError `APPROVAL_UNKNOWN`, `APPROVAL_ANSWERED`.
   */
  async answer(
    approvalId: string,
    decision: ApprovalAnswer["decision"],
    { by, note }: Answerer = {},
  ): Promise<Approval> {
    for (;;) {
      const stored = await this.#read(approvalId);
      if (stored === null) {
        throw new ApprovalError(
          "APPROVAL_UNKNOWN",
          `No approval "${approvalId}" is waited for: it is answered already, its task has ended, or the id is wrong.`,
        );
      }
      const { approval, revision } = stored;
      if (approval.status !== "pending") {
        const who = approval.by === null ? "" : ` by ${approval.by}`;
        throw new ApprovalError(
          "APPROVAL_ANSWERED",
          `The approval "${approvalId}" was ${approval.status}${who} already.`,
        );
      }
      const answered: Approval = {
        ...approval,
        status: decision,
        answeredAt: this.#clock.now(),
        by: by ?? null,
        note: note ?? null,
      };
      const key = this.#subjects.approval(approvalId);
      try {
        await this.#keyValue.update(BUCKET, key, JSON.stringify(answered), revision);
        this.#hear(answered);
        return answered;
      } catch (thrown) {
        if (!(thrown instanceof StorageError) || thrown.code !== "REVISION_CONFLICT") throw thrown;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const unsubscribe = await this.#watch?.catch(() => undefined);
    unsubscribe?.();
    this.#watch = null;
  }

  #hear({ approvalId, status, by, note }: Approval): void {
    if (status !== "pending") this.#waiting.get(approvalId)?.({ decision: status, by, note });
  }

  /** Answers by itself once the time is over; an answer that came in that very moment stands. */
  #expire(approvalId: string, at: number | null, reject: (reason: unknown) => void): () => void {
    if (at === null) return () => undefined;
    let timer: unknown;
    const end = () => {
      this.answer(approvalId, "expired").catch((thrown: unknown) => {
        if (!(thrown instanceof ApprovalError)) reject(thrown);
      });
    };
    const wait = () => {
      const left = at - this.#clock.now();
      if (left <= 0) end();
      else timer = this.#clock.setTimeout(wait, Math.min(left, LONGEST_TIMER_MS));
    };
    wait();
    return () => this.#clock.clearTimeout(timer);
  }

  async #read(approvalId: string): Promise<{ approval: Approval; revision: number } | null> {
    const entry = await this.#keyValue.get(BUCKET, this.#subjects.approval(approvalId));
    return entry === null ? null : { approval: parse(entry), revision: entry.revision };
  }
}

function parse(entry: KeyValueEntry): Approval {
  try {
    return approvalSchema.parse(JSON.parse(entry.value));
  } catch (thrown) {
    throw new StorageError(
      "INTEGRITY",
      `Cannot read approval "${entry.key}": it is not what Fettle writes (${messageOf(thrown)}). ` +
        `Delete the key of bucket "${BUCKET}" to have it asked anew.`,
      { cause: thrown },
    );
  }
}
