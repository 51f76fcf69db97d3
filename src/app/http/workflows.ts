// Workflows over HTTP: begun, waited for, listed, followed, cancelled.
// Invariant: a workflow that was answered for has its record; any node of the mesh can go on with it.
import { z } from "zod";
import type { WorkflowStep } from "../../core/dag.ts";
import { UnknownError } from "../../core/errors.ts";
import type { WorkflowResult } from "../../core/workflow-result.ts";
import type { WorkflowFilter, WorkflowSummary } from "../../workflow-list.ts";
import { jsonAnswer, linksOf, pendingAnswer } from "./answer.ts";
import { eventStream } from "./event-stream.ts";
import { afterForm, markOf, nothingFollows, STREAM_DOC } from "./following.ts";
import { idempotencyKey } from "./idempotency.ts";
import { nextPage, readBefore } from "./paging.ts";
import { Problem } from "./problem.ts";
import { defineRoute, type Call, type Route } from "./route.ts";
import { beforeForm, cancelForm, limitForm, waitForm } from "./task-forms.ts";
import { traceOf } from "./trace.ts";
import { foundWithin, readWaiting, within } from "./waiting.ts";
import { workflowForm, workflowPageForm, workflowResultForm, workflowSummaryForm } from "./workflow-forms.ts";

const TAG = "Workflows";
const PREFER = { name: "Prefer", description: "`wait=<seconds>` or `respond-async` (RFC 7240)." };
const RESULT = { description: "The workflow has ended; `status` says how.", schema: workflowResultForm };
const PENDING = { description: "It is under way: `Location` tells where.", schema: workflowSummaryForm };
/** Only told: what else happens is in the record. */
const TOLD = new Set(["step-started", "step-task", "step-progress", "step-retry"]);

const runWorkflow = defineRoute({
  method: "POST",
  path: "/v1/workflows",
  body: workflowForm,
  query: z.object({ wait: waitForm }),
  doc: {
    id: "runWorkflow",
    tag: TAG,
    summary: "Run a workflow",
    description: "Waits for the result as `POST /v1/tasks` does. Steps are those of `fettle workflow` files.",
    headers: [
      PREFER,
      { name: "Idempotency-Key", description: "The workflow's id, where the body has none." },
      { name: "traceparent", description: "The caller's trace (W3C Trace Context)." },
    ],
    answers: { 200: RESULT, 202: PENDING },
    problems: [404, 409, 413],
  },
  handle: async (call) => {
    const { service, context, body, query } = call;
    const id = body.id ?? idempotencyKey(context.req.header("idempotency-key")) ?? crypto.randomUUID();
    const waiting = readWaiting({ prefer: context.req.header("prefer"), query: query.wait }, service.wait);
    const { steps, context: data, budget } = body;
    const running = service.mesh.workflow(id, steps as readonly WorkflowStep[], {
      context: data,
      budget,
      trace: traceOf(context.req.header("traceparent")),
    });
    running.catch(() => undefined); // Where nobody waits for it any more, it is nobody's.
    service.log.info({ requestId: call.requestId, workflowId: id }, "a workflow is asked for");
    await begun(call, id, running);
    return answerWithin(call, { id, running, ...waiting });
  },
});

const listWorkflows = defineRoute({
  method: "GET",
  path: "/v1/workflows",
  query: z.strictObject({ limit: limitForm, before: beforeForm }),
  doc: {
    id: "listWorkflows",
    tag: TAG,
    summary: "List workflows, the newest first",
    answers: { 200: { description: "A page.", schema: workflowPageForm } },
  },
  handle: async ({ service, query }) => {
    const { workflows, more } = await service.mesh.view.workflows.list({
      limit: Number(query.limit ?? 50),
      before: workflowBefore(query.before),
    });
    const last = workflows.at(-1);
    const next =
      more === 0 || last === undefined
        ? null
        : nextPage("/v1/workflows", { ...query, before: `${last.startedAt}.${last.workflowId}` });
    return jsonAnswer({ workflows: workflows.map(withLinks), next });
  },
});

const readWorkflow = defineRoute({
  method: "GET",
  path: "/v1/workflows/{id}",
  doc: {
    id: "readWorkflow",
    tag: TAG,
    summary: "Where a workflow and its steps stand",
    answers: { 200: { description: "The workflow.", schema: workflowSummaryForm } },
    problems: [404],
  },
  handle: async (call) => jsonAnswer(withLinks(await findWorkflow(call, call.name))),
});

const readResult = defineRoute({
  method: "GET",
  path: "/v1/workflows/{id}/result",
  query: z.object({ wait: waitForm }),
  doc: {
    id: "readWorkflowResult",
    tag: TAG,
    summary: "A workflow's result",
    description: "Answers at once unless it is asked to wait.",
    headers: [PREFER],
    answers: { 200: RESULT, 202: { ...PENDING, description: "It has not ended yet." } },
    problems: [404, 409],
  },
  handle: async (call) => {
    const { service, name, context, query } = call;
    const { mesh, closing } = service;
    const bounds = { ...service.wait, defaultS: 0 };
    const { ms } = readWaiting({ prefer: context.req.header("prefer"), query: query.wait }, bounds);
    const hasEnded = async () => ((await findWorkflow(call, name)).endedAt === null ? null : true);
    const ended = await foundWithin(hasEnded, {
      ms,
      closing,
      gone: context.req.raw.signal,
      hear: (wake) => mesh.view.hear(name, wake),
    });
    if (ended !== null || (await hasEnded()) !== null) return jsonAnswer(await recorded(call, name));
    return pendingWorkflow(call, name);
  },
});

const followWorkflow = defineRoute({
  method: "GET",
  path: "/v1/workflows/{id}/events",
  query: z.object({ after: afterForm }),
  doc: {
    id: "followWorkflow",
    tag: TAG,
    summary: "Follow a workflow",
    description:
      "Server-sent events: each entry of the workflow's record, from the first, with an id; and, without ids, what is only " +
      "told while it happens: `step-started`, `step-task`, `step-progress`, `step-retry`. Ends after `ended`.",
    ...STREAM_DOC,
    problems: [404],
  },
  handle: async (call) => {
    const { name, service } = call;
    const { view } = service.mesh;
    const known = await findWorkflow(call, name);
    const mark = markOf(call, call.query.after);
    const isOver = mark !== null && known.endedAt !== null;
    if (isOver && (await view.workflows.after(name, mark, 1)).length === 0) return nothingFollows();
    return eventStream(
      {
        after: (from, limit) => view.workflows.after(name, from, limit),
        hear: (listener) => view.hear(name, listener),
        told: TOLD,
        end: "ended",
      },
      { mark, heartbeatMs: service.heartbeatMs, closing: service.closing },
    );
  },
});

const cancelWorkflow = defineRoute({
  method: "POST",
  path: "/v1/workflows/{id}/cancel",
  body: cancelForm,
  bodyOptional: true,
  query: z.object({ wait: waitForm }),
  doc: {
    id: "cancelWorkflow",
    tag: TAG,
    summary: "Cancel a workflow",
    description: "Its running steps are stopped, the others not begun.",
    headers: [PREFER],
    answers: { 200: RESULT, 202: { ...PENDING, description: "It is being cancelled." } },
    problems: [404, 409],
  },
  handle: async (call) => {
    const { service, name, body, context, query } = call;
    const known = await findWorkflow(call, name);
    if (known.endedAt !== null) throw endedBefore(known);
    const waiting = readWaiting({ prefer: context.req.header("prefer"), query: query.wait }, service.wait);
    const running = service.mesh.cancelWorkflow(name, body.reason).catch(async (thrown: unknown) => {
      if (!(thrown instanceof UnknownError)) throw thrown;
      throw endedBefore(await findWorkflow(call, name));
    });
    running.catch(() => undefined);
    service.log.info({ requestId: call.requestId, workflowId: name }, "a workflow is to be cancelled");
    return answerWithin(call, { id: name, running, ...waiting });
  },
});

/** All of them. */
export const workflowRoutes: readonly Route[] = [
  runWorkflow,
  listWorkflows,
  readWorkflow,
  readResult,
  followWorkflow,
  cancelWorkflow,
];

/** Resolves once the workflow has a record. @throws what the mesh does, where it refuses the workflow. */
async function begun({ service, context }: Call, id: string, running: Promise<unknown>): Promise<void> {
  const { mesh, closing } = service;
  const look = async () => ((await mesh.view.workflows.outline(id)) === null ? null : true);
  const recordedNow = foundWithin(look, {
    ms: service.wait.mostS * 1000,
    gone: context.req.raw.signal,
    closing,
    hear: (wake) => mesh.view.hear(id, wake),
  });
  await Promise.race([running, recordedNow]);
}

async function answerWithin(
  call: Call,
  work: {
    readonly id: string;
    readonly running: Promise<WorkflowResult>;
    readonly ms: number;
    readonly applied: string | null;
  },
): Promise<Response> {
  const { id, running, ms, applied } = work;
  const { service, context } = call;
  const headers: Record<string, string> = applied === null ? {} : { "Preference-Applied": applied };
  const ended = await within(running, { ms, gone: context.req.raw.signal, closing: service.closing });
  return ended === null ? pendingWorkflow(call, id, headers) : jsonAnswer(ended.value, { headers });
}

async function pendingWorkflow(
  call: Call,
  id: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return pendingAnswer("workflows", { id, known: await findWorkflow(call, id), headers });
}

async function findWorkflow({ service }: Pick<Call, "service">, id: string): Promise<WorkflowSummary> {
  const found = await service.mesh.view.workflows.find(id);
  if (found !== null) return found;
  throw new Problem(404, "WORKFLOW_UNKNOWN", `There is no workflow "${id}" in this mesh.`);
}

/** The result of a workflow that has ended: run again over its record, it is all taken from there. */
async function recorded({ service }: Call, id: string): Promise<WorkflowResult> {
  const outline = await service.mesh.view.workflows.outline(id);
  if (outline?.steps === undefined || outline.steps === null) {
    const detail = `Functions of its program decide on the steps of the workflow "${id}": only that gives its result.`;
    throw new Problem(409, "WORKFLOW_OPAQUE", detail);
  }
  const { steps, context, budget } = outline;
  return service.mesh.workflow(id, steps, { context, budget });
}

function endedBefore({ workflowId, status }: WorkflowSummary): Problem {
  return new Problem(409, "WORKFLOW_ENDED", `The workflow "${workflowId}" has ended before: ${status}.`);
}

function withLinks(workflow: WorkflowSummary) {
  return { ...workflow, links: linksOf("workflows", workflow.workflowId) };
}

function workflowBefore(text: string | undefined): WorkflowFilter["before"] {
  const place = readBefore(text);
  return place === undefined ? undefined : { startedAt: place.at, workflowId: place.id };
}
