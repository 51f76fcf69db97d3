// Routing: explicit choice, rules, the model, and the coder where nothing is sure.
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineAgent, type PromptAgent } from "#src/core/agent";
import { readRouting, route, routeFully, routingRequest } from "#src/core/kernel";
import type { RoutingOptions } from "#src/core/routing";
import { defineTool } from "#src/core/tool";

const lookup = defineTool({ description: "Looks up.", input: z.object({}), execute: () => 1 });
const agentOf = (more: object = {}): PromptAgent =>
  defineAgent({
    role: "any",
    capabilities: ["general"],
    systemPrompt: "You work.",
    profile: "auto",
    ...more,
  });
const profileOf = (task: string, more: object = {}) => route({ task, agent: agentOf(more) })?.profile ?? null;
const never = () => Promise.reject(new Error("No model should be asked."));

describe("an explicit choice", () => {
  it("of the task comes first, then the agent's", () => {
    const agent = agentOf({ profile: "communicator" });
    expect(route({ task: "Compute 1 + 1", agent })).toMatchObject({
      profile: "communicator",
      decidedBy: "explicit",
    });
    expect(route({ task: "Write", agent }, { explicit: "coder" })).toEqual({
      profile: "coder",
      decidedBy: "explicit",
      confidence: 1,
      reason: "the task asked for it",
    });
  });

  it("is the coder, by default, for an agent that names no profile", () => {
    const agent = agentOf({ profile: undefined });
    expect(route({ task: "Write a letter", agent })).toMatchObject({
      profile: "coder",
      decidedBy: "default",
    });
  });
});

describe("rules", () => {
  it("of the agent come before those for all, the first that fits", () => {
    const rules = [
      { when: /invoice/gi, profile: "communicator" as const },
      { when: (task: string) => task.length < 10, profile: "coder" as const },
    ];
    const agent = agentOf({ routing: { rules } });
    for (const _ of [1, 2]) {
      expect(route({ task: "Compute the invoice", agent })).toEqual({
        profile: "communicator",
        decidedBy: "rule",
        confidence: 1,
        reason: "rule 1 of the agent fits",
      });
    }
    expect(route({ task: "Research", agent })).toMatchObject({
      profile: "coder",
      reason: "rule 2 of the agent fits",
    });
  });

  it.each<[string, string, object, string | null]>([
    ["a computation", "Calculate the factorial of 10", {}, "coder"],
    [
      "a computation of an agent with tools",
      "Sum the rows that the tool gives",
      { tools: { lookup } },
      "coder",
    ],
    ["a program", "Convert the function to a regex", {}, "coder"],
    [
      "research with tools",
      "Research the market for tea and cite sources",
      { tools: { lookup } },
      "researcher",
    ],
    [
      "a researcher by its capability",
      "The market for tea",
      { capabilities: ["research"], tools: { lookup } },
      "researcher",
    ],
    ["research without tools", "Research the market for tea", {}, null],
    ["a letter", "Write a letter to the landlord", {}, "communicator"],
    ["a writer by its capability", "The year in review", { capabilities: ["writing"] }, "communicator"],
    ["a letter as a text", "Draft a letter", { output: z.string() }, "communicator"],
    ["a letter as data", "Draft a letter", { output: z.object({ subject: z.string() }) }, null],
    [
      "a letter as data in a form",
      "Draft a letter",
      { output: z.object({ a: z.string() }), format: "json" },
      "communicator",
    ],
    ["a letter of an agent with tools", "Draft a letter", { tools: { lookup } }, null],
    ["writing and computing", "Write a report of the average price", {}, null],
    ["writing and research", "Write a summary with sources", { tools: { lookup } }, null],
    ["nothing that is known", "Do what is right", {}, null],
  ])("take %s as what it is, or say nothing", (_, task, more, profile) => {
    expect(profileOf(task, more)).toBe(profile);
  });
});

describe("the model", () => {
  const step = (routing?: RoutingOptions, more: object = {}) => ({
    task: "Do what is right",
    agent: agentOf({ routing, ...more }),
  });
  const answer = (profile: string, confidence: number) => () =>
    Promise.resolve(JSON.stringify({ profile, confidence, reason: "it seems so" }));

  it("is asked only where no rule is sure and the agent allows it", async () => {
    expect(await routeFully(step(), { ask: never })).toMatchObject({
      profile: "coder",
      decidedBy: "default",
    });
    const sure = { task: "Compute 1 + 1", agent: agentOf({ routing: { model: true } }) };
    expect(await routeFully(sure, { ask: never })).toMatchObject({ decidedBy: "rule" });
    expect(await routeFully(step({ model: true }), { ask: answer("communicator", 0.9) })).toEqual({
      profile: "communicator",
      decidedBy: "model",
      confidence: 0.9,
      reason: "it seems so",
    });
  });

  it("must be as sure as the agent wants, else the coder does it and the routing says why", async () => {
    const routed = await routeFully(step({ model: true }), { ask: answer("communicator", 0.59) });
    expect(routed).toMatchObject({ profile: "coder", decidedBy: "default" });
    expect(routed.reason).toContain("0.59 sure of the communicator, and 0.6 is the least (it seems so)");
    const bold = step({ model: true, confidence: 0.5 });
    expect(await routeFully(bold, { ask: answer("communicator", 0.59) })).toMatchObject({
      profile: "communicator",
    });
  });

  it("cannot choose what the agent cannot do, nor what there is not", async () => {
    const unfit = await routeFully(step({ model: true }), { ask: answer("researcher", 1) });
    expect(unfit).toMatchObject({ profile: "coder", decidedBy: "default" });
    expect(unfit.reason).toContain("the agent has no tools");
    expect(await routeFully(step({ model: true }), { ask: answer("poet", 1) })).toMatchObject({
      profile: "coder",
    });
  });

  it("fails loudly where it cannot be asked", async () => {
    await expect(routeFully(step({ model: true }), { ask: never })).rejects.toThrow("No model");
  });

  it("is told the ways, the agent and the task, and nothing of any context", () => {
    const request = routingRequest({
      task: "Do it",
      agent: agentOf({ tools: { web: { lookup } }, output: z.number() }),
    });
    expect(request.purpose).toBe("route");
    for (const name of ["coder", "researcher", "communicator"])
      expect(request.system).toContain(`- ${name}: `);
    expect(request.messages[0]?.content).toBe(
      "Agent: any (general)\nIts tools: web.lookup\nIts output: structured data\nTask:\nDo it",
    );
  });

  it.each([
    '{"profile":"coder","confidence":1,"reason":"r"}',
    'Well: ```json\n{"profile": "coder", "confidence": 1, "reason": "r"}\n```',
    '<think>{"profile":"communicator","confidence":1}</think>{"profile":"coder","confidence":1,"reason":"r"}',
    'Not {"this": 1} but {"profile":"coder","confidence":1,"reason":"r"}',
  ])("is understood in %j", (text) => {
    expect(readRouting(text)).toEqual({ profile: "coder", decidedBy: "model", confidence: 1, reason: "r" });
  });

  it.each([
    "",
    "coder",
    '{"profile":"coder"}',
    '{"profile":"coder","confidence":7}',
    '{"profile":"coder","confidence":1',
  ])("is not understood in %j", (text) => {
    expect(readRouting(text)).toBeNull();
  });
});
