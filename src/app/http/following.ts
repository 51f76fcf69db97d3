// How readers of streams say where they have been, and are told that nothing follows.
// Invariant: an id that a stream gave is taken by every stream of the same task or workflow, on any node.
import { z } from "zod";
import { readMark, type Mark } from "../../ledger-mark.ts";
import { Problem } from "./problem.ts";
import type { Call } from "./route.ts";

/** Where a stream begins. */
export const afterForm = z
  .string()
  .optional()
  .meta({ description: "The id of the last event that is known: what `Last-Event-ID` says." });

/** What all streams say of themselves. */
export const STREAM_DOC = {
  headers: [
    {
      name: "Last-Event-ID",
      description: "The id of the last event that is known: the stream goes on after it.",
    },
  ],
  answers: {
    200: { description: "Events, until the end.", type: "text/event-stream" },
    204: { description: "Nothing follows the event that was named: do not connect again." },
  },
} as const;

/** Where the reader has been. @throws Problem where that is no id of an event. */
export function markOf({ context }: Pick<Call, "context">, after: string | undefined): Mark | null {
  const text = after ?? context.req.header("last-event-id");
  if (text === undefined || text === "") return null;
  const mark = readMark(text);
  if (mark !== null) return mark;
  const parameter = after === undefined ? "Last-Event-ID" : "after";
  const detail = `${parameter} is ${JSON.stringify(text.slice(0, 100))}: give the id of an event, such as "12.0".`;
  throw new Problem(400, "PARAMETER_INVALID", detail, { errors: [{ parameter, detail }] });
}

/** Tells a browser's EventSource not to connect again. */
export function nothingFollows(): Response {
  return new Response(null, { status: 204, headers: { "Cache-Control": "no-store" } });
}
