// Answers in JSON, and the links from one resource to the next.
// Invariant: an answer is plain JSON that any client reads; a result keeps its exact value beside, where JSON loses it.
import type { TaskResult } from "../../core/task.ts";
import { toReadable } from "../../readable.ts";
import { resultText } from "../../result-text.ts";

const JSON_TYPE = { "Content-Type": "application/json", "Cache-Control": "no-store" };

/** An answer with more headers: itself, or a copy where its own cannot be changed, as of what `fetch` gave. */
export function withHeaders(answer: Response, headers: Readonly<Record<string, string>>): Response {
  try {
    for (const [name, value] of Object.entries(headers)) answer.headers.set(name, value);
    return answer;
  } catch {
    const { body, status, statusText } = answer;
    const all = new Headers(answer.headers);
    for (const [name, value] of Object.entries(headers)) all.set(name, value);
    return new Response(body, { status, statusText, headers: all });
  }
}

/** A value as an answer. */
export function jsonAnswer(value: unknown, init: { status?: number; headers?: Record<string, string> } = {}) {
  const { status = 200, headers = {} } = init;
  return new Response(JSON.stringify(toReadable(value)), { status, headers: { ...JSON_TYPE, ...headers } });
}

/** A task's result as an answer: 200, whatever came of the task. */
export function resultAnswer(result: TaskResult, headers: Record<string, string> = {}): Response {
  const task = linksOf("tasks", result.taskId);
  return new Response(resultText(result), {
    headers: {
      ...JSON_TYPE,
      "Content-Location": task.result ?? task.self,
      "Fettle-Task-Id": result.taskId,
      "Fettle-Status": result.status,
      ...headers,
    },
  });
}

/** Where a task or workflow is found. */
export interface Links {
  readonly self: string;
  readonly result?: string;
  readonly journal?: string;
  readonly events: string;
  readonly cancel: string;
}

/** The addresses of a task or a workflow. */
export function linksOf(kind: "tasks" | "workflows", id: string): Links {
  const self = `/v1/${kind}/${id}`;
  const result = `${self}/result`;
  const [events, cancel] = [`${self}/events`, `${self}/cancel`];
  return kind === "tasks"
    ? { self, result, journal: `${self}/journal`, events, cancel }
    : { self, result, events, cancel };
}

/** How soon it is worth asking for a result again, in seconds. */
const ASK_AGAIN_S = 2;

/** The answer where there is no result yet: 202, with what is known and where the rest will be. */
export function pendingAnswer(
  kind: "tasks" | "workflows",
  { id, known, headers = {} }: { id: string; known: object; headers?: Record<string, string> },
): Response {
  const links = linksOf(kind, id);
  return jsonAnswer(
    { ...known, links },
    {
      status: 202,
      headers: { Location: links.self, "Retry-After": String(ASK_AGAIN_S), ...headers },
    },
  );
}
