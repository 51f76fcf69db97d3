// The documentation's links to its own pages and to files: each leads somewhere, its anchor to a heading.
import { access } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { projectRoot } from "../harness/program.ts";
import { readPages } from "./markdown.ts";

const pages = await readPages();

describe("a link", () => {
  const links = pages.flatMap(({ file, links: targets }) => targets.map((target) => [file, target] as const));

  it.each(links)("in %s to %s leads somewhere", async (file, target) => {
    const [path = "", anchor] = target.split("#");
    const to = path === "" ? file : normalize(join(dirname(file), path));
    await access(join(projectRoot, to));
    if (anchor !== undefined)
      expect([...(pages.find((page) => page.file === to)?.anchors ?? [])]).toContain(anchor);
  });
});
