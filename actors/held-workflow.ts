// A workflow that this process answers for: it works on it while it has its lease, and waits while another has.
// Invariant: it works under the lease alone, and takes its result from the record, so that all who ask for one
// workflow get the same, wherever it was done.
import type { PlannedStep } from "../src/core/dag.ts";
import { defer } from "../src/core/deferred.ts";
import { OwnershipError } from "../src/core/errors.ts";
import type { Log } from "../src/core/log.ts";
import type { Ledger } from "../src/core/ports.ts";
import type { TaskEvent } from "../src/core/task.ts";
import type { WorkflowEvent } from "../src/core/workflow-event.ts";
import type { WorkflowResult } from "../src/core/workflow-result.ts";
import type { Lease, Leases } from "../src/lease.ts";
import { WorkflowRecord, type StoredWorkflow } from "../src/workflow-record.ts";
import { leftAsItIs, WorkflowRun, type WorkflowPorts } from "./workflow.ts";

/** Told of a workflow, its steps and their tasks. */
export type WorkflowListener = (event: WorkflowEvent | TaskEvent) => void;

/** What a {@link HeldWorkflow} is made with. */
export interface HeldWorkflowParts extends WorkflowPorts {
  readonly ledger: Ledger;
  readonly leases: Leases;
  readonly log: Log;
  readonly publish: (event: WorkflowEvent) => void;
  /** A workflow is about to be recorded; gives the trace that its record is to name. */
  readonly accept: (workflow: StoredWorkflow) => string | undefined;
  /** Told that this process begins to work on a workflow, or to read it from its record, with the trace of that. */
  readonly begun: (workflowId: string, trace: string | undefined) => void;
  /** Told that this process works on a workflow no longer. */
  readonly over: (workflowId: string) => void;
}

/** A workflow between the time when it is asked for, or found unfinished, and its result. */
export class HeldWorkflow {
  readonly definition: StoredWorkflow;
  readonly listeners = new Set<WorkflowListener>();
  readonly result: Promise<WorkflowResult>;
  /** Whether this program asked for it, and not only its record. */
  asked = false;
  readonly #steps: readonly PlannedStep[];
  readonly #parts: HeldWorkflowParts;
  readonly #leaving = new AbortController();
  /** What was worked here; all but the last were lost to other processes. */
  readonly #runs = new Set<WorkflowRun>();
  readonly #placed = defer<undefined>();
  #run: WorkflowRun | null = null;
  #isElsewhere = false;
  #cancelled: string | null = null;

  constructor(definition: StoredWorkflow, steps: readonly PlannedStep[], parts: HeldWorkflowParts) {
    this.definition = definition;
    this.#steps = steps;
    this.#parts = parts;
    this.result = this.#pursue().finally(() => this.#placed.resolve(undefined));
  }

  /** Whether another process works on it, once that is known. */
  async isElsewhere(): Promise<boolean> {
    await this.#placed.promise;
    return this.#isElsewhere;
  }

  /** Cancels it, wherever it is worked on; resolves with its result. The first reason stands. */
  async cancel(reason: string): Promise<WorkflowResult> {
    this.#cancelled ??= reason;
    if (this.#run === null) await this.#parts.leases.tell(this.definition.id, this.#cancelled);
    else await this.#cancelRun(this.#run, this.#cancelled);
    return this.result;
  }

  /** Leaves it as it is, to be gone on with; `result` rejects with a MeshStateError. */
  leave(): void {
    this.#leaving.abort(leftAsItIs(this.definition.id));
    for (const run of this.#runs) run.leave();
  }

  async #pursue(): Promise<WorkflowResult> {
    const { leases, ledger, log } = this.#parts;
    const { signal } = this.#leaving;
    const { id } = this.definition;
    for (;;) {
      const found = await WorkflowRecord.find(ledger, this.definition);
      signal.throwIfAborted();
      if (found?.isEnding === true) return this.#work(found);
      const lease = await leases.take(id);
      if (lease === null) {
        await this.#wait();
        continue;
      }
      try {
        return await this.#workUnder(lease);
      } catch (thrown) {
        if (!(thrown instanceof OwnershipError)) throw thrown;
        log.warn(
          { workflowId: id },
          "a workflow was taken over by another process: its result is waited for",
        );
      } finally {
        await lease.release();
      }
    }
  }

  async #wait(): Promise<void> {
    const { leases, log } = this.#parts;
    const { id } = this.definition;
    const { signal } = this.#leaving;
    this.#isElsewhere = true;
    this.#placed.resolve(undefined);
    try {
      if (this.#cancelled !== null) await leases.tell(id, this.#cancelled);
      log.info(
        { workflowId: id, node: await leases.holder(id) },
        "a workflow is under way in another process",
      );
      await leases.free(id, signal);
    } finally {
      this.#isElsewhere = false;
    }
    signal.throwIfAborted();
  }

  /** Works on it until it ends, or the lease does. */
  async #workUnder(lease: Lease): Promise<WorkflowResult> {
    const { ledger, clock, accept } = this.#parts;
    const record = await WorkflowRecord.open(ledger, this.definition, { now: () => clock.now(), accept });
    this.#leaving.signal.throwIfAborted();
    const ended = this.#work(record);
    const run = this.#run;
    const stop = () => run?.yield();
    lease.lost.addEventListener("abort", stop, { once: true });
    if (lease.lost.aborted) stop();
    lease.onWish((reason) => {
      this.#cancelled ??= reason;
      if (run !== null) this.#cancelRun(run, this.#cancelled).catch(() => undefined);
    });
    return ended.finally(() => lease.lost.removeEventListener("abort", stop));
  }

  /** Runs its charts over its record, from the start. */
  #work(record: WorkflowRecord): Promise<WorkflowResult> {
    const { id, context, budget, trace } = this.definition;
    const onEvent: WorkflowListener = this.#onEvent;
    const tell = (event: WorkflowEvent) => {
      onEvent(event);
      this.#parts.publish(event);
    };
    // What is gone on with belongs to the trace in which it began; reading what came of it, to that of whoever asks, if any.
    if (!record.isEnding) this.#parts.begun(id, record.trace ?? trace);
    else if (trace !== undefined) this.#parts.begun(id, trace);
    const run = new WorkflowRun({ steps: this.#steps, context, budget }, record, {
      ...this.#parts,
      tell,
      onEvent,
    });
    this.#run = run;
    this.#runs.add(run);
    this.#placed.resolve(undefined);
    if (this.#cancelled !== null) this.#cancelRun(run, this.#cancelled).catch(() => undefined);
    return run.result.finally(() => {
      if (this.#run !== run) return;
      this.#run = null;
      this.#parts.over(id);
    });
  }

  /** Where another process has it by now, that one is told. */
  async #cancelRun(run: WorkflowRun, reason: string): Promise<void> {
    try {
      await run.cancel(reason);
    } catch (thrown) {
      // It is lost: the run ends with the same error, and then the new owner is told.
      if (!(thrown instanceof OwnershipError)) throw thrown;
    }
  }

  readonly #onEvent: WorkflowListener = (event) => {
    for (const listener of this.listeners) listener(event);
  };
}
