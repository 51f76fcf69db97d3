// A run's tools on the host's side: decodes and validates what the guest sends, calls, validates and encodes what
// comes back.
// Invariant: every call that is not held back ends in exactly one answer, whatever the tool does, and none after the
// run is over.
import { decode, encode } from "../core/codec.ts";
import { messageOf, ValueError } from "../core/errors.ts";
import type { ExecuteOptions, ToolCallEvent } from "../core/guest.ts";
import { validate, type Validation } from "../core/schema.ts";
import type { Tool } from "../core/tool.ts";
import type { Pace } from "./pace.ts";

/** How a tool call ended, as the guest is told. */
export type ToolAnswer =
  | { readonly ok: true; readonly text: string; readonly data: unknown }
  | { readonly ok: false; readonly name: string; readonly message: string; readonly limit: "toolBytes" | "" };

/** A tool call of a guest. */
export interface ToolRequest {
  /** As the guest calls it: `search`, `database.query`. */
  readonly name: string;
  readonly tool: Tool<unknown>;
  readonly callId: string;
  /** The input, encoded. */
  readonly text: string;
  /** Asked before the tool is called; nothing comes of the call where it says no. */
  readonly gate?: ((input: Validation<unknown>) => Promise<boolean>) | undefined;
}

/** The input of a call as it was given and as its schema sees it. */
type Input = Validation<unknown> & { readonly given: unknown };

/** What all calls of a run share. */
export interface ToolTerms {
  readonly signal: AbortSignal;
  readonly taskId: string | undefined;
  readonly toolBytes: number;
  readonly onTool: ExecuteOptions["onTool"];
  readonly pace: Pace;
  /** Guest time. */
  readonly now: () => number;
}

/** Serves one call; null where its gate says no. Rejects with what the gate throws, and with nothing else. */
export async function serveTool(request: ToolRequest, terms: ToolTerms): Promise<ToolAnswer | null> {
  const input = await read(request, terms);
  if (terms.signal.aborted) return cancelled();
  if (request.gate !== undefined && !(await request.gate(input))) return null;
  const answer = await attempt(request, input, terms).catch((thrown: unknown) => failure(thrown));
  if (terms.signal.aborted) return answer;
  if (answer.ok) report(request, terms, "tool-returned", answer.data);
  else report(request, terms, "tool-failed", answer.message);
  return answer;
}

/** An answer as the guest is told it: the output's text, or `[name, message, limit]` as JSON. */
export function told(answer: ToolAnswer): string {
  return answer.ok ? answer.text : JSON.stringify([answer.name, answer.message, answer.limit]);
}

async function read({ tool, text }: ToolRequest, terms: ToolTerms): Promise<Input> {
  let given: unknown = text;
  try {
    given = await terms.pace.do(() => decode(text, { maxBytes: terms.toolBytes }));
  } catch (thrown) {
    return { ok: false, given, problem: messageOf(thrown) };
  }
  return { given, ...(await validate(tool.input, given)) };
}

async function attempt(request: ToolRequest, input: Input, terms: ToolTerms): Promise<ToolAnswer> {
  const { name, tool, callId } = request;
  if (terms.signal.aborted) return cancelled();
  report(request, terms, "tool-called", input.ok ? input.value : input.given);
  if (!input.ok)
    return wrong("ToolInputError", `The input of ${name}() is not as it must be: ${input.problem}`);
  const returned = await tool.execute(input.value, { signal: terms.signal, callId, taskId: terms.taskId });
  if (terms.signal.aborted) return cancelled();
  const output =
    tool.output === undefined
      ? { ok: true as const, value: returned }
      : await validate(tool.output, returned);
  if (!output.ok)
    return wrong("ToolOutputError", `The output of ${name}() is not as declared: ${output.problem}`);
  return terms.pace.do(() => write(name, output.value, terms));
}

function write(name: string, value: unknown, terms: ToolTerms): ToolAnswer {
  try {
    return { ok: true, text: encode(value, { maxBytes: terms.toolBytes }), data: value };
  } catch (thrown) {
    if (!(thrown instanceof ValueError)) throw thrown;
    if (thrown.code !== "VALUE_TOO_LARGE") {
      return wrong("ToolOutputError", `The output of ${name}() cannot be passed on: ${thrown.message}`);
    }
    const message = `The output of ${name}() is larger than limits.toolBytes (${terms.toolBytes} bytes): ask it for less, or raise the limit.`;
    return { ok: false, name: "LimitError", message, limit: "toolBytes" };
  }
}

function report(request: ToolRequest, terms: ToolTerms, type: ToolCallEvent["type"], data: unknown): void {
  terms.onTool?.({ type, tool: request.name, callId: request.callId, at: terms.now(), data });
}

function wrong(name: string, message: string): ToolAnswer {
  return { ok: false, name, message, limit: "" };
}

function cancelled(): ToolAnswer {
  return wrong("CancelledError", "The run is over.");
}

/** What a tool threw, without its stack: that is the host's own. */
function failure(thrown: unknown): ToolAnswer {
  const name = thrown instanceof Error && typeof thrown.name === "string" ? thrown.name : "Error";
  return wrong(name.slice(0, 100), messageOf(thrown).slice(0, 4000));
}
