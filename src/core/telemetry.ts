// The port between what happens and who measures it: metrics and traces are two folds over the same tellings.
// Invariant: whoever measures changes nothing: what is told is told once it is so, an entry of a journal by the process
// that recorded it and by no other; an implementation never throws. Where nobody measures, nothing is made or kept.
import type { GuestFailure, GuestUsage, LimitName } from "./guest.ts";
import type { JournalEntry } from "./journal.ts";
import type { ModelAnswer, ModelRequest } from "./model.ts";
import type { WorkflowEvent } from "./workflow-event.ts";

/** A task as it begins to be told of. */
export interface TaskStart {
  readonly taskId: string;
  readonly role: string;
  /** The workflow that it is a step of, and the step's id; null for none. */
  readonly workflowId: string | null;
  readonly step: string | null;
  /** The trace that it belongs to, as W3C Trace Context writes it. */
  readonly trace: string | undefined;
  /** What its journal held before. */
  readonly before: readonly JournalEntry[];
}

/**
 * How an entry comes to be told. `noted`: it has happened, and is recorded with the next append. `recorded`: it is
 * durable; told once, over all processes. `replayed`: it was recorded earlier, and stands for an effect that is not had
 * again.
 */
export type Hearing = "noted" | "recorded" | "replayed";

/** An effect of a task by its place in it. */
export type EffectKey =
  /** `model` is the name of what is asked, as `provider/model`. */
  | {
      readonly type: "model";
      readonly callId: string;
      readonly model: string;
      readonly request: ModelRequest;
    }
  | { readonly type: "run"; readonly attempt: number }
  | { readonly type: "tool"; readonly callId: string }
  | { readonly type: "handler" };

/** Measures one task, as long as this process has it. */
export interface TaskTelemetry {
  /** An entry of the task's journal. */
  heard(entry: JournalEntry, how: Hearing): void;
  /** Does the work of an effect, so that what measures the work's own calls (of HTTP clients, say) counts it as within. */
  within<T>(effect: EffectKey, work: () => T): T;
  /** The trace for what the task asks of others; undefined for none. */
  readonly trace: string | undefined;
  /** This process has the task no longer. Idempotent. */
  end(): void;
}

/** A workflow as it begins to be told of. */
export interface WorkflowStart {
  readonly workflowId: string;
  /** The trace that it belongs to. */
  readonly trace: string | undefined;
}

/** Measures one workflow, as long as this process works on it. */
export interface WorkflowTelemetry {
  /** Something that the workflow or one of its steps did. */
  heard(event: WorkflowEvent): void;
  /** The trace for its steps' tasks; undefined for none. */
  readonly trace: string | undefined;
  /** This process works on it no longer. Idempotent. */
  end(): void;
}

/** What may belong to a trace. */
export interface Traced {
  /** As W3C Trace Context writes it; undefined for none. */
  readonly trace?: string | undefined;
}

/** A message that an actor is about to handle. */
export interface Delivered {
  /** The trace that its sender's belongs to. */
  readonly trace: string;
  readonly role: string;
  readonly type: "send" | "ask" | "broadcast";
}

/** A run that another process asked for. */
export interface AskedRun {
  /** The trace of whoever asked. */
  readonly trace: string;
  /** When it was taken in, in milliseconds since 1970. */
  readonly at: number;
  /** What this process is called. */
  readonly node: string;
}

/** What happens and is no entry of a task's journal. */
export type Happening =
  /** Entries were written to a task's journal, in one write. */
  | { readonly type: "journal-append"; readonly entries: number }
  /** A guest has run: on this process's sandbox, or for it on another's. */
  | {
      readonly type: "sandbox-run";
      readonly place: "local" | "remote";
      /** `failed` where it is the asker that knows how. */
      readonly outcome: "success" | "failed" | GuestFailure;
      readonly limit: LimitName | null;
      readonly usage: Pick<GuestUsage, "cpuMs" | "memoryBytes">;
      /** Where another process asked for it in a trace. */
      readonly asked?: AskedRun | undefined;
    }
  /** A model was asked for no task: to compress what an actor remembers. */
  | {
      readonly type: "model-answer";
      readonly role: string;
      readonly answer: ModelAnswer;
      readonly ms: number;
    }
  | { readonly type: "nats-reconnect" };

/** The labels of a reading that has one value only. */
export type NoLabels = Readonly<Record<string, never>>;

/** What can be asked for at any time, by what it is of. */
export interface Readings {
  /** Tasks that actors of this process work on, those that wait for a person included. */
  "tasks-running": { readonly role: string };
  /** Tasks of a role in the queue of all processes. */
  "tasks-queued": { readonly role: string; readonly state: "waiting" | "in-hand" | "dead" };
  /** Messages in the mailboxes of a role's actors. */
  "mailbox-messages": { readonly role: string };
  actors: { readonly role: string };
  /** Processes of the mesh, this one included. */
  nodes: NoLabels;
  isolates: { readonly state: "up" | "busy" };
  /** Instances of the sandbox that are made ahead of need. */
  "isolate-spares": NoLabels;
  /** Guests by what they wait for: an isolate, or a tool or timer. */
  "guests-waiting": { readonly for: "isolate" | "answer" };
  /** Isolates that the watchdog killed since the start. */
  "isolate-kills": NoLabels;
}

/** The name of something that can be asked for. */
export type ReadingName = keyof Readings;

/** One value. */
export interface Reading<N extends ReadingName = ReadingName> {
  readonly labels: Readings[N];
  readonly value: number;
}

/** A task or a workflow that is about to be taken in. */
export type TakenIn = Pick<TaskStart, "taskId" | "role" | "trace"> | WorkflowStart;

/** Measures what a process does. */
export interface Telemetry {
  /** A journal of a task is about to be told of. */
  task(start: TaskStart): TaskTelemetry;
  /** Something is about to be taken in that belongs to a trace, or to none; gives the trace that its record is to name. */
  accept(taken: TakenIn): string | undefined;
  /** A workflow is about to be told of. */
  workflow(start: WorkflowStart): WorkflowTelemetry;
  /** Handles a message that belongs to a trace. */
  deliver<T>(message: Delivered, work: () => T): T;
  /** Something happened that is in no journal. */
  tell(happening: Happening): void;
  /** Has values asked for whenever somebody reads the measures; gives how to end that. A read may fail. */
  read<N extends ReadingName>(
    name: N,
    read: () => readonly Reading<N>[] | Promise<readonly Reading<N>[]>,
  ): () => void;
  /** The trace of what is under way in the caller, so that what is begun within it belongs to it; undefined for none. */
  activeTrace(): string | undefined;
}

const NOTHING = (): undefined => undefined;

/** Measures nothing of a task. */
export const noTaskTelemetry: TaskTelemetry = Object.freeze({
  heard: NOTHING,
  within: <T>(_: EffectKey, work: () => T) => work(),
  trace: undefined,
  end: NOTHING,
});

const noWorkflowTelemetry: WorkflowTelemetry = Object.freeze({
  heard: NOTHING,
  trace: undefined,
  end: NOTHING,
});

/** Measures nothing. */
export const noTelemetry: Telemetry = Object.freeze({
  task: () => noTaskTelemetry,
  accept: ({ trace }: TakenIn) => trace,
  workflow: () => noWorkflowTelemetry,
  deliver: <T>(_: Delivered, work: () => T) => work(),
  tell: NOTHING,
  read: () => NOTHING,
  activeTrace: NOTHING,
});

/** Tells several, in order; of the traces that they give, the first counts. */
export function joinTelemetry(all: readonly Telemetry[]): Telemetry {
  const [one = noTelemetry, ...others] = all.filter((each) => each !== noTelemetry);
  if (others.length === 0) return one;
  const each = [one, ...others];
  return {
    task: (start) => joinTasks(each.map((telemetry) => telemetry.task(start))),
    accept: (taken) => each.reduce((trace, telemetry) => telemetry.accept({ ...taken, trace }), taken.trace),
    workflow: (start) => joinWorkflows(each.map((telemetry) => telemetry.workflow(start))),
    deliver: (message, work) =>
      each.reduceRight((inner, telemetry) => () => telemetry.deliver(message, inner), work)(),
    tell: (happening) => {
      for (const telemetry of each) telemetry.tell(happening);
    },
    read: (name, read) => {
      const ends = each.map((telemetry) => telemetry.read(name, read));
      return () => {
        for (const end of ends) end();
      };
    },
    activeTrace: () => firstOf(each, (telemetry) => telemetry.activeTrace()),
  };
}

function joinTasks(each: readonly TaskTelemetry[]): TaskTelemetry {
  return {
    heard: (entry, how) => {
      for (const task of each) task.heard(entry, how);
    },
    within: (effect, work) => each.reduceRight((inner, task) => () => task.within(effect, inner), work)(),
    get trace() {
      return firstOf(each, (task) => task.trace);
    },
    end: () => {
      for (const task of each) task.end();
    },
  };
}

function joinWorkflows(each: readonly WorkflowTelemetry[]): WorkflowTelemetry {
  return {
    heard: (event) => {
      for (const workflow of each) workflow.heard(event);
    },
    get trace() {
      return firstOf(each, (workflow) => workflow.trace);
    },
    end: () => {
      for (const workflow of each) workflow.end();
    },
  };
}

function firstOf<T>(each: readonly T[], valueOf: (one: T) => string | undefined): string | undefined {
  for (const one of each) {
    const value = valueOf(one);
    if (value !== undefined) return value;
  }
  return undefined;
}
