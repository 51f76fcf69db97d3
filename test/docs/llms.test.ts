// llms.txt, the way in for language models: of the form of llmstxt.org, with each page and example that there is.
import { access, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectRoot } from "../harness/program.ts";

const text = await readFile(join(projectRoot, "llms.txt"), "utf8");
const [, ...sections] = text.split(/^## /m);
const links = sections.flatMap((section) =>
  section
    .split("\n")
    .slice(1)
    .filter((line) => line !== ""),
);
const LINK = /^- \[[^\]]+\]\(([^)]+)\): \S.*[^.]$/;
const targets = links.flatMap((line) => LINK.exec(line)?.[1] ?? []);

describe("llms.txt", () => {
  it("has a title, a summary, and sections of links with a note each", () => {
    expect(text).toMatch(/^# Fettle\n\n> \S[^\n]+\n\n/);
    expect(links.filter((line) => !LINK.test(line))).toEqual([]);
    expect(sections.at(-1)).toMatch(/^Optional\n/);
  });

  it("names each page once", () => {
    expect([...new Set(targets)]).toEqual(targets);
  });

  it.each(targets)("leads to %s", async (target) => {
    await access(join(projectRoot, target));
  });

  it("has every page of the documentation, of the reference, and every example", async () => {
    const pagesOf = async (folder: string) =>
      (await readdir(join(projectRoot, folder)))
        .filter((name) => name.endsWith(".md"))
        .map((name) => `${folder}/${name}`);
    const folders = await readdir(join(projectRoot, "examples"), { withFileTypes: true });
    const examples = folders.filter((one) => one.isDirectory()).map(({ name }) => `examples/${name}/main.ts`);
    const all = [...(await pagesOf("docs")), ...(await pagesOf("docs/api")), ...examples];
    expect(all.filter((path) => !targets.includes(path))).toEqual([]);
  });
});
