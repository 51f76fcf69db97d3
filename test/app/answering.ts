// A provider that answers tasks with hand-written entries, as the replay model would, over HTTP.
import type { RecordingEntry } from "#src/model/recording";
import { completionEvents, events, json, openAiError, type Reply } from "../model/server.ts";

/** Answers each chat completion by the first entry whose text occurs in the task; 404 where there is none. */
export function answering(entries: readonly RecordingEntry[]): Reply {
  return (response, seen) => {
    const messages = seen.body["messages"] as readonly { role: string; content: string }[];
    const purpose = messages.some(({ role }) => role === "assistant") ? "repair" : "generate";
    const asked = messages.filter(({ role }) => role === "user").map(({ content }) => content);
    const entry = entries.find(
      (one) =>
        "match" in one &&
        (one.match.purpose ?? purpose) === purpose &&
        asked.some((text) => text.includes(one.match.task ?? "")),
    );
    const answer = entry !== undefined && "match" in entry ? entry.answers[0] : undefined;
    if (answer === undefined || typeof answer === "string" || Array.isArray(answer)) {
      return json(404, openAiError("no such task"))(response, seen);
    }
    return events(completionEvents([String(answer.text)]))(response, seen);
  };
}
