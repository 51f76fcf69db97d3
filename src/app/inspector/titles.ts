// The title of a moment: what happened, in a few words.
// Invariant: short, since the page says figures, ids, places and notes beside it; commands have them in the line itself.
import type { JournalEntry } from "../../core/journal.ts";
import { STATE_WORDS } from "../progress.ts";
import { subjectText, tellEntry } from "../timeline.ts";

const WORDS: Readonly<Record<string, string>> = {
  ...STATE_WORDS,
  routing: "chooses how to go about it",
  recalling: "looks for proven code",
  awaitingApproval: "waits for a person",
};

const FINISH = { stop: "", length: ", cut off", refusal: ", refused", other: ", broken off" } as const;

/** An entry in a few words; `tools` are the names of the tools that were called, by the ids of the calls. */
export function titleOf(entry: JournalEntry, tools: ReadonlyMap<string, string>): string {
  switch (entry.type) {
    case "state":
      return WORDS[entry.state] ?? entry.state;
    case "model-answered":
      return `model answered${FINISH[entry.answer.finish]}`;
    case "model-failed":
      return "the model failed";
    case "left":
      return `left by ${entry.node}`;
    case "run-started":
      return `run ${entry.attempt} started`;
    case "run-finished":
      return `run ${entry.attempt} ${entry.trial.ok ? "succeeded" : "failed"}`;
    case "handler-finished":
      return `the agent's handler ${entry.trial.ok ? "succeeded" : "failed"}`;
    case "approval-asked":
      return `asks ${subjectText(entry.subject)}`;
    case "approval-answered":
      return `approval ${entry.decision}`;
    case "cancelled":
      return "cancelled";
    case "finished":
      return `finished: ${entry.result.status}`;
    default:
      return tellEntry(entry, tools).text.replace(/ \([^()]*\)$/, "");
  }
}
