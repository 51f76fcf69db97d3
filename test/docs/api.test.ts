// docs/api held against the docstrings that it is made from: every public name is documented, every link leads somewhere,
// and the pages are those that the sources give now.
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectRoot } from "../harness/program.ts";
import { readPage } from "./markdown.ts";

const STALE = "docs/api is not what the docstrings say: run npm run docs:api";
const kept = join(projectRoot, "docs/api");

let folder = "";
let made: { readonly code: number | null; readonly output: string };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fettle-api-"));
  made = await new Promise((resolve, reject) => {
    // TypeDoc is a Node program, and what it writes is the same wherever it runs.
    const env = { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined };
    const child = spawn("node", [join(projectRoot, "scripts/api-reference.mjs"), "--out", folder], { env });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += String(text)));
    child.once("error", reject).once("close", (code) => resolve({ code, output }));
  });
}, 180_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the API reference", () => {
  it("has a docstring for every public name, and no link that leads nowhere", () => {
    expect(made.output.split("\n").filter((line) => /^\[(warning|error)\]/.test(line))).toEqual([]);
    expect(made.code).toBe(0);
  });

  it("is what the docstrings say", async () => {
    const names = (await readdir(folder)).sort();
    expect((await readdir(kept)).sort(), STALE).toEqual(names);
    for (const name of names) {
      const [now, before] = await Promise.all(
        [folder, kept].map((place) => readFile(join(place, name), "utf8")),
      );
      expect(before === now, `${name}: ${STALE}`).toBe(true);
    }
  });

  it("has a name for every parameter", async () => {
    for (const name of await readdir(kept)) {
      expect(await readFile(join(kept, name), "utf8")).not.toContain("__named");
    }
  });

  it("tells nothing of the machine that it was made on", async () => {
    for (const name of await readdir(kept)) {
      expect(await readFile(join(kept, name), "utf8")).not.toContain(projectRoot);
    }
  });

  it("has a place for each of its links", async () => {
    const pages = new Map(
      await Promise.all(
        (await readdir(kept)).map(async (name) => {
          const text = await readFile(join(kept, name), "utf8");
          const marks = [...text.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id ?? "");
          return [name, { text, anchors: new Set([...marks, ...headingsOf(text)]) }] as const;
        }),
      ),
    );
    const lost: string[] = [];
    for (const [name, { text }] of pages) {
      for (const link of readPage(name, text).links) {
        const [path = "", anchor] = link.split("#");
        const there = pages.get(path === "" ? name : path)?.anchors;
        if (anchor !== undefined && !path.startsWith("..") && there?.has(anchor) !== true) {
          lost.push(`${name}: ${link}`);
        }
      }
    }
    expect(lost).toEqual([]);
  });
});

/** The headings' anchors as GitHub makes them: of several with one name, the later ones are numbered. */
function headingsOf(text: string): string[] {
  const seen = new Map<string, number>();
  return text
    .split("\n")
    .flatMap((line) => /^#{1,6} (.*)$/.exec(line)?.[1] ?? [])
    .map((heading) => {
      const slug = heading
        .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .replace(/\s/g, "-");
      const times = seen.get(slug) ?? 0;
      seen.set(slug, times + 1);
      return times === 0 ? slug : `${slug}-${times}`;
    });
}
