// Answers from a recording in place of a provider: the same content gets the same answer, and nothing is paid.
// Invariant: no request is answered that was not recorded or scripted; what is missing is an error that shows it.
import { CancelledError, ReplayError } from "../core/errors.ts";
import type { Model, ModelAnswer, ModelRequest } from "../core/model.ts";
import {
  contentOf,
  keyOf,
  readRecording,
  toRecording,
  type RecordedAnswer,
  type RecordedEntry,
  type Recording,
  type RecordingEntry,
  type ScriptedEntry,
} from "./recording.ts";

/** The options of {@link createReplayModel}. */
export interface ReplayOptions {
  /** The secrets that the recorder was given, so that redacted requests match. */
  readonly secrets?: readonly string[] | undefined;
  /** Characters per piece that `onText` gets. Default 40. */
  readonly chunkSize?: number | undefined;
}

/** Answers that are given one after the other, and from then on the last again. */
interface Series {
  readonly answers: RecordedAnswer[];
  given: number;
}

/**
 * A model that plays back a recording: a file's path, or entries.
 *
 * A request is answered by the entry of the same content, whatever its purpose or date; repeated requests get their
 * answers in recorded order and then the last again. Where there is none, hand-written entries are tried in order:
 * each gives its answers one after the other to whoever matches, so parallel tasks need entries of their own.
 * Answers keep the recorded provider, model, tokens and cost (what the answer cost then) and say `replayed: true`.
 *
 * @throws ReplayError `RECORDING_INVALID` where the recording is damaged; `REPLAY_MISS`, from `ask`, where it has no
 *   answer.
 */
export function createReplayModel(
  source: string | readonly RecordingEntry[],
  options: ReplayOptions = {},
): Model {
  const recording = typeof source === "string" ? readRecording(source) : toRecording(source);
  const { secrets = [], chunkSize = 40 } = options;
  const exact = new Map<string, Series>();
  const scripted: { readonly match: ScriptedEntry["match"]; readonly series: Series }[] = [];
  for (const { entry } of recording) {
    if ("match" in entry) {
      scripted.push({ match: entry.match, series: { answers: entry.answers, given: 0 } });
      continue;
    }
    const key = keyOf(entry.request);
    const series = exact.get(key) ?? { answers: [], given: 0 };
    series.answers.push(entry.answer);
    exact.set(key, series);
  }

  return {
    name: `replay/${typeof source === "string" ? source : "entries"}`,
    isRecorded: true,
    costOf: () => 0,
    async ask(request, call = {}) {
      if (call.signal?.aborted === true) throw new CancelledError("Cancelled while replaying an answer.");
      const content = contentOf(request, secrets);
      const series =
        exact.get(keyOf(content)) ??
        scripted.find(({ match }) => matches(match, content, request.purpose))?.series;
      const answer = series === undefined ? undefined : next(series);
      if (answer === undefined) throw missing(request, content, recording);
      for (let at = 0; at < answer.text.length; at += chunkSize) {
        call.onText?.(answer.text.slice(at, at + chunkSize));
      }
      return { ...answer, replayed: true } satisfies ModelAnswer;
    },
  };
}

function next(series: Series): RecordedAnswer | undefined {
  const answer = series.answers[Math.min(series.given, series.answers.length - 1)];
  series.given += 1;
  return answer;
}

function matches(
  match: ScriptedEntry["match"],
  content: RecordedEntry["request"],
  purpose: ModelRequest["purpose"],
): boolean {
  const asked = content.messages.filter(({ role }) => role === "user").map((message) => message.content);
  const { task, last } = match;
  if (match.purpose !== undefined && match.purpose !== purpose) return false;
  if (task !== undefined && !asked.some((text) => text.includes(task))) return false;
  return last === undefined || (asked.at(-1)?.includes(last) ?? false);
}

const LONGEST_SHOWN = 800;
const MOST_SHOWN = 5;

function missing(
  request: ModelRequest,
  content: RecordedEntry["request"],
  recording: Recording,
): ReplayError {
  const lines = [
    `The recording has no answer for this ${request.purpose} request (${recording.length} entries were searched).`,
    `Asked: ${bounded(content.messages.at(-1)?.content ?? "(no message)", LONGEST_SHOWN)}`,
  ];
  const near = nearest(content, recording);
  if (near !== undefined)
    lines.push(`Nearest recorded request: ${near.place}, ${difference(content, near.request)}`);
  const byHand = recording.flatMap(({ place, entry }) =>
    "match" in entry ? [{ place, match: entry.match }] : [],
  );
  for (const { place, match } of byHand.slice(0, MOST_SHOWN)) {
    lines.push(`Hand-written answers at ${place} are for ${bounded(JSON.stringify(match), 200)}.`);
  }
  lines.push("Record this request with a provider, or write an entry for it by hand.");
  return new ReplayError("REPLAY_MISS", lines.join("\n"));
}

/** The recorded request that shares most words with this one. */
function nearest(
  content: RecordedEntry["request"],
  recording: Recording,
): { readonly place: string; readonly request: RecordedEntry["request"] } | undefined {
  const words = wordsOf(content);
  let best: { place: string; request: RecordedEntry["request"] } | undefined;
  let bestScore = -1;
  for (const { place, entry } of recording) {
    if ("match" in entry) continue;
    const others = wordsOf(entry.request);
    const shared = [...words].filter((word) => others.has(word)).length;
    const score = shared / Math.max(1, words.size + others.size - shared);
    if (score > bestScore) [best, bestScore] = [{ place, request: entry.request }, score];
  }
  return best;
}

function wordsOf(content: RecordedEntry["request"]): Set<string> {
  const text = [content.system, ...content.messages.map((message) => message.content)].join(" ");
  return new Set(text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []);
}

/** Says where two requests first differ, with a little of both. */
function difference(asked: RecordedEntry["request"], recorded: RecordedEntry["request"]): string {
  for (const [part, a, b] of partsOf(asked, recorded)) {
    if (a === b) continue;
    let at = 0;
    while (at < a.length && a[at] === b[at]) at += 1;
    const from = Math.max(0, at - 20);
    const around = (text: string): string => JSON.stringify(bounded(text.slice(from), 100));
    return `which differs in its ${part} at character ${at + 1}: asked ${around(a)}, recorded ${around(b)}.`;
  }
  return "of the same content.";
}

function* partsOf(
  asked: RecordedEntry["request"],
  recorded: RecordedEntry["request"],
): Generator<readonly [part: string, asked: string, recorded: string]> {
  yield ["system prompt", asked.system, recorded.system];
  const count = Math.max(asked.messages.length, recorded.messages.length);
  for (let index = 0; index < count; index += 1) {
    const of = ({ messages }: RecordedEntry["request"]): string => {
      const message = messages[index];
      return message === undefined ? "" : `${message.role}: ${message.content}`;
    };
    yield [`message ${index + 1}`, of(asked), of(recorded)];
  }
  for (const name of ["temperature", "maxOutputTokens", "model"] as const) {
    yield [name, String(asked[name]), String(recorded[name])];
  }
}

function bounded(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
