// The agents of the network. `fettle node agents.ts --role researcher` is a research node; which node does what is
// nobody's plan: each takes what it has room for, and here a researcher has room for one task at a time.
import { z } from "zod";
import { defineAgent, defineTool } from "fettle";
import { NOTES } from "./library.ts";

/** A library takes its time; milliseconds. */
const SEARCH_MS = 200;
const READ_MS = 800;

/** Says on standard output that a call is really made: so main.ts can show that none is made twice. */
async function call<T>(
  told: { tool: string; what: string; callId: string },
  ms: number,
  value: T,
): Promise<T> {
  console.log(JSON.stringify(told));
  await new Promise((resolve) => setTimeout(resolve, ms));
  return value;
}

const search = defineTool({
  description: "Finds the notes on a topic.",
  input: z.object({ topic: z.string() }),
  output: z.array(z.object({ id: z.string(), title: z.string() })),
  execute: ({ topic }, { callId }) => {
    const found = NOTES.filter((note) => note.topic === topic).map(({ id, title }) => ({ id, title }));
    return call({ tool: "search", what: topic, callId }, SEARCH_MS, found);
  },
});

const read = defineTool({
  description: "Reads a note by its id.",
  input: z.object({ id: z.string() }),
  output: z.object({ title: z.string(), text: z.string() }),
  execute: ({ id }, { callId }) => {
    const note = NOTES.find((one) => one.id === id);
    if (note === undefined) throw new Error(`The library has no note "${id}".`);
    return call({ tool: "read", what: id, callId }, READ_MS, { title: note.title, text: note.text });
  },
});

export const researcher = defineAgent({
  role: "researcher",
  capabilities: ["research"],
  systemPrompt:
    "You study the topic context.item: find its notes with tools.library.search, then read each, one after the other, " +
    "with tools.library.read. Give { topic, findings, sources }: the notes' texts and titles.",
  tools: { library: { search, read } },
  output: z.object({ topic: z.string(), findings: z.array(z.string()).min(1), sources: z.array(z.string()) }),
  concurrency: 1,
});

export const synthesizer = defineAgent({
  role: "synthesizer",
  capabilities: ["writing"],
  systemPrompt:
    "You join studies, which are context.previousStepResults.study, to one report in Markdown: a heading of level 2 " +
    "for each topic, its findings, and its sources.",
  output: z.string(),
});
