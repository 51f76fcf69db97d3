// Reads events as they are told on the mesh's event subjects: by nodes that follow a task which runs on another one.
// Invariant: what this version does not know is passed over, never an error: a later version tells more.
import { z } from "zod";
import type { TaskEvent } from "./core/task.ts";

const text = z.string();
const head = { v: z.number(), node: text, taskId: text, role: text };
const failure = z.looseObject({ name: text, message: text, category: text });

const schema = z.discriminatedUnion("type", [
  z.looseObject({ ...head, type: z.literal("state"), state: text }),
  z.looseObject({ ...head, type: z.literal("text"), text }),
  z.looseObject({ ...head, type: z.literal("text-void"), reason: text }),
  z.looseObject({ ...head, type: z.literal("code"), code: text }),
  z.looseObject({ ...head, type: z.literal("error"), error: failure }),
  z.looseObject({ ...head, type: z.literal("console"), entry: z.looseObject({ level: text, text }) }),
  z.looseObject({
    ...head,
    type: z.literal("approval"),
    approvalId: text,
    subject: z.looseObject({ type: text }),
  }),
  z.looseObject({
    ...head,
    type: z.literal("tool"),
    tool: text,
    phase: z.enum(["called", "returned", "failed"]),
  }),
  z.looseObject({ ...head, type: z.literal("finished") }),
]);

/** An event of a task, or null for its end, and the node that told it. */
export interface ToldTaskEvent {
  readonly node: string;
  readonly event: TaskEvent | null;
}

/** An event of a task from its text; null where it is none that this version knows. Long texts in it may be cut. */
export function openTaskEvent(payload: string): ToldTaskEvent | null {
  let json: unknown;
  try {
    json = JSON.parse(payload);
  } catch {
    return null;
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) return null;
  if (parsed.data.type === "finished") return { node: parsed.data.node, event: null };
  const { v: _v, node, at: _at, trace: _trace, workflowId: _workflowId, cut: _cut, ...event } = parsed.data;
  return { node, event: event as unknown as TaskEvent };
}
