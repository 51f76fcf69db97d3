// A client's call as a task: begun, told of, cancelled with the call, and given as a result.
// Invariant: what failed is an answer that says so, and no error of the protocol; a call that is broken off cancels its task.
import type { CallToolResult, ServerContext } from "@modelcontextprotocol/server";
import type { Clock } from "../../core/clock.ts";
import type { TaskEvent, TaskResult } from "../../core/task.ts";
import type { MeshSystem } from "../../mesh.ts";
import { toReadable } from "../../readable.ts";
import { STATE_WORDS } from "../progress.ts";
import type { TaskInput, TaskOutput } from "./agent-tool.ts";

/** A call that is under way goes on telling that it is, so that clients wait; in milliseconds. */
const HEARTBEAT_MS = 10_000;

/** What calls are made with. */
export interface CallParts {
  readonly mesh: MeshSystem;
  readonly clock: Clock;
  /** Takes secrets out of a text. */
  readonly clean: (text: string) => string;
}

/** One call. */
export interface TaskCall {
  readonly role: string;
  readonly input: TaskInput;
  readonly context: ServerContext;
  /** Told of approvals that the task waits for; gives words for who follows its progress. */
  readonly onApproval: (approval: Extract<TaskEvent, { readonly type: "approval" }>) => string;
}

/** Runs a call to its end. */
export async function runCall(
  parts: CallParts,
  { role, input, context, onApproval }: TaskCall,
): Promise<CallToolResult> {
  const progress = tellProgress(parts.clock, context);
  const { task, context: data, id } = input;
  try {
    const result = await parts.mesh.execute(
      role,
      { task, ...(data === undefined ? {} : { context: data }), ...(id === undefined ? {} : { id }) },
      {
        signal: context.mcpReq.signal,
        onEvent: (event) => progress.tell(event.type === "approval" ? onApproval(event) : wordsOf(event)),
      },
    );
    return answerOf(result, parts.clean);
  } finally {
    progress.end();
  }
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
