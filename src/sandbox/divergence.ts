// The errors of a run that does not follow its record, and of one that is put away until it may go on.
// Invariant: each names the calls by tool, number and input, and no input in full.
import type { GuestError, RecordedCall } from "../core/guest.ts";
import type { GuestCall } from "./protocol.ts";

const MAX_INPUT = 200;
const RULE =
  "A run can be repeated only with the code, context, tools, limits and entropy with which it was recorded.";

/** Whether a guest made another call than the recorded one. */
export function differs(recorded: RecordedCall, tool: string, made: GuestCall): boolean {
  return recorded.tool !== tool || recorded.input !== made.text || recorded.at !== made.at;
}

/** A guest made another call than its record says. */
export function divergedAt(recorded: RecordedCall, tool: string, made: GuestCall): GuestError {
  const [was, is] = aroundFirstDifference(recorded.input, made.text);
  const apart = made.at - recorded.at;
  const time = apart === 0 ? "" : `, ${Math.abs(apart)} ms of guest time ${apart < 0 ? "earlier" : "later"}`;
  return diverged(
    `its call ${made.call} is recorded as ${show(recorded.tool, was)} and the code made ${show(tool, is)}${time}`,
  );
}

/** A guest never made a call that its record has. */
export function divergedFrom(
  call: number,
  recorded: RecordedCall | undefined,
  how: "ended" | "waits",
): GuestError {
  const what = recorded === undefined ? "an unknown tool" : show(recorded.tool, shorten(recorded.input));
  return diverged(`its call ${call} is recorded as ${what} and the code ${how} without making it`);
}

/** The run's calls are held back. */
export function suspended(runId: string, held: readonly RecordedCall[]): GuestError {
  const calls = held.map(({ call, tool }) => `${tool}() (${runId}:${call})`).join(", ");
  const message = `The run was put away because tool calls of it are held back: ${calls}. Repeat it from its record when they may be made.`;
  return { name: "SuspendedError", message, failure: "suspended" };
}

function diverged(how: string): GuestError {
  const message = `The repeated run does not follow its record: ${how}. ${RULE}`;
  return { name: "DivergedError", message, failure: "diverged" };
}

function show(tool: string, input: string): string {
  return `${tool}(${input})`;
}

function shorten(text: string): string {
  return text.length <= MAX_INPUT ? text : `${text.slice(0, MAX_INPUT)}…`;
}

/** Both texts, cut so that where they first differ is seen. */
function aroundFirstDifference(first: string, second: string): readonly [string, string] {
  let at = 0;
  while (at < first.length && first[at] === second[at]) at += 1;
  const from = at < MAX_INPUT / 2 ? 0 : at - MAX_INPUT / 4;
  const cut = (text: string): string => `${from > 0 ? "…" : ""}${shorten(text.slice(from))}`;
  return [cut(first), cut(second)];
}
