// Traces and metrics by OpenTelemetry's conventions for generative AI, through its API: what becomes of them is decided by
// whoever registers a provider.
// Invariant: spans of other processes are found by the trace that a journal or a message names, never by what happens to
// be active in this one.
import {
  context,
  metrics,
  SpanKind,
  trace,
  type MeterProvider,
  type TracerProvider,
} from "@opentelemetry/api";
import {
  joinTelemetry,
  noTelemetry,
  type Delivered,
  type Happening,
  type TakenIn,
  type TaskStart,
  type TaskTelemetry,
  type Telemetry,
  type WorkflowStart,
} from "../core/telemetry.ts";
import { ATTRIBUTE, timeOf } from "./genai.ts";
import { GenaiMeter } from "./genai-meter.ts";
import { LabelValues } from "./label-values.ts";
import { SpanMaker } from "./span-maker.ts";
import { endSpan, TaskSpans } from "./task-spans.ts";
import { contextOf, writeTraceparent } from "./traceparent.ts";
import { WorkflowSpan } from "./workflow-spans.ts";

const SCOPE = "fettle";

/** Options of {@link createTracing}. */
export interface TracingOptions {
  /** The one that is registered for the program where absent. */
  readonly tracerProvider?: TracerProvider | undefined;
  /** The one that is registered for the program where absent. */
  readonly meterProvider?: MeterProvider | undefined;
  /** The program's version, as the name of what measures has it; none where absent. */
  readonly version?: string | undefined;
  /** Whether prompts, answers, and what tools are given and return is part of spans; default false. */
  readonly hasContent?: boolean | undefined;
  /** Values that are never part of spans, such as keys. */
  readonly secrets?: readonly string[] | undefined;
}

/**
 * Makes traces of a mesh's tasks, workflows and messages.
 *
 * @example
 * const mesh = new Mesh({ telemetry: createTracing({ tracerProvider }) });
 */
export function createTracing(options: TracingOptions = {}): Telemetry {
  const { version, hasContent = false, secrets = [] } = options;
  const tracer = (options.tracerProvider ?? trace).getTracer(SCOPE, version);
  const maker = new SpanMaker({ tracer, hasContent, secrets });
  const meter = (options.meterProvider ?? metrics).getMeter(SCOPE, version);
  return joinTelemetry([new Tracing(maker), measuring(new GenaiMeter(meter, new LabelValues()))]);
}

class Tracing implements Telemetry {
  readonly #maker: SpanMaker;

  constructor(maker: SpanMaker) {
    this.#maker = maker;
  }

  task(start: TaskStart): TaskTelemetry {
    return new TaskSpans(start, this.#maker);
  }

  accept(taken: TakenIn): string | undefined {
    const now = Date.now();
    const { trace: parent } = taken;
    const attributes =
      "taskId" in taken
        ? { [ATTRIBUTE.agent]: taken.role, [ATTRIBUTE.conversation]: taken.taskId }
        : { [ATTRIBUTE.workflowId]: taken.workflowId };
    const begun = { name: "fettle.accept", kind: SpanKind.PRODUCER, attributes, parent: contextOf(parent) };
    const { span } = this.#maker.begin(begun, timeOf(now));
    endSpan(span, now, {});
    return writeTraceparent(span.spanContext()) ?? parent;
  }

  workflow(start: WorkflowStart): WorkflowSpan {
    return new WorkflowSpan(start, this.#maker);
  }

  deliver<T>({ trace: parent, role, type }: Delivered, work: () => T): T {
    const attributes = {
      "messaging.system": SCOPE,
      "messaging.operation.name": type,
      "messaging.operation.type": "process",
      "messaging.destination.name": role,
    };
    const begun = { name: `process ${role}`, kind: SpanKind.CONSUMER, attributes, parent: contextOf(parent) };
    const { span } = this.#maker.begin(begun, timeOf(Date.now()));
    const done = <R>(value: R): R => {
      endSpan(span, Date.now(), {});
      return value;
    };
    const failed = (thrown: unknown): never => {
      endSpan(span, Date.now(), {}, { name: thrown instanceof Error ? thrown.name : "Error" });
      throw thrown;
    };
    let value: T;
    try {
      value = context.with(trace.setSpan(context.active(), span), work);
    } catch (thrown) {
      return failed(thrown);
    }
    return value instanceof Promise ? (value.then(done, failed) as T) : done(value);
  }

  tell(happening: Happening): void {
    // What is no part of a task, a workflow, a message or a run of another process has no span.
    if (happening.type !== "sandbox-run" || happening.asked === undefined) return;
    const { asked, outcome, limit, usage } = happening;
    const attributes = {
      [ATTRIBUTE.node]: asked.node,
      [ATTRIBUTE.cpuMs]: usage.cpuMs,
      [ATTRIBUTE.memory]: usage.memoryBytes,
    };
    const parent = contextOf(asked.trace);
    const begun = { name: "fettle.sandbox.guest", kind: SpanKind.SERVER, attributes, parent };
    const { span } = this.#maker.begin(begun, timeOf(asked.at));
    endSpan(span, Date.now(), {}, outcome === "success" ? null : { name: limit ?? outcome });
  }

  read(): () => void {
    return () => undefined;
  }

  activeTrace(): string | undefined {
    const span = trace.getActiveSpan();
    return span === undefined ? undefined : writeTraceparent(span.spanContext());
  }
}

function measuring(meter: GenaiMeter): Telemetry {
  return {
    ...noTelemetry,
    task: (start) => meter.task(start),
    tell: (happening: Happening) => {
      if (happening.type === "model-answer") meter.answered(happening.answer, happening.ms);
    },
  };
}
