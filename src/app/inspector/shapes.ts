// What the inspector's page is told, as its server sends it: JSON below `<base>/api/`.
// Invariant: types alone, so that the page can import them; times are milliseconds since 1970 unless a name ends in `Ms`.
// Every text may come from a model, a guest or a person: it is shown as text, never as HTML. Known secrets are masked.
import type { Approval, ApprovalSubject } from "../../core/approval.ts";
import type { ConsoleEntry } from "../../core/guest.ts";
import type { JournalEntryType } from "../../core/journal.ts";
import type { TokenUsage } from "../../core/model.ts";
import type { TaskFailure, TaskStatus } from "../../core/task.ts";
import type { TaskStanding, TaskSummary } from "../../task-list.ts";
import type { TaskSums } from "../../tally.ts";
import type { StepStanding } from "../../workflow-list.ts";
import type { PlacedChart } from "../charts/placed-chart.ts";

/** The mesh at a glance: `GET api/mesh`, and the `mesh` events of the stream. */
export interface MeshOverview {
  readonly name: string;
  /** `stored`: no process of the mesh is asked, its data folder is looked at. */
  readonly mode: "embedded" | "distributed" | "stored";
  /** The version of the program that serves the page. */
  readonly version: string;
  readonly at: number;
  /** What can be done from here; a button of what cannot be done is not shown. */
  readonly can: { readonly cancel: boolean; readonly pause: boolean; readonly approve: boolean };
  /** The models that nodes ask, as `provider/model`; empty where none is known. */
  readonly models: readonly string[];
  readonly nodes: readonly NodeRow[];
  readonly agents: readonly AgentRow[];
  readonly totals: MeshTotals;
}

/** What all nodes together have and did, since each of them started. */
export interface MeshTotals extends TaskSums {
  readonly actors: number;
  /** Tasks in hand: at work, and waiting for a place. */
  readonly running: number;
  readonly waiting: number;
  readonly awaitingApproval: number;
  /** Tasks in queues that no node has in hand. */
  readonly queued: number;
}

/** A process of the mesh. One that is gone is shown for a minute. */
export interface NodeRow {
  readonly name: string;
  /** The program's version; null where the node has not said. */
  readonly version: string | null;
  /** Whether it serves the page. */
  readonly isSelf: boolean;
  /** `silent`: it is there, but does not answer (an older version, or busy). */
  readonly state: "up" | "silent" | "stopping" | "gone";
  readonly startedAt: number | null;
  readonly goneAt: number | null;
  readonly actors: number;
  readonly running: number;
  readonly waiting: number;
  readonly awaitingApproval: number;
  /** Tasks of prompt agents that may run at once. */
  readonly places: number;
}

/** An agent: all actors of one role, on all nodes. */
export interface AgentRow extends Omit<TaskSums, "tokens"> {
  readonly role: string;
  /** Null where no node that is up has it. */
  readonly kind: "prompt" | "custom" | null;
  readonly capabilities: readonly string[];
  readonly nodes: readonly string[];
  readonly actors: number;
  /** Whether all of its actors are paused. */
  readonly isPaused: boolean;
  /** How many actors are in each state, by paths such as `serving.accepting`. */
  readonly states: Readonly<Record<string, number>>;
  /** How many of its tasks in hand are in each state, such as `generating`. */
  readonly taskStates: Readonly<Record<string, number>>;
  readonly running: number;
  readonly waiting: number;
  readonly awaitingApproval: number;
  /** Tasks in its queue that no node has in hand; null where the queue was not asked. */
  readonly queued: number | null;
}

/** `GET api/actors?query=&role=&node=&state=&limit=&cursor=`, sorted by address. */
export interface ActorPage {
  readonly actors: readonly ActorRow[];
  /** How many fit, on all pages. */
  readonly total: number;
  /** For the next page; null on the last. */
  readonly cursor: string | null;
}

/** One running actor. */
export interface ActorRow {
  readonly address: string;
  readonly role: string;
  readonly node: string;
  /** As a path in the `agent` chart, such as `serving.accepting`. */
  readonly state: string;
  /** Tasks that it has in hand. */
  readonly tasks: number;
  /** Messages that wait. */
  readonly mailbox: number;
  readonly restarts: number;
  readonly lastCrash: { readonly at: number; readonly message: string } | null;
}

/** `GET api/tasks?query=&role=&status=&limit=&cursor=`, the newest first. */
export interface TaskPage {
  readonly tasks: readonly TaskRow[];
  /** How many fit, on all pages; a lower bound while `isWhole` is false. */
  readonly total: number;
  /** Whether all tasks of the mesh have been looked at: the first look at many takes a while. */
  readonly isWhole: boolean;
  readonly cursor: string | null;
}

/** One task. */
export interface TaskRow extends TaskSummary {
  /** The leaf of the `task` chart that it is in: `queued`, `generating`, … `done`; null where nobody took it up yet. */
  readonly state: string | null;
}

/** `GET api/tasks/:id`. */
export interface TaskDetail {
  readonly task: TaskRow;
  /** Which chart it runs: `prompt` tasks write code, `custom` ones are handled; null where nobody took it up yet. */
  readonly kind: "prompt" | "custom" | null;
  /** As readable JSON; empty where there is none. */
  readonly context: string;
  readonly moments: readonly Moment[];
  /** Null where it has not ended. */
  readonly result: TaskEnd | null;
}

/** How a task ended. */
export interface TaskEnd {
  readonly status: TaskStatus;
  /** As readable JSON, or the text itself where it is one. */
  readonly output: string;
  readonly code: string | null;
  readonly error: TaskFailure | null;
  readonly repairs: number;
  /** Seconds. */
  readonly executionTime: number;
  readonly tokens: TokenUsage;
  readonly costUsd: number | null;
  readonly model: string | null;
  readonly functionId: string | null;
  readonly isReused: boolean;
  readonly isReplayed: boolean;
}

/** One entry of a task's journal, as the timeline shows it; the scrubber steps over these. */
export interface Moment {
  /** From 0; `moment` events of a task continue where its detail ended. */
  readonly index: number;
  readonly at: number;
  /** Since the acceptance, in milliseconds. */
  readonly afterMs: number;
  /** The leaf state of the `task` chart that holds from here on; null before the first. */
  readonly state: string | null;
  readonly type: JournalEntryType;
  /** What happened, in one line. */
  readonly title: string;
  readonly tone: "good" | "bad" | "plain";
  /** What else there is to say: a reason, a note, a value; empty where nothing is. */
  readonly text?: string;
  /** What the model was asked. */
  readonly prompt?: Prompt;
  /** What the model answered, as it was. */
  readonly answer?: string;
  /** The code that it holds, or that is run from here on; prose where `language` says so. */
  readonly code?: ShownCode;
  /** Why a try failed; its line and column are those of the latest code. */
  readonly error?: TaskFailure;
  readonly console?: readonly ConsoleEntry[];
  readonly tool?: ToolMoment;
  readonly approval?: ApprovalMoment;
  /** Of the model's answer. */
  readonly tokens?: TokenUsage;
  readonly costUsd?: number | null;
  readonly model?: string;
  /** Whether the model's answer was played back from a recording. */
  readonly isReplayed?: boolean;
  /** What a run came to, as readable JSON. */
  readonly output?: string;
  /** What a run used, in milliseconds and bytes. */
  readonly usage?: { readonly cpuMs: number; readonly wallMs: number; readonly memoryBytes: number };
  /** The node that took the task up or left it. */
  readonly node?: string;
}

/** What a model was asked, as it was: rebuilt from the journal and the agent's definition. */
export interface Prompt {
  readonly messages: readonly { readonly role: "system" | "user" | "assistant"; readonly text: string }[];
  /** What could not be rebuilt, such as the system part of an agent that no node has now; null where all is there. */
  readonly note: string | null;
}

/** Code with the one before it: a repair is shown as their difference. */
export interface ShownCode {
  readonly text: string;
  readonly language: "javascript" | "text";
  /** The number of the try, from 1. */
  readonly attempt: number;
  /** The code of the try before; null for the first. */
  readonly previous: string | null;
}

/** A tool call, or its return. */
export interface ToolMoment {
  readonly name: string;
  readonly callId: string;
  /** As readable JSON. */
  readonly input: string;
  /** What it gave, or how it failed; absent while it is not known. */
  readonly output?: string;
  readonly ok?: boolean;
}

/** An approval that was asked for, or its answer. */
export interface ApprovalMoment {
  readonly approvalId: string;
  readonly subject: ApprovalSubject;
  /** Absent while it is not answered. */
  readonly answer?: {
    readonly decision: "approved" | "rejected" | "expired";
    readonly by: string | null;
    readonly note: string | null;
  };
}

/** `GET api/workflows?query=&limit=&cursor=`, the newest first. */
export interface WorkflowPage {
  readonly workflows: readonly WorkflowRow[];
  readonly total: number;
  readonly isWhole: boolean;
  readonly cursor: string | null;
}

/** One workflow. */
export interface WorkflowRow {
  readonly workflowId: string;
  readonly status: "running" | TaskStatus;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly steps: number;
  /** Steps that have ended, however. */
  readonly stepsEnded: number;
  readonly tokens: TokenUsage;
  readonly costUsd: number | null;
}

/** `GET api/workflows/:id`, and the `workflow` events of a stream that was asked for it. */
export interface WorkflowDetail {
  readonly workflow: WorkflowRow;
  readonly steps: readonly StepRow[];
  /**
   * Its steps as a chart; the states of the steps are `<workflowId>.<stepId>`. Null in events, as it never changes, and
   * where there are more than 120.
   */
  readonly graph: PlacedChart | null;
}

/** One step of a workflow. */
export interface StepRow {
  readonly id: string;
  readonly agent: string;
  readonly dependsOn: readonly string[];
  readonly status: StepStanding;
  /** Its tasks that ended, by how; one that was tried again counts each time. */
  readonly success: number;
  readonly failure: number;
  /** The tasks, the latest 100; those under way have no status yet. */
  readonly tasks: readonly { readonly taskId: string; readonly status: TaskStatus | null }[];
}

/**
 * `GET api/charts`: by name; those of the runtime itself (agent, task, workflow, step, item), laid out. `agent.brief` and
 * `task.brief` say less of the same.
 */
export type Charts = Readonly<Record<string, PlacedChart>>;

/** `GET api/approvals`, the oldest first, at most 200. */
export interface ApprovalPage {
  readonly approvals: readonly Approval[];
  readonly total: number;
}

/**
 * `POST api/approvals/:id/approve|reject` with `{ note? }`, `POST api/tasks/:id/cancel` with `{ reason? }`,
 * `POST api/agents/:role/pause|resume` with `{}`, all as application/json; errors come as application/problem+json.
 */
export interface Done {
  readonly done: true;
  /** What is to be known of it: which nodes did not answer; null where nothing is. */
  readonly note: string | null;
}

/** `GET api/events?task=<id>&workflow=<id>`: an SSE stream; `event:` is the type, `data:` the rest, `id:` for Last-Event-ID. */
export type InspectorEvent =
  /** The mesh at a glance: first, and at most once a second where something changed. */
  | { readonly type: "mesh"; readonly mesh: MeshOverview }
  /** Events were missed (a slow reader, a lost connection): read again what is shown; those that follow are whole again. */
  | { readonly type: "reset"; readonly reason: string }
  /** Tasks that changed, together for 100 ms, each once with its last state. */
  | { readonly type: "tasks"; readonly tasks: readonly TaskChange[]; readonly isSampled: boolean }
  /** Actors that changed their state. */
  | { readonly type: "actors"; readonly actors: readonly ActorChange[]; readonly isSampled: boolean }
  /** An approval was asked for (`pending`), or is waited for no more. */
  | { readonly type: "approval"; readonly approvalId: string; readonly approval: Approval | null }
  /** One more moment of the task that was asked for. */
  | { readonly type: "moment"; readonly taskId: string; readonly moment: Moment }
  /** The whole row of the task that was asked for, when it changed. */
  | { readonly type: "task"; readonly task: TaskRow; readonly result: TaskEnd | null }
  /** Text of the task that was asked for, as its model writes it; `isVoid`: what came before is given up. */
  | { readonly type: "text"; readonly taskId: string; readonly text: string; readonly isVoid: boolean }
  /** The workflow that was asked for, when it changed. */
  | { readonly type: "workflow"; readonly detail: WorkflowDetail }
  /** Another workflow began, went on or ended. */
  | { readonly type: "workflows"; readonly workflowIds: readonly string[] };

/** A task that came to another state. */
export interface TaskChange {
  readonly taskId: string;
  readonly role: string;
  /** The node that tells it; null for the one that serves the page. */
  readonly node: string | null;
  readonly at: number;
  /** The states since the last event, the last one now: the way that the chart took. */
  readonly states: readonly string[];
  readonly status: TaskStanding;
}

/** An actor that came to another state. */
export interface ActorChange {
  readonly address: string;
  readonly node: string;
  readonly at: number;
  readonly from: string | null;
  /** Null where it has left the mesh. */
  readonly to: string | null;
}
