import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineAgent } from "#src/core/agent";
import { defineTool } from "#src/core/tool";

const valid = { role: "clerk", capabilities: ["write"], systemPrompt: "You write." };
const define = (options: object) => () => defineAgent(options as typeof valid);

describe("defineAgent", () => {
  it("gives a frozen definition with its defaults", () => {
    const agent = defineAgent(valid);
    expect(agent).toMatchObject({ kind: "prompt", role: "clerk", tools: {}, concurrency: 16 });
    expect(Object.isFrozen(agent)).toBe(true);
    expect(Object.isFrozen(agent.capabilities)).toBe(true);
  });

  it.each([
    ["a missing role", { role: undefined }, /role is missing/],
    ["an empty role", { role: "" }, /role is missing/],
    ["a role that is no name", { role: "my.clerk" }, /role "my\.clerk" is not a valid name/],
    ["a role with a wildcard", { role: "clerk>" }, /not a valid name/],
    ["missing capabilities", { capabilities: undefined }, /"clerk" needs at least one capability/],
    ["an empty capability list", { capabilities: [] }, /needs at least one capability/],
    ["a capability that is no name", { capabilities: ["a b"] }, /capability "a b" is not a valid name/],
    ["a missing prompt", { systemPrompt: undefined }, /needs a systemPrompt/],
    ["a blank prompt", { systemPrompt: "  \n" }, /needs a systemPrompt/],
    ["an unknown option", { sytemPrompt: "typo" }, /unknown option "sytemPrompt"; known are: role/],
    ["an unknown limit", { limits: { cpu: 1 } }, /unknown limit "cpu"/],
    [
      "a limit that is no number",
      { limits: { cpuMs: "5s" } },
      /"clerk": The limit cpuMs is 5s: it must be an integer/,
    ],
    [
      "a negative limit",
      { limits: { memoryBytes: -1 } },
      /The limit memoryBytes is -1: it must be an integer from/,
    ],
    ["too many repairs", { maxRepairs: 21 }, /maxRepairs must be a whole number from 0 to 20/],
    ["an output that is no schema", { output: Number }, /output is not a schema/],
    ["both a prompt and a handler", { handle: () => 1 }, /has both systemPrompt and handle/],
    ["an unknown supervision option", { supervision: { restarts: 1 } }, /supervision option "restarts"/],
    ["an unknown model option", { model: { temprature: 0 } }, /model option "temprature"/],
    ["a tool that is none", { tools: { search: () => 1 } }, /"search" was not made by defineTool/],
    ["a tool name that cannot be called", { tools: { "web-search": {} } }, /not an identifier/],
    ["a profile that there is not", { profile: "poet" }, /profile must be "coder", .* not "poet"/],
    ["a researcher without tools", { profile: "researcher" }, /a researcher finds out by tools/],
    ["routing without auto", { routing: {} }, /routing is for profile: "auto"/],
    ["an unknown routing option", { profile: "auto", routing: { modle: true } }, /routing option "modle"/],
    ["rules that are none", { profile: "auto", routing: { rules: [{ when: "x" }] } }, /routing\.rules must/],
    ["routing by a model named", { profile: "auto", routing: { model: "gpt" } }, /true or false/],
    ["a confidence above 1", { profile: "auto", routing: { confidence: 2 } }, /from 0 to 1/],
    ["a format for code", { format: "text" }, /format is for prose/],
    ["an unknown format", { profile: "communicator", format: "html" }, /format must be "text"/],
    ["an unknown reuse", { reuse: "always" }, /reuse must be "offer", "exact" or "off", not "always"/],
    ["a reserved tool name", { tools: { context: {} } }, /"context" is reserved/],
  ])("refuses %s", (_, change, message) => {
    expect(define({ ...valid, ...change })).toThrow(message);
  });

  it("takes a handler in place of a prompt", () => {
    const agent = defineAgent({ role: "clerk", capabilities: ["write"], handle: () => "done" });
    expect(agent.kind).toBe("custom");
  });

  it("refuses a custom agent's unknown option", () => {
    expect(define({ role: "clerk", capabilities: ["a"], handle: () => 1, tools: {} })).toThrow(
      /unknown option "tools"/,
    );
  });

  it("takes tools, alone and in groups", () => {
    const tool = defineTool({ description: "Adds.", input: z.object({}), execute: () => 1 });
    const agent = defineAgent({ ...valid, tools: { add: tool, math: { add: tool } } });
    expect(Object.keys(agent.tools)).toEqual(["add", "math"]);
  });
});

describe("a profile", () => {
  it("is not named where none was given, and code is offered for reuse", () => {
    expect(defineAgent(valid)).toMatchObject({ profile: undefined, routing: undefined, reuse: "offer" });
  });

  it("is kept with its options, checked and frozen", () => {
    const agent = defineAgent({
      ...valid,
      profile: "auto",
      routing: { rules: [{ when: /x/, profile: "coder" }], model: true },
      format: "text",
      reuse: "exact",
    });
    expect(agent).toMatchObject({ profile: "auto", format: { type: "text" }, reuse: "exact" });
    expect(agent.routing).toMatchObject({ model: true, confidence: 0.6 });
    expect(Object.isFrozen(agent.routing) && Object.isFrozen(agent.format)).toBe(true);
  });

  it("that writes prose takes no tools", () => {
    const tool = defineTool({ description: "Adds.", input: z.object({}), execute: () => 1 });
    expect(define({ ...valid, profile: "communicator", tools: { tool } })).toThrow(/cannot call tools/);
  });
});

describe("defineTool", () => {
  const input = z.object({});

  it.each<[string, object, RegExp]>([
    ["no description", { input, execute: () => 1 }, /needs a description/],
    ["no input schema", { description: "Adds.", execute: () => 1 }, /"Adds\." needs an input schema/],
    ["no function", { description: "Adds.", input }, /needs an execute function/],
    ["an unknown option", { description: "Adds.", input, execute: () => 1, run: 1 }, /"run"/],
  ])("refuses a tool with %s", (_, options, message) => {
    expect(() => defineTool(options as never)).toThrow(message);
  });
});
