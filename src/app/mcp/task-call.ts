// A client's call as a task: begun, told of, cancelled with the call, and given as a result.
// Invariant: what failed is an answer that says so, and no error of the protocol; a call that is broken off cancels its task.
import { randomUUID } from "node:crypto";
import {
  TRACEPARENT_META_KEY,
  type CallToolResult,
  type InputRequiredResult,
  type ServerContext,
} from "@modelcontextprotocol/server";
import type { Clock } from "../../core/clock.ts";
import { defer } from "../../core/deferred.ts";
import type { TaskEvent, TaskResult } from "../../core/task.ts";
import type { MeshSystem } from "../../mesh.ts";
import { toReadable } from "../../readable.ts";
import { STATE_WORDS } from "../progress.ts";
import type { TaskInput, TaskOutput } from "./agent-tool.ts";
import { askedBefore, type ApprovalEvent, type Asking } from "./asking.ts";

/** A call that is under way goes on telling that it is, so that clients wait; in milliseconds. */
const HEARTBEAT_MS = 10_000;

/** What calls are made with. */
export interface CallParts {
  readonly mesh: MeshSystem;
  readonly clock: Clock;
  readonly asking: Asking;
  /** Takes secrets out of a text. */
  readonly clean: (text: string) => string;
}

/** One call. */
export interface TaskCall {
  readonly role: string;
  readonly input: TaskInput;
  readonly context: ServerContext;
  /** Whether the client can put questions to its user. */
  readonly canAsk: boolean;
}

/** Runs a call to its end, or to where its user is asked; then the task waits, and the call comes again with the answer. */
export async function runCall(
  parts: CallParts,
  call: TaskCall,
): Promise<CallToolResult | InputRequiredResult> {
  const { mesh, clock, asking, clean } = parts;
  const { role, input, context, canAsk } = call;
  const { signal } = context.mcpReq;
  const asked = askedBefore(context);
  const progress = tellProgress(clock, context);
  const approval = defer<ApprovalEvent>();
  const accepted = defer<null>();
  const broken = new AbortController();
  const onAbort = (): void => broken.abort();
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  const id = asked?.taskId ?? input.id ?? randomUUID();
  const result = mesh.execute(
    role,
    { id, task: input.task, context: input.context ?? {} },
    {
      signal: broken.signal,
      trace: traceOf(context),
      onAccepted: () => accepted.resolve(null),
      onEvent: (event) => {
        progress.tell(wordsOf(event));
        if (event.type === "approval" && canAsk) approval.resolve(event);
      },
    },
  );
  try {
    if (asked !== undefined) {
      // Not before this call hears what the task does next: it may ask again.
      await Promise.race([accepted.promise, result]);
      await asking.settle(asked, context);
    }
    const first = await Promise.race([result, approval.promise]);
    return "type" in first ? await asking.question(first) : answerOf(first, clean);
  } finally {
    result.catch(() => undefined);
    signal.removeEventListener("abort", onAbort);
    progress.end();
  }
}

/** The trace of the client, where it keeps one. */
function traceOf({ mcpReq }: ServerContext): string | undefined {
  const trace = mcpReq._meta?.[TRACEPARENT_META_KEY];
  return typeof trace === "string" ? trace : undefined;
}

/** Tells the client how its call goes on, where it asked for that. */
function tellProgress(clock: Clock, { mcpReq }: ServerContext) {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return { tell: () => undefined, end: () => undefined };
  let step = 0;
  let last = "";
  let timer: unknown;
  const send = (): void => {
    clock.clearTimeout(timer);
    timer = clock.setTimeout(send, HEARTBEAT_MS);
    step += 1;
    const params = { progressToken, progress: step, ...(last === "" ? {} : { message: last }) };
    // A client that has gone hears nothing more, and its task is cancelled by that.
    mcpReq.notify({ method: "notifications/progress", params }).catch(() => undefined);
  };
  send();
  return {
    tell: (words: string | null): void => {
      if (words === null || words === last) return;
      last = words;
      send();
    },
    end: () => clock.clearTimeout(timer),
  };
}

/** What an event is in plain words; null for what nobody needs to follow. */
function wordsOf(event: TaskEvent): string | null {
  switch (event.type) {
    case "state":
      return STATE_WORDS[event.state] ?? null;
    case "error":
      return `the code failed: ${event.error.name}: ${event.error.message.split("\n", 1)[0] ?? ""}`;
    case "tool":
      return event.phase === "called" ? `the code calls ${event.tool}()` : null;
    case "approval":
      return `waits for a person: fettle approvals approve ${event.approvalId}`;
    default:
      return null;
  }
}

/** A result as the client gets it: the output for whoever reads, all of it for programs. */
export function answerOf(result: TaskResult, clean: (text: string) => string): CallToolResult {
  const { status, output, code, repairs, executionTime, costUsd, model, taskId, error } = result;
  const { input, output: written, cacheRead, cacheWrite } = result.tokens;
  const structuredContent: TaskOutput = {
    output: toReadable(output),
    status,
    code,
    repairs,
    seconds: executionTime,
    tokens: { input, output: written, cacheRead, cacheWrite },
    costUsd,
    model,
    taskId,
    error:
      error === null ? null : { name: error.name, message: clean(error.message), category: error.category },
  };
  const isError = status !== "success";
  const text = isError ? clean(failureText(result)) : textOf(structuredContent.output);
  return { content: [{ type: "text", text }], structuredContent, ...(isError ? { isError } : {}) };
}

function textOf(output: unknown): string {
  return typeof output === "string" ? output : JSON.stringify(output, null, 2);
}

function failureText({ status, error, repairs, taskId }: TaskResult): string {
  const how =
    status === "cancelled" ? "was cancelled" : repairs === 0 ? "failed" : `failed after ${repairs} repairs`;
  return `The task ${taskId} ${how}: ${error === null ? "nobody said why" : `${error.name}: ${error.message}`}`;
}
