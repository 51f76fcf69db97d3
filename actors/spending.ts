// What a task spends: each call is reserved in all budgets that it falls under before it is made, and settled after.
// Invariant: a call that would go over a budget is not made. What is in the journal is settled again when a task goes
// on, which changes nothing where it was settled before.
import type { Budget, BudgetScope } from "../src/core/budget.ts";
import { BudgetError } from "../src/core/errors.ts";
import { estimateCall } from "../src/core/estimate.ts";
import type { Model, ModelAnswer, ModelRequest } from "../src/core/model.ts";
import type { BudgetAccount, BudgetBook } from "../src/budgets.ts";

/** The longest answer that is allowed where a budget counts tokens or money and nobody says otherwise. */
const LONGEST_ANSWER = 8_192;

/** Timers may fire a little before the clock says so. */
export const TIMER_SLACK_MS = 2;

/** Whose budgets a task falls under. */
export interface Budgets {
  readonly task: Budget | undefined;
  readonly workflow: { readonly id: string; readonly budget: Budget } | null;
  readonly agent: Budget | undefined;
  readonly mesh: Budget | undefined;
}

/** The books of one task. */
export class Spending {
  readonly #book: BudgetBook;
  readonly #task: { readonly taskId: string; readonly role: string };
  readonly #budgets: Budgets;
  #account: BudgetAccount;
  /** Whether a limit counts what an answer may be long. */
  #countsTokens = false;

  constructor(book: BudgetBook, task: { readonly taskId: string; readonly role: string }, budgets: Budgets) {
    this.#book = book;
    this.#task = task;
    this.#budgets = budgets;
    this.#account = this.#open(budgets.task);
  }

  /** Whether anything of it is limited. */
  get isLimited(): boolean {
    return this.#account.isLimited;
  }

  /** Limits a task that has no budget of its own by what its profile usually may cost. */
  useUsual(budget: Budget | undefined): void {
    if (this.#budgets.task === undefined && budget !== undefined) this.#account = this.#open(budget);
  }

  /** A request with a bound to its answer, where what the answer costs is limited. */
  bounded(request: ModelRequest): ModelRequest {
    if (!this.#countsTokens || request.maxOutputTokens !== undefined) return request;
    return { ...request, maxOutputTokens: LONGEST_ANSWER };
  }

  /**
   * Reserves a model call, once other tasks have left room for it; gives the time that it may take.
   *
   * @throws BudgetError
   */
  async reserveModel(call: string, request: ModelRequest, terms: ModelTerms): Promise<number> {
    if (!this.#account.isLimited) return terms.timeoutMs;
    const estimate = estimateCall(request, {
      maxOutputTokens: LONGEST_ANSWER,
      costOf: (tokens) => terms.model.costOf?.(tokens, request.model) ?? null,
    });
    const { timeoutMs, signal } = terms;
    const granted = await this.#account.reserve(call, { ...estimate, wallMs: timeoutMs }, { signal });
    return Math.max(1, Math.min(timeoutMs, granted.wallMs ?? timeoutMs));
  }

  /** Books what a model call used; `ms` is absent where it was made before a restart. */
  async settleModel(call: string, { tokens, costUsd }: ModelAnswer, ms = 0): Promise<void> {
    const { input, output, cacheRead, cacheWrite } = tokens;
    const used = { tokens: input + output + cacheRead + cacheWrite, usd: costUsd, modelCalls: 1, wallMs: ms };
    await this.#account.settle(call, used);
  }

  /** Reserves a run of code, as a model call; gives the time that it may take. @throws BudgetError */
  async reserveRun(call: string, { timeoutMs, signal }: RunTerms): Promise<number> {
    if (!this.#account.isLimited) return timeoutMs;
    const granted = await this.#account.reserve(call, { wallMs: timeoutMs }, { signal });
    return Math.max(1, Math.min(timeoutMs, granted.wallMs ?? timeoutMs));
  }

  async settleRun(call: string, ms: number): Promise<void> {
    await this.#account.settle(call, { wallMs: Math.ceil(ms) });
  }

  /** Reserves a tool call. @throws BudgetError */
  async reserveTool(call: string): Promise<void> {
    if (this.#account.isLimited) await this.#account.reserve(call, { toolCalls: 1 });
  }

  async settleTool(call: string): Promise<void> {
    await this.#account.settle(call, { toolCalls: 1 });
  }

  /** The error of a call or run that was ended because a budget had no more time for it; null where it had. */
  outOfTime(call: string): BudgetError | null {
    return this.#account.outOfTime(call);
  }

  /** Gives back what was reserved for a call that used nothing. */
  async release(call: string): Promise<void> {
    await this.#account.release(call);
  }

  /** Books what is open, before the task's end is recorded. */
  async settleAll(): Promise<void> {
    await this.#account.settleAll();
  }

  /** Ends the books, once the task's end is recorded. */
  async close(): Promise<void> {
    await this.#account.close();
  }

  #open(budget: Budget | undefined): BudgetAccount {
    const { workflow, agent, mesh } = this.#budgets;
    const { taskId, role } = this.#task;
    const scopes: BudgetScope[] = [
      { name: `task:${taskId}`, budget },
      ...(workflow === null ? [] : [{ name: `workflow:${workflow.id}` as const, budget: workflow.budget }]),
      { name: `agent:${role}`, budget: agent },
      { name: "mesh", budget: mesh },
    ];
    this.#countsTokens = scopes.some(
      (one) => one.budget?.tokens !== undefined || one.budget?.usd !== undefined,
    );
    return this.#book.account(taskId, scopes);
  }
}

/** What a run of code may take. */
export interface RunTerms {
  readonly timeoutMs: number;
  /** Ends the wait for others. */
  readonly signal: AbortSignal | undefined;
}

/** What a model call may take. */
export interface ModelTerms extends RunTerms {
  readonly model: Model;
}

/** Whether a cheaper model is to be asked in place of the one that a budget has too little left for. */
export function asksCheaper(thrown: unknown): thrown is BudgetError {
  return thrown instanceof BudgetError && thrown.onExceeded === "cheaper";
}
