import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkForm, checkProse, type ProseForm } from "#src/core/prose";

const markdown: ProseForm = { type: "markdown" };
const problemOf = (text: string, form: ProseForm = markdown) => {
  const checked = checkProse(text, form);
  return checked.ok ? null : checked.problem;
};

describe("the text of an answer", () => {
  it.each([
    ["as it is", "# Report\n\nAll is well.", "# Report\n\nAll is well."],
    [
      "without a fence around the whole",
      "```markdown\n# Report\n\nAll is well.\n```",
      "# Report\n\nAll is well.",
    ],
    [
      "without a longer fence that holds others",
      "````md\nRun:\n```sh\nls\n```\n````",
      "Run:\n```sh\nls\n```",
    ],
    ["without thoughts", "<think>Hm.</think>\nAll is well.", "All is well."],
    ["with the code block that it is", "```js\nf()\n```", "```js\nf()\n```"],
    ["with its own blocks at both ends", "```\na\n```\nand\n```\nb\n```", "```\na\n```\nand\n```\nb\n```"],
  ])("is taken %s", (_, answer, text) => {
    expect(checkProse(answer, markdown)).toEqual({ ok: true, value: text });
  });

  it.each(["", "  \n", "<think>Only thoughts.", "```\n```"])("is missed in %j", (answer) => {
    expect(problemOf(answer)).toMatch(/^The answer is empty\. Answer with/);
  });

  it("is the same when it is checked again", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", " ", "\n", "`", "```", "~~~", "#", "[", "]") }),
        (text) => {
          const once = checkProse(text, { type: "text" });
          if (once.ok && !String(once.value).startsWith("`") && !String(once.value).startsWith("~")) {
            expect(checkProse(String(once.value), { type: "text" })).toEqual(once);
          }
        },
      ),
    );
  });
});

describe("a text is refused", () => {
  it.each([
    "Dear [Name],",
    "Sum: [TODO]",
    "[insert figures here]",
    "Hello {{customer}}!",
    "On <your date here> we meet.",
    "TODO: more",
    "Lorem ipsum dolor",
    "[Your Company]",
  ])("for the placeholder in %j", (text) => {
    expect(problemOf(text)).toContain("placeholder");
  });

  it.each([
    "See [name](https://example.org).",
    "Use `[TODO]` as a mark.",
    "Run:\n```\n{{x}}\n```",
    "An array [0] of [data].",
  ])("not for what only looks like one in %j", (text) => {
    expect(problemOf(text)).toBeNull();
  });

  it("for a code block that is never closed, in Markdown only", () => {
    expect(problemOf("Run:\n```sh\nls")).toContain('begins with "```sh" is never closed');
    expect(problemOf("Run:\n```sh\nls", { type: "text" })).toBeNull();
    expect(problemOf("Run:\n````\n```\n````")).toBeNull();
  });

  it("for too many words, with both numbers", () => {
    expect(problemOf("one two three", { type: "text", maxWords: 2 })).toBe(
      "The text has 3 words, and may have 2 at most. Shorten it.",
    );
    expect(problemOf("one don't", { type: "text", maxWords: 2 })).toBeNull();
  });

  it("for headings that it lacks, each by its name, and not for those in code", () => {
    const form: ProseForm = { type: "markdown", headings: ["Summary", "Risks"] };
    expect(problemOf("## summary ##\n\nFine.\n\n```\n# Risks\n```", form)).toBe(
      'The heading "Risks" is missing. Add it, as in "## Risks".',
    );
    expect(problemOf("# Summary\n# Risks", form)).toBeNull();
  });
});

describe("JSON", () => {
  it("is given as its value, a fence around it or not", () => {
    expect(checkProse('```json\n{"a": [1]}\n```', { type: "json" })).toEqual({ ok: true, value: { a: [1] } });
    expect(checkProse("null", { type: "json" })).toEqual({ ok: true, value: null });
  });

  it("is refused with the reason where it is none", () => {
    expect(problemOf("Here it is: {}", { type: "json" })).toMatch(
      /^The answer is not JSON \(.+\)\. Answer with one/,
    );
  });
});

describe("a form", () => {
  it("is a name, or a name with more", () => {
    expect(checkForm("text", "A")).toMatchObject({ type: "text" });
    expect(checkForm({ type: "markdown", maxWords: 5, headings: ["A"] }, "A")).toEqual({
      type: "markdown",
      maxWords: 5,
      headings: ["A"],
    });
  });

  it.each([
    ["html", /format must be "text"/],
    [null, /format must be/],
    [{ type: "text", words: 1 }, /unknown format option "words"/],
    [{ type: "text", maxWords: 0 }, /maxWords/],
    [{ type: "json", maxWords: 5 }, /maxWords/],
    [{ type: "text", headings: ["A"] }, /headings/],
    [{ type: "markdown", headings: [""] }, /headings/],
  ])("is refused as %j", (given, message) => {
    expect(() => checkForm(given, "A")).toThrow(message);
  });
});
