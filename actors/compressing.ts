// Model calls by which a memory is compressed: within the budgets of its task, or of its actor, and of one task once.
// Invariant: a call is known by what it asks, so that a handler or tool that is run again after a restart is given the
// recorded answer; it is reserved before it is asked for, recorded before it is given, and settled after that.
import { createHash } from "node:crypto";
import { canonical } from "../src/core/canonical.ts";
import type { Clock } from "../src/core/clock.ts";
import { MeshStateError, OwnershipError } from "../src/core/errors.ts";
import { COMPRESSION, type JournalEntry } from "../src/core/journal.ts";
import {
  addTokens,
  type Model,
  type ModelAnswer,
  type ModelCallOptions,
  type ModelRequest,
  type TokenUsage,
} from "../src/core/model.ts";
import type { Assignment } from "./assignment.ts";
import { TIMER_SLACK_MS, type Spending } from "./spending.ts";

/** Gives the model that a memory asks in place of another. */
export type Meter = (model: Model) => Model;

/** What all meters need. */
export interface MeterOptions {
  readonly clock: Clock;
  /** The longest that a call may take. */
  readonly timeoutMs: number;
}

interface Call {
  /** The same for the same request to the same model. */
  readonly key: string;
  readonly model: Model;
  readonly request: ModelRequest;
  readonly signal: AbortSignal | undefined;
}

/** Meters the model calls of a task's memory by the task's books and journal. */
export function meterOfTask(
  { taskId, journal, spending }: Pick<Assignment, "taskId" | "journal" | "spending">,
  options: MeterOptions,
): Meter {
  let turn: Promise<unknown> = Promise.resolve();
  const ask = async (given: Call): Promise<ModelAnswer> => {
    const call = `compress-${given.key}`;
    const entry = { callId: `${taskId}-${call}`, repair: COMPRESSION };
    const answered = journal.find("model-answered", ({ callId }) => callId === entry.callId);
    if (answered !== undefined) {
      await spending.settleModel(call, answered.answer);
      return answered.answer;
    }
    const requireOpen = async () => {
      await journal.written();
      if (journal.find("finished") === undefined) return;
      throw new MeshStateError(`Cannot compress for the task "${taskId}": it has ended.`);
    };
    await requireOpen();
    return spend(spending, { ...given, call, ...options }, async (asking) => {
      await journal.append({ type: "model-asked", ...entry });
      await journal.sure();
      const answer = await asking(() => journal.sure());
      await requireOpen();
      await journal.append({ type: "model-answered", ...entry, answer });
      return answer;
    });
  };
  return metered((given) => {
    if (!spending.isLimited) return ask(given);
    // One after the other: of one task's calls, a budget lets none wait for another.
    const answer = turn.then(() => ask(given));
    turn = answer.catch(() => undefined);
    return answer;
  });
}

/** Meters the model calls of an actor's own memory, of which no journal tells; `open` gives the books of one call. */
export function meterOfActor(
  address: string,
  open: (taskId: string) => Spending,
  { onAnswer, ...options }: MeterOptions & { readonly onAnswer: (answer: ModelAnswer, ms: number) => void },
): Meter {
  const { clock } = options;
  return metered(async (given) => {
    const spending = open(`compress-${hashOf(address, given.key)}`);
    try {
      return await spend(spending, { ...given, call: "model-0", ...options }, async (asking) => {
        const startedAt = clock.now();
        const answer = await asking();
        onAnswer(answer, clock.now() - startedAt);
        return answer;
      });
    } finally {
      await spending.close();
    }
  });
}

/** A model that is asked by `ask`; what is asked again while it is being asked, is asked once. */
function metered(ask: (call: Call) => Promise<ModelAnswer>): Meter {
  const underWay = new Map<string, Promise<ModelAnswer>>();
  return (model) => ({
    name: model.name,
    isRecorded: model.isRecorded,
    costOf: (tokens, name) => model.costOf?.(tokens, name) ?? null,
    ask: (request, { signal }: ModelCallOptions = {}) => {
      const key = hashOf(model.name, request);
      const known = underWay.get(key);
      if (known !== undefined) return known;
      const answer = ask({ key, model, request, signal }).finally(() => underWay.delete(key));
      underWay.set(key, answer);
      return answer;
    },
  });
}

/** Reserves a call, makes it and settles it. */
async function spend(
  spending: Spending,
  given: Call & MeterOptions & { readonly call: string },
  make: (asking: (beforeSend?: () => Promise<void>) => Promise<ModelAnswer>) => Promise<ModelAnswer>,
): Promise<ModelAnswer> {
  const { call, model, request, signal, clock } = given;
  const timeoutMs = await spending.reserveModel(call, request, { model, timeoutMs: given.timeoutMs, signal });
  const startedAt = clock.now();
  const asking = async (beforeSend?: () => Promise<void>) => {
    try {
      return await model.ask(request, { signal, timeoutMs, beforeSend });
    } catch (thrown) {
      // What was broken off may have cost something: it stays reserved, and is booked so in the end.
      if (signal?.aborted === true || thrown instanceof OwnershipError) throw thrown;
      const isOver = clock.now() - startedAt >= timeoutMs - TIMER_SLACK_MS;
      const outOfTime = isOver ? spending.outOfTime(call) : null;
      if (outOfTime !== null) throw outOfTime;
      await spending.release(call);
      throw thrown;
    }
  };
  const answer = await make(asking);
  await spending.settleModel(call, answer, clock.now() - startedAt);
  return answer;
}

function hashOf(...parts: readonly unknown[]): string {
  return createHash("sha256").update(canonical(parts)).digest("hex").slice(0, 32);
}

/** What a task has, with what compressing has cost it until now. */
export function withCompressions(entries: readonly JournalEntry[], { tokens, costUsd }: Cost): Cost {
  const sum = { tokens, costUsd };
  for (const entry of entries) {
    if (entry.type !== "model-answered" || entry.repair !== COMPRESSION) continue;
    const { answer } = entry;
    sum.tokens = addTokens(sum.tokens, answer.tokens);
    sum.costUsd = sum.costUsd === null || answer.costUsd === null ? null : sum.costUsd + answer.costUsd;
  }
  return sum;
}

interface Cost {
  readonly tokens: TokenUsage;
  readonly costUsd: number | null;
}
