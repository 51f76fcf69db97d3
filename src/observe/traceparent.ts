// A span as W3C Trace Context writes it, so that what another process does can be below it.
// Invariant: what cannot be read is no trace: the next one begins anew.
import { isSpanContextValid, ROOT_CONTEXT, trace, type Context, type SpanContext } from "@opentelemetry/api";

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
/** No version of the standard. */
const NO_VERSION = "ff";

/** A span's `traceparent`; undefined for one that is not recorded anywhere. */
export function writeTraceparent(span: SpanContext): string | undefined {
  if (!isSpanContextValid(span)) return undefined;
  return `00-${span.traceId}-${span.spanId}-${span.traceFlags.toString(16).padStart(2, "0")}`;
}

/** The context in which a span is below that of a `traceparent`; of none, a trace begins. */
export function contextOf(traceparent: string | undefined): Context {
  const [, version, traceId, spanId, flags] = FORM.exec(traceparent ?? "") ?? [];
  if (version === undefined || version === NO_VERSION) return ROOT_CONTEXT;
  const span = {
    traceId: traceId ?? "",
    spanId: spanId ?? "",
    traceFlags: Number.parseInt(flags ?? "0", 16) & 1,
    isRemote: true,
  };
  return isSpanContextValid(span) ? trace.setSpanContext(ROOT_CONTEXT, span) : ROOT_CONTEXT;
}
