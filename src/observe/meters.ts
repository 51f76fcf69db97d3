// Every metric that Prometheus is given: its name, what it says, its labels, its buckets.
// Invariant: no label holds an id, an address or text that people or models wrote; docs/metrics.md lists the same.
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { ReadingName } from "../core/telemetry.ts";

/** In seconds: of a task or a workflow, which may wait for models and people. */
const LONG = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];
/** In seconds: of one call. */
const CALL = [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 300];
/** In seconds: of a guest's own computing. */
const COMPUTE = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** In bytes, from 1 MiB on. */
const MEMORY = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512].map((mebibytes) => mebibytes * 1024 * 1024);

/** What is counted as it happens, made in a registry. */
export type Meters = ReturnType<typeof makeMeters>;

/** Makes all counters and histograms. */
export function makeMeters(registry: Registry) {
  const registers = [registry];
  const counter = <const L extends string>(name: string, help: string, ...labelNames: readonly L[]) =>
    new Counter<L>({ name: `fettle_${name}`, help, labelNames, registers });
  const histogram = <const L extends string>(
    name: string,
    help: string,
    buckets: number[],
    ...labelNames: readonly L[]
  ) => new Histogram<L>({ name: `fettle_${name}`, help, buckets, labelNames, registers });
  return {
    accepted: counter("tasks_accepted_total", "Tasks accepted by this process.", "role"),
    ended: counter("tasks_total", "Tasks that ended in this process, by how.", "role", "status"),
    taskSeconds: histogram(
      "task_duration_seconds",
      "From a task's acceptance to its end.",
      LONG,
      "role",
      "status",
    ),
    failures: counter("task_failures_total", "Tasks that failed, by what failed.", "role", "category"),
    repairs: counter("repairs_total", "Times that failed code was sent back to the model.", "role"),
    takeovers: counter(
      "takeovers_total",
      "Tasks taken up whose process died or lost them, and workflows gone on with from their records.",
      "kind",
    ),
    modelCalls: counter(
      "model_calls_total",
      "Model calls, retries of one call not counted apart; played-back: answered from a recording.",
      "role",
      "provider",
      "model",
      "purpose",
      "outcome",
    ),
    modelSeconds: histogram(
      "model_call_duration_seconds",
      "How long models take to answer, retries included.",
      CALL,
      "provider",
      "model",
      "outcome",
    ),
    tokens: counter(
      "model_tokens_total",
      "Tokens by kind: input, output, cache_read, cache_write.",
      "role",
      "provider",
      "model",
      "kind",
    ),
    cost: counter("model_cost_usd_total", "What models cost, in US dollars.", "role", "provider", "model"),
    unpriced: counter(
      "model_unpriced_calls_total",
      "Answered calls whose price is unknown.",
      "provider",
      "model",
    ),
    toolCalls: counter("tool_calls_total", "Tool calls that ended.", "role", "tool", "outcome"),
    toolSeconds: histogram("tool_call_duration_seconds", "How long tool calls take.", CALL, "role", "tool"),
    asked: counter("approvals_asked_total", "Times that a person was asked.", "role", "subject"),
    answered: counter("approvals_answered_total", "What persons answered.", "role", "decision"),
    appends: counter("journal_appends_total", "Writes to journals of tasks."),
    entries: counter("journal_entries_total", "Entries written to journals of tasks, by type.", "type"),
    runs: counter(
      "sandbox_runs_total",
      "Runs of generated code, those repeated from their record included.",
      "place",
      "outcome",
    ),
    kills: counter("sandbox_limit_kills_total", "Runs that were ended at a limit, by the limit.", "limit"),
    cpuSeconds: histogram("sandbox_cpu_seconds", "How long guests computed.", COMPUTE, "place"),
    memory: histogram("sandbox_memory_bytes", "Memory of guests at their end.", MEMORY, "place"),
    workflows: counter("workflows_total", "Workflows that ended in this process, by how.", "status"),
    workflowSeconds: histogram("workflow_duration_seconds", "How long workflows took.", LONG, "status"),
    reconnects: counter("nats_reconnects_total", "Times that the connection to NATS came back."),
    unread: counter(
      "readings_failed_total",
      "Values that could not be read for this page in time.",
      "reading",
    ),
  };
}

interface ReadMeter {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly type: "gauge" | "counter";
}

/** What is read whenever the page is asked for. */
const READ_METERS: Readonly<Record<ReadingName, ReadMeter>> = {
  "tasks-running": gauge("tasks_running", "Tasks that actors of this process work on.", "role"),
  "tasks-queued": gauge("queue_tasks", "Tasks in the queue of all processes.", "role", "state"),
  "mailbox-messages": gauge("mailbox_messages", "Messages in mailboxes of this process.", "role"),
  actors: gauge("actors", "Actors of this process.", "role"),
  nodes: gauge("nodes", "Processes of the mesh that this one knows of, itself included."),
  isolates: gauge("sandbox_isolates", "Isolates of this process's sandbox.", "state"),
  "isolate-spares": gauge("sandbox_spares", "Instances of the sandbox made ahead of need."),
  "guests-waiting": gauge("sandbox_guests_waiting", "Guests by what they wait for.", "for"),
  "isolate-kills": {
    ...gauge("sandbox_isolate_kills_total", "Isolates that the watchdog killed."),
    type: "counter",
  },
};

function gauge(name: string, help: string, ...labels: readonly string[]): ReadMeter {
  return { name: `fettle_${name}`, help, labels, type: "gauge" };
}

/** Makes what a reading is shown by. */
export function makeReadMeter(registry: Registry, name: ReadingName): Gauge | Counter {
  const { name: full, help, labels, type } = READ_METERS[name];
  const options = { name: full, help, labelNames: labels, registers: [registry] };
  return type === "gauge" ? new Gauge(options) : new Counter(options);
}
