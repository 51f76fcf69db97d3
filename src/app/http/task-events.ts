// The events of a task: the entries of its journal as they are written, and between them the model's text and the console.
// Invariant: who connects again with the last id hears all that is stored since, on whichever node of the mesh.
import { z } from "zod";
import { eventStream } from "./event-stream.ts";
import { afterForm, markOf, nothingFollows, STREAM_DOC } from "./following.ts";
import { defineRoute } from "./route.ts";
import { findTask } from "./task-lookup.ts";

/** The kinds of event that are told and not stored. */
const TOLD = new Set(["text", "text-void", "console"]);

/** The events of a task. */
export const taskEvents = defineRoute({
  method: "GET",
  path: "/v1/tasks/{id}/events",
  query: z.object({ after: afterForm }),
  doc: {
    id: "followTask",
    tag: "Tasks",
    summary: "Follow a task",
    description:
      "Server-sent events: each entry of the task's journal, from the first, with an id; and, without ids, what is only told " +
      "while it happens: `text`, `text-void`, `console`. Ends after `finished`.",
    ...STREAM_DOC,
    problems: [404],
  },
  handle: async (call) => {
    const { name, service } = call;
    const { view } = service.mesh;
    const known = await findTask(call, name);
    const mark = markOf(call, call.query.after);
    if (mark !== null && known.endedAt !== null && (await view.tasks.after(name, mark, 1)).length === 0)
      return nothingFollows();
    return eventStream(
      {
        after: (from, limit) => view.tasks.after(name, from, limit),
        hear: (listener) => view.hear(name, listener),
        told: TOLD,
        end: "finished",
      },
      { mark, heartbeatMs: service.heartbeatMs, closing: service.closing },
    );
  },
});
