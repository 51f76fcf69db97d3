// The profiles, and what a model is told by each.
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineAgent } from "#src/core/agent";
import { findingsSchema, outputSchemaOf } from "#src/core/finding";
import { PROFILES } from "#src/core/profile";
import { conversation, formOf, systemPrompt } from "#src/core/prompt";
import type { Attempt } from "#src/core/task";
import { defineTool } from "#src/core/tool";

const lookup = defineTool({ description: "Looks up.", input: z.object({}), execute: () => 1 });
const { coder, researcher, communicator } = PROFILES;
const common = { role: "a", capabilities: ["b"], systemPrompt: "You are a." };
const seeker = defineAgent({ ...common, profile: "researcher", tools: { lookup } });
const writer = defineAgent({ ...common, profile: "communicator" });

describe("the system part of a profile", () => {
  it("is for the coder what recorded answers were given to", () => {
    expect(createHash("sha256").update(coder.contract).digest("hex")).toBe(
      "e5a0c0f5110e4ba9beba75c4373b1b686189f04c4cbf2e5e457e450cda0454b5",
    );
    expect(systemPrompt(seeker)).toBe(systemPrompt(seeker, coder));
  });

  it("tells a researcher of tools, sources and the form of findings", () => {
    const text = systemPrompt(seeker, researcher);
    expect(text.startsWith(coder.contract)).toBe(true);
    expect(text).toContain("Your task is research");
    expect(text).toContain("lookup(input");
    expect(text).toMatch(/type Result = \{ .*findings: \{ .*claim: string; .*sources: string\[\] \}\[\] \};/);
  });

  it("tells a communicator of the form, and of no program", () => {
    const agent = defineAgent({
      ...common,
      profile: "communicator",
      format: { type: "markdown", maxWords: 80, headings: ["Summary"] },
    });
    const text = systemPrompt(agent, communicator);
    expect(text).toContain('Markdown. It has 80 words at most. It has these headings: "Summary".');
    expect(text).not.toMatch(/JavaScript|sandbox|`result`/);
    expect(text.endsWith("Who you are:\nYou are a.")).toBe(true);
  });

  it("declares the type of a communicator's JSON", () => {
    const agent = defineAgent({
      ...common,
      profile: "communicator",
      output: z.object({ subject: z.string() }),
    });
    expect(formOf(agent).type).toBe("json");
    expect(systemPrompt(agent, communicator)).toContain("type Result = { subject: string };");
  });

  it("is the same for all tasks", () => {
    for (const profile of Object.values(PROFILES)) {
      expect(systemPrompt(writer, profile)).toBe(systemPrompt(writer, profile));
    }
  });
});

describe("the form of prose", () => {
  it("is the agent's own, else Markdown for a text", () => {
    expect(formOf(writer).type).toBe("markdown");
    expect(formOf(defineAgent({ ...common, profile: "communicator", output: z.string() })).type).toBe(
      "markdown",
    );
    expect(formOf(defineAgent({ ...common, profile: "communicator", format: "text" }))).toMatchObject({
      type: "text",
    });
  });
});

describe("the output of a profile", () => {
  it("is the agent's schema, and findings for a researcher without one", () => {
    const output = z.number();
    expect(outputSchemaOf(seeker, researcher)).toBe(findingsSchema);
    expect(outputSchemaOf(defineAgent({ ...common, tools: { lookup }, output }), researcher)).toBe(output);
    expect(outputSchemaOf(writer, communicator)).toBeUndefined();
    expect(outputSchemaOf(seeker, coder)).toBeUndefined();
  });
});

describe("the conversation of a communicator", () => {
  const failed: Attempt = {
    code: "Dear [Name],",
    error: {
      name: "OutputError",
      message: 'The text still has the placeholder "[Name]".',
      category: "output",
    },
    console: [],
    model: "test/one",
    entropy: null,
    usage: null,
  };

  it("shows the data itself: who writes about it must see it", () => {
    const context = { total: 5n, byName: new Map([["a", 1]]), day: new Date(0), tags: new Set(["x"]) };
    const [first] = conversation("Write", context, [], { profile: communicator });
    expect(first?.content).toContain('"total": "5"');
    expect(first?.content).toContain('"1970-01-01T00:00:00.000Z"');
    expect(JSON.parse(/```json\n([^]*)\n```/.exec(first?.content ?? "")?.[1] ?? "")).toEqual({
      total: "5",
      byName: [["a", 1]],
      day: "1970-01-01T00:00:00.000Z",
      tags: ["x"],
    });
  });

  it("says where data that is too long was cut off", () => {
    const [first] = conversation("Write", { text: "x".repeat(150_000) }, [], { profile: communicator });
    expect(first?.content.length).toBeLessThan(101_000);
    expect(first?.content).toMatch(/cut off here: \d+ characters more/);
  });

  it("gives the draft back as it was, with what is wrong, and only appends", () => {
    const once = conversation("Write", {}, [failed], { profile: communicator });
    expect(once[1]).toEqual({ role: "assistant", content: "Dear [Name]," });
    expect(once[2]?.content).toBe(
      'Try 1 failed: OutputError: The text still has the placeholder "[Name]".\n\n' +
        "Answer with the whole corrected text and nothing else. The data is the same as before.",
    );
    expect(conversation("Write", {}, [failed, failed], { profile: communicator }).slice(0, 3)).toEqual(once);
  });
});

describe("references", () => {
  it("stand after the task, marked as such, each in a fence that it cannot close", () => {
    const references = [{ task: "Sum up", code: "result = `\n```\n`" }];
    const [first] = conversation("Add up", { a: 1 }, [], { references });
    expect(first?.content).toMatch(/^Task:\nAdd up\n\nThe shape of `context`:/);
    expect(first?.content).toContain("For reference only, code that solved similar tasks");
    expect(first?.content).toContain("It solved: Sum up\n````js\nresult = `\n```\n`\n````");
  });

  it("leave the message as it is where there are none", () => {
    expect(conversation("Add up", { a: 1 }, [], { references: [] })).toEqual(
      conversation("Add up", { a: 1 }, []),
    );
  });
});
