// Answers as models give them, and the code that is taken from each.
import { describe, expect, it } from "vitest";
import { extractCode } from "#src/core/answer";

function codeOf(answer: string): string {
  const extracted = extractCode(answer);
  if (!extracted.ok) throw new Error(extracted.problem);
  return extracted.code;
}

function problemOf(answer: string): string {
  const extracted = extractCode(answer);
  if (extracted.ok) throw new Error(`It found: ${extracted.code}`);
  return extracted.problem;
}

const CODE = "const result = 6 * 7;";

describe("one block", () => {
  it.each([
    ["js", `\`\`\`js\n${CODE}\n\`\`\``],
    ["JavaScript, capitalised", `\`\`\`JavaScript\n${CODE}\n\`\`\``],
    ["no language", `\`\`\`\n${CODE}\n\`\`\``],
    ["a title after the language", `\`\`\`js title="main.js"\n${CODE}\n\`\`\``],
    ["tildes", `~~~js\n${CODE}\n~~~`],
    ["a longer fence", `\`\`\`\`js\n${CODE}\n\`\`\`\``],
    ["prose around", `Sure, here it is:\n\n\`\`\`js\n${CODE}\n\`\`\`\nIt multiplies 6 by 7.`],
    ["CRLF", `Here:\r\n\`\`\`js\r\n${CODE}\n\`\`\`\r\n`],
    ["a list item", `1. Do this:\n   \`\`\`js\n   ${CODE}\n   \`\`\``],
    ["no closing fence", `Here:\n\`\`\`js\n${CODE}`],
    [
      "other languages beside",
      `\`\`\`bash\nnpm i\n\`\`\`\n\`\`\`js\n${CODE}\n\`\`\`\n\`\`\`json\n{"a": 1}\n\`\`\``,
    ],
    ["an output in an unnamed block", `\`\`\`js\n${CODE}\n\`\`\`\nOutput:\n\`\`\`\n42\n\`\`\``],
    ["thoughts before", `<think>\nMaybe \`\`\`js\nresult = 1\n\`\`\`\n</think>\n\`\`\`js\n${CODE}\n\`\`\``],
    ["a byte order mark", `\uFEFF\`\`\`js\n${CODE}\n\`\`\``],
  ])("is found with %s", (_, answer) => {
    expect(codeOf(answer).trim()).toBe(CODE);
  });

  it("keeps the code's own text, indentation and fences inside", () => {
    const code = "const md = `\n    ```\n~~~\n\\`\\`\\`\n`;\n\tif (md) {\n\t  result = md;\n\t}";
    expect(codeOf(`\`\`\`js\n${code}\n\`\`\``)).toBe(code);
  });

  it("does not take a fence with a language for the end", () => {
    expect(codeOf("```js\nresult = [\n```js\n]\n```")).toBe("result = [\n```js\n]");
  });

  it.each(["ts", "typescript", "tsx", "TypeScript"])("is TypeScript where it says %s", (label) => {
    expect(extractCode(`\`\`\`${label}\n${CODE}\n\`\`\``)).toEqual({
      ok: true,
      code: CODE,
      language: "typescript",
    });
  });
});

describe("several blocks", () => {
  const blocks = (...codes: string[]) => codes.map((code) => `Text.\n\`\`\`js\n${code}\n\`\`\`\n`).join("\n");

  it("the last that assigns result counts", () => {
    expect(codeOf(blocks("const result = 1;", "const result = 2;", "console.log('usage');"))).toBe(
      "const result = 2;",
    );
  });

  it("those before it come along where it uses what they declare", () => {
    const helper = "function square(n) {\n  return n * n;\n}";
    const main = "const result = square(7);";
    expect(codeOf(blocks("const unused = 1;", helper, main))).toBe(`${helper}\n${main}`);
  });

  it("an earlier version is left out where the later one declares the same", () => {
    const first = "const rows = [1];\nconst result = rows;";
    const second = "const rows = [2];\nconst result = rows.length;";
    expect(codeOf(blocks(first, second))).toBe(second);
  });

  it("what destructuring declares counts as declared", () => {
    const first = "const { rows, code: name } = context;";
    expect(codeOf(blocks(first, "const result = rows.length + name;"))).toContain(first);
  });

  it("a longer block without a result does not win over one with it", () => {
    expect(codeOf(blocks("result = 1", `console.log("${"x".repeat(200)}");`))).toBe("result = 1");
  });

  it("without any result the longest is taken, to fail by that name", () => {
    expect(codeOf(blocks("a()", "someLonger(call)"))).toBe("someLonger(call)");
  });

  it("a comparison or a property is no assignment", () => {
    expect(codeOf(blocks("let result = 1;", "if (result == 1 || result === 2 || x.result = 3) {}"))).toBe(
      "let result = 1;",
    );
  });

  it.each([
    "let { a: result } = o",
    "const [x, result] = pair",
    "result ||= 5; result = 1",
    "let result: number = 1",
    "globalThis.result = 1",
  ])("%s assigns it", (code) => {
    expect(codeOf(blocks(code, "alonglonglonglonglongcall('with a longer text than the other has')"))).toBe(
      code,
    );
  });
});

describe("no fences", () => {
  it("bare code is taken as it is", () => {
    const code = "// Adds up.\nlet sum = 0;\nfor (const n of [1, 2]) {\n  sum += n;\n}\nresult = sum;";
    expect(codeOf(code)).toBe(code);
  });

  it("prose above and below is dropped", () => {
    expect(codeOf(`Here is the code you asked for:\n\n${CODE}\n\nThis multiplies the two numbers.`)).toBe(
      CODE,
    );
  });

  it("code in single backticks is taken", () => {
    expect(codeOf(`\`${CODE}\``)).toBe(CODE);
  });

  it.each([
    ["nothing", ""],
    ["white space", " \n\t\n"],
    ["a refusal", "I'm sorry, but I can't help with that."],
    ["an answer in words", "The factorial of 10 is 3628800."],
    ["a number", "3628800"],
    ["a question", "Could you tell me which rows (all of them?) you mean?"],
    ["thoughts that were cut off", "<think>\nconst result = 1"],
    ["an empty block", "```js\n\n```"],
    ["JSON", '{"answer": 42}'],
  ])("%s is a problem to send back", (_, answer) => {
    expect(problemOf(answer)).toContain("Answer with one ```js block");
  });

  it("code in another language is named", () => {
    expect(problemOf("```python\nresult = 1\n```")).toContain("marked as python");
  });
});

it("takes linear time for long answers", () => {
  const started = performance.now();
  for (const piece of [
    "`",
    "```js\n",
    "a ",
    "result ",
    "result,",
    "- ",
    "[ ",
    "const { a",
    "<think>",
    "\n",
  ]) {
    extractCode(piece.repeat(Math.floor(400_000 / piece.length)));
    extractCode(`\`\`\`js\n${piece.repeat(Math.floor(400_000 / piece.length))}`);
  }
  expect(performance.now() - started).toBeLessThan(5000);
});
