// What models were asked, put together again as it was then: a journal holds answers, not questions.
// Invariant: a question is made by the very functions that made it for the model, from what the journal held before it;
// what is not in the journal (the agent's own part) comes from the agent as it is now, or is missing with a note that says
// so.
import { pastCalls } from "../../../actors/past-calls.ts";
import { rebuildTask } from "../../../actors/rebuild.ts";
import { COMPRESSION, ROUTING, type JournalEntry } from "../../core/journal.ts";
import { profileOf } from "../../core/profile.ts";
import { conversation, type SolvedTask } from "../../core/prompt.ts";
import type { Prompt } from "./shapes.ts";
import type { Veil } from "./veil.ts";

/** What an agent tells its models of itself; null where nobody knows that now. */
export type SystemOf = (agent: {
  readonly role: string;
  readonly profile: string | null;
}) => Promise<string | null>;

const NOT_REBUILT: Readonly<Record<number, string>> = {
  [ROUTING]: "How a model is asked to choose a profile is not kept.",
  [COMPRESSION]: "What a model was asked to compress is not kept.",
};

/** The question that an entry tells was asked. */
export async function rebuildPrompt(
  entries: readonly JournalEntry[],
  index: number,
  { systemOf, veil }: { readonly systemOf: SystemOf; readonly veil: Veil },
): Promise<Prompt | null> {
  const [accepted] = entries;
  const asked = entries[index];
  if (accepted?.type !== "accepted" || asked?.type !== "model-asked") return null;
  const reason = NOT_REBUILT[asked.repair];
  if (reason !== undefined) return { messages: [], note: reason };
  const before = entries.slice(0, index);
  const { context: books } = await rebuildTask(before);
  const { attempts, profile } = books;
  const { role, task, context } = accepted;
  const system = await systemOf({ role, profile });
  const calls = pastCalls(before, attempts.length);
  const turns = conversation(task, context, attempts, {
    profile: profileOf(profile),
    references: referencesOf([...before, asked]),
    calls,
  });
  const messages = turns.map(({ role: who, content }) => ({ role: who, text: veil.text(content) }));
  if (system !== null) {
    return { messages: [{ role: "system", text: veil.text(system) }, ...messages], note: null };
  }
  const note = `The system part is not known here: no node has an agent of the role "${role}" now.`;
  return { messages, note };
}

/** Code of like tasks that a task's conversation begins with. */
function referencesOf(entries: readonly JournalEntry[]): readonly SolvedTask[] {
  for (const entry of entries) {
    if (entry.type === "model-asked" && entry.repair === 0) return entry.references ?? [];
  }
  return [];
}
