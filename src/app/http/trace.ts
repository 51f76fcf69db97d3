// The caller's trace, by W3C Trace Context.
import { HEADER, readRequestHeaders } from "../../core/request-headers.ts";

/** The trace of a `traceparent` header; undefined where it is none: a trace that cannot be read begins anew. */
export function traceOf(header: string | undefined): string | undefined {
  return header === undefined ? undefined : readRequestHeaders({ [HEADER.trace]: header }, 0).trace;
}
