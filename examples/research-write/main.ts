// A sequence: what the researcher finds is what the writer works with, as context.previousStepResults.
import assert from "node:assert/strict";
import { z } from "zod";
import { defineAgent, defineTool, Mesh } from "fettle";
import { exampleModel } from "../model.ts";

const LIBRARY = [
  {
    title: "Statecharts",
    text: "Statecharts extend state machines with hierarchy, concurrency and communication.",
  },
  { title: "Actors", text: "An actor has an address and a mailbox, and handles one message at a time." },
  { title: "Gardening", text: "Tomatoes want sun." },
];

const search = defineTool({
  description: "Finds notes whose text holds a word.",
  input: z.object({ word: z.string().min(2) }),
  output: z.array(z.object({ title: z.string(), text: z.string() })),
  execute: ({ word }) => LIBRARY.filter(({ text }) => text.toLowerCase().includes(word.toLowerCase())),
});

const researcher = defineAgent({
  role: "researcher",
  capabilities: ["research"],
  systemPrompt: "You find sources with tools.search. Give { findings, sources }; cite only what you found.",
  tools: { search },
  output: z.object({ findings: z.array(z.string()), sources: z.array(z.string()) }),
});
const writer = defineAgent({
  role: "writer",
  capabilities: ["writing"],
  systemPrompt: "You write a short text in Markdown from context.previousStepResults. Name the sources.",
  output: z.string(),
});

const { model } = exampleModel(new URL("answers.json", import.meta.url));
const mesh = new Mesh({ model }).add(researcher).add(writer);
await mesh.start();
const { status, outputs } = await mesh.workflow("article", [
  { id: "research", agent: "researcher", task: "Find out what state machines and actors have in common." },
  { id: "write", agent: "writer", task: "Write a paragraph about the findings.", dependsOn: ["research"] },
]);
await mesh.stop();

console.log(String(outputs["write"]));

assert.equal(status, "success");
assert.match(String(outputs["write"]), /Statecharts|Actors/);
