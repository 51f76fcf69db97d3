// Tasks over HTTP: given, waited for, listed, read, cancelled.
// Invariant: a task that was answered for is durable; how long its asker waits changes nothing of it.
import { z } from "zod";
import { UnknownError } from "../../core/errors.ts";
import type { Task } from "../../core/task.ts";
import { TASK_STANDINGS, type TaskFilter, type TaskSummary } from "../../task-list.ts";
import { jsonAnswer, linksOf, pendingAnswer, resultAnswer } from "./answer.ts";
import { Problem } from "./problem.ts";
import { defineRoute, type Call, type Route } from "./route.ts";
import {
  beforeForm,
  cancelForm,
  journalForm,
  limitForm,
  nameForm,
  resultForm,
  summaryForm,
  taskForm,
  taskPageForm,
  waitForm,
} from "./task-forms.ts";
import { taskEvents } from "./task-events.ts";
import { awaitResult, findTask } from "./task-lookup.ts";
import { idempotencyKey } from "./idempotency.ts";
import { nextPage, readBefore } from "./paging.ts";
import { traceOf } from "./trace.ts";
import { readWaiting, within } from "./waiting.ts";

const TAG = "Tasks";
const PREFER = {
  name: "Prefer",
  description:
    "`wait=<seconds>`, or `respond-async` for an answer as soon as the task is accepted (RFC 7240).",
};
const PENDING = {
  description: "Accepted, and not ended yet: `Location` tells where it is.",
  schema: summaryForm,
};
const RESULT = { description: "The task has ended; `status` says how.", schema: resultForm };

const runTask = defineRoute({
  method: "POST",
  path: "/v1/tasks",
  body: taskForm,
  query: z.object({ wait: waitForm }),
  doc: {
    id: "runTask",
    tag: TAG,
    summary: "Run a task",
    description:
      "Waits for the result, up to the time that is asked for; then answers 202 with where to find it. The task goes on " +
      "in either case, also where the client goes away. A failed task is a result like any other: 200, with its `status`.",
    headers: [
      PREFER,
      { name: "Idempotency-Key", description: "The task's id, where the body has none." },
      { name: "traceparent", description: "The caller's trace (W3C Trace Context)." },
    ],
    answers: { 200: RESULT, 202: PENDING },
    problems: [404, 409, 413, 429],
  },
  handle: async (call) => {
    const { service, context, body, query } = call;
    const { agent, task, id = idempotencyKey(context.req.header("idempotency-key")), ...rest } = body;
    const waiting = readWaiting({ prefer: context.req.header("prefer"), query: query.wait }, service.wait);
    const accepted = await service.mesh.submit(
      agent,
      { task, ...(id === undefined ? {} : { id }), ...rest } as Task,
      {
        trace: traceOf(context.req.header("traceparent")),
      },
    );
    const { taskId } = accepted;
    accepted.result.catch(() => undefined); // Where nobody waits for it any more, it is nobody's.
    service.log.info({ requestId: call.requestId, taskId, role: agent }, "a task is asked for");
    const applied: Record<string, string> =
      waiting.applied === null ? {} : { "Preference-Applied": waiting.applied };
    const ended = await within(accepted.result, {
      ms: waiting.ms,
      gone: context.req.raw.signal,
      closing: service.closing,
    });
    if (ended !== null) return resultAnswer(ended.value, applied);
    return pendingTask(call, taskId, { "Fettle-Task-Id": taskId, ...applied });
  },
});

const listTasks = defineRoute({
  method: "GET",
  path: "/v1/tasks",
  query: z.strictObject({
    role: nameForm.optional(),
    status: z.enum(TASK_STANDINGS).optional(),
    limit: limitForm,
    before: beforeForm,
  }),
  doc: {
    id: "listTasks",
    tag: TAG,
    summary: "List tasks, the newest first",
    answers: { 200: { description: "A page.", schema: taskPageForm } },
  },
  handle: async ({ service, query }) => {
    const limit = Number(query.limit ?? 50);
    const { tasks, more } = await service.mesh.view.tasks.list({
      role: query.role,
      status: query.status,
      limit,
      before: taskBefore(query.before),
    });
    const last = tasks.at(-1);
    const isLast = more === 0 || last === undefined;
    return jsonAnswer({
      tasks: tasks.map(withLinks),
      next: isLast ? null : nextPage("/v1/tasks", { ...query, before: `${last.acceptedAt}.${last.taskId}` }),
    });
  },
});

const readTask = defineRoute({
  method: "GET",
  path: "/v1/tasks/{id}",
  doc: {
    id: "readTask",
    tag: TAG,
    summary: "Where a task stands",
    answers: { 200: { description: "The task.", schema: summaryForm } },
    problems: [404],
  },
  handle: async (call) => jsonAnswer(withLinks(await findTask(call, call.name))),
});

const readResult = defineRoute({
  method: "GET",
  path: "/v1/tasks/{id}/result",
  query: z.object({ wait: waitForm }),
  doc: {
    id: "readResult",
    tag: TAG,
    summary: "A task's result",
    description: "Answers at once unless it is asked to wait.",
    headers: [PREFER],
    answers: { 200: RESULT, 202: { ...PENDING, description: "It has not ended yet." } },
    problems: [404],
  },
  handle: async (call) => {
    const { service, name, context, query } = call;
    const { ms, applied } = readWaiting(
      { prefer: context.req.header("prefer"), query: query.wait },
      { ...service.wait, defaultS: 0 },
    );
    const headers: Record<string, string> = applied === null ? {} : { "Preference-Applied": applied };
    const result = await awaitResult(call, name, ms);
    return result === null ? pendingTask(call, name, headers) : resultAnswer(result, headers);
  },
});

const readJournal = defineRoute({
  method: "GET",
  path: "/v1/tasks/{id}/journal",
  doc: {
    id: "readJournal",
    tag: TAG,
    summary: "All that is recorded of a task",
    description:
      "What it was asked, what the model answered, which tools were called, how it ended, in order.",
    answers: { 200: { description: "The journal.", schema: journalForm } },
    problems: [404],
  },
  handle: async (call) => {
    const { name, service } = call;
    const [task, entries] = await Promise.all([findTask(call, name), service.mesh.view.tasks.read(name)]);
    return jsonAnswer({ task: withLinks(task), entries });
  },
});

const cancelTask = defineRoute({
  method: "POST",
  path: "/v1/tasks/{id}/cancel",
  body: cancelForm,
  bodyOptional: true,
  query: z.object({ wait: waitForm }),
  doc: {
    id: "cancelTask",
    tag: TAG,
    summary: "Cancel a task",
    description:
      "Its model call is aborted, its code stopped. One that ends in that very moment keeps its own end.",
    headers: [PREFER],
    answers: { 200: RESULT, 202: { ...PENDING, description: "It is being cancelled." } },
    problems: [404, 409],
  },
  handle: async (call) => {
    const { service, name, body, context, query } = call;
    const known = await findTask(call, name);
    if (known.endedAt !== null) throw endedBefore(known);
    const waiting = readWaiting({ prefer: context.req.header("prefer"), query: query.wait }, service.wait);
    const cancelling = service.mesh.cancel(name, body.reason).catch(async (thrown: unknown) => {
      if (!(thrown instanceof UnknownError)) throw thrown;
      throw endedBefore(await findTask(call, name));
    });
    cancelling.catch(() => undefined);
    service.log.info({ requestId: call.requestId, taskId: name }, "a task is to be cancelled");
    const ended = await within(cancelling, {
      ms: waiting.ms,
      gone: context.req.raw.signal,
      closing: service.closing,
    });
    return ended === null ? pendingTask(call, name) : resultAnswer(ended.value);
  },
});

/** All of them. */
export const taskRoutes: readonly Route[] = [
  runTask,
  listTasks,
  readTask,
  readResult,
  readJournal,
  taskEvents,
  cancelTask,
];

async function pendingTask(call: Call, id: string, headers: Record<string, string> = {}): Promise<Response> {
  const known = await findTask(call, id);
  return pendingAnswer("tasks", { id, known, headers });
}

function endedBefore({ taskId, status }: TaskSummary): Problem {
  return new Problem(409, "TASK_ENDED", `The task "${taskId}" has ended before: ${status}.`);
}

function withLinks(task: TaskSummary) {
  return { ...task, links: linksOf("tasks", task.taskId) };
}

function taskBefore(text: string | undefined): TaskFilter["before"] {
  const place = readBefore(text);
  return place === undefined ? undefined : { acceptedAt: place.at, taskId: place.id };
}
