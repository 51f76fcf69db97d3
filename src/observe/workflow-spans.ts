// A workflow as a span, above those of its tasks.
// Invariant: it is ended by its end, or once this process works on it no longer.
import { SpanKind } from "@opentelemetry/api";
import type { WorkflowStart, WorkflowTelemetry } from "../core/telemetry.ts";
import type { WorkflowEvent } from "../core/workflow-event.ts";
import { ATTRIBUTE, timeOf } from "./genai.ts";
import type { SpanMaker } from "./span-maker.ts";
import { endSpan } from "./task-spans.ts";
import { contextOf, writeTraceparent } from "./traceparent.ts";

/** Makes the span of one workflow. */
export class WorkflowSpan implements WorkflowTelemetry {
  readonly #span;
  #isOver = false;

  constructor({ workflowId, trace }: WorkflowStart, maker: SpanMaker) {
    const attributes = { [ATTRIBUTE.operation]: "invoke_workflow", [ATTRIBUTE.workflowId]: workflowId };
    const begun = { name: "invoke_workflow", kind: SpanKind.INTERNAL, attributes, parent: contextOf(trace) };
    this.#span = maker.begin(begun, timeOf(Date.now())).span;
  }

  get trace(): string | undefined {
    return writeTraceparent(this.#span.spanContext());
  }

  heard(event: WorkflowEvent): void {
    if (event.type === "workflow-started" && event.resumed) this.#span.setAttribute(ATTRIBUTE.takeover, true);
    if (event.type !== "workflow-finished") return;
    const { status, recorded } = event;
    const attributes = { [ATTRIBUTE.status]: status, ...(recorded ? { [ATTRIBUTE.replayed]: true } : {}) };
    this.#end(attributes, status === "success" ? null : { name: status });
  }

  end(): void {
    this.#end({ [ATTRIBUTE.interrupted]: true });
  }

  #end(
    attributes: Readonly<Record<string, string | boolean>>,
    error: { readonly name: string } | null = null,
  ): void {
    if (this.#isOver) return;
    this.#isOver = true;
    endSpan(this.#span, Date.now(), attributes, error);
  }
}
