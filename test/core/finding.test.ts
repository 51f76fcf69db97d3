import { describe, expect, it } from "vitest";
import { checkFindings, findingsSchema } from "#src/core/finding";

const url = "https://example.org/a";
const findings = (...sources: string[]) => ({ findings: [{ claim: "Water is wet.", sources }] });
const problemOf = (output: unknown, returns: readonly unknown[]) => {
  const checked = checkFindings(output, returns);
  return checked.ok ? null : checked.problem;
};

describe("the sources of findings", () => {
  it.each<[string, string, unknown]>([
    ["a whole value", url, [{ url, title: "A" }]],
    ["a value within a text", url, `Found: ${url}, and more.`],
    ["a value at the end of a sentence", url, `See ${url}.`],
    ["a short id as a whole value", "D7", { id: "D7" }],
    ["a number", "4711", [{ id: 4711 }]],
    ["a key", "report.pdf", { "report.pdf": "…" }],
    ["a title in other white space", "The  long\nreport", { title: "The long report" }],
  ])("may be %s that a tool returned", (_, source, returned) => {
    expect(problemOf(findings(source), [returned])).toBeNull();
  });

  it.each<[string, string, unknown]>([
    ["what no tool returned", "https://example.org/made-up", { url }],
    ["the beginning of an address", "https://example.org", { url }],
    ["the beginning of a longer address", url, { url: `${url}bc` }],
    ["an address with a query cut off", url, { url: `${url}?page=2` }],
    ["a short piece of a text", "wet", { text: "Water is wet." }],
    ["white space", " ", { text: " " }],
  ])("may not be %s", (_, source, returned) => {
    expect(problemOf(findings(source), [returned])).toContain("which no tool returned");
  });

  it("are told one by one where they are wrong, with what could be named", () => {
    const output = {
      findings: [
        { claim: "One.", sources: [url] },
        { claim: "Two.", sources: [url, "made up source"] },
      ],
    };
    expect(problemOf(output, [{ url }])).toBe(
      'Finding 2 ("Two.") names the source "made up source", which no tool returned.\n' +
        "Take each source from what the tools return, exactly as it is there, and drop claims that have none. " +
        `Among what they returned: "${url}".`,
    );
  });

  it("cannot be there where no tool returned anything", () => {
    expect(problemOf(findings(url), [])).toContain("No tool returned anything");
  });

  it("are not looked for in an output of another form", () => {
    expect(checkFindings({ total: 5 }, [])).toEqual({ ok: true, value: { total: 5 } });
  });
});

describe("findings", () => {
  it.each([{ findings: [] }, findings(), { findings: [{ claim: "", sources: [url] }] }, []])(
    "are not %j",
    (output) => {
      expect(findingsSchema.safeParse(output).success).toBe(false);
    },
  );
});
