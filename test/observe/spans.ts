// Spans that a test reads back: an in-memory exporter, and the tree that they make.
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { context } from "@opentelemetry/api";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from "@opentelemetry/sdk-trace-base";

/** What was traced. */
export interface Traced {
  readonly provider: BasicTracerProvider;
  /** All spans that have ended, in the order of their ends. */
  readonly spans: readonly ReadableSpan[];
  named(name: string): readonly ReadableSpan[];
  /** The one span of a name. @throws Error where there is none, or more than one. */
  one(name: string): ReadableSpan;
  /** The name of the span above one; null for none, or one of another process. */
  above(span: ReadableSpan): string | null;
}

/** Traces into memory; what is active in a program is known from here on, as with any SDK. */
export function tracing(): Traced {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const named = (name: string) => exporter.getFinishedSpans().filter((span) => span.name === name);
  return {
    provider,
    get spans() {
      return exporter.getFinishedSpans();
    },
    named,
    one: (name) => {
      const [span, ...more] = named(name);
      if (span !== undefined && more.length === 0) return span;
      const all = exporter.getFinishedSpans().map((one) => one.name);
      throw new Error(
        `there are ${more.length + (span === undefined ? 0 : 1)} spans "${name}" among ${all.join(", ")}`,
      );
    },
    above: (span) => {
      const id = span.parentSpanContext?.spanId;
      return exporter.getFinishedSpans().find((other) => other.spanContext().spanId === id)?.name ?? null;
    },
  };
}
