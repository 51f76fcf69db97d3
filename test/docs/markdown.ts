// Reads Markdown as far as tests of the documentation need it: code blocks with their marks, links, headings.
// Invariant: every fence is found with the line it stands on, so that a failing snippet is found at once.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { projectRoot } from "../harness/program.ts";

/** One code block. */
export interface Snippet {
  /** Its file, relative to the project. */
  readonly file: string;
  /** The 1-based line of its first line of code. */
  readonly line: number;
  readonly language: string;
  /** What an HTML comment right before the fence says, such as `fragment`; "" without one. */
  readonly mark: string;
  readonly code: string;
}

/** A page of the documentation. */
export interface Page {
  readonly file: string;
  readonly snippets: readonly Snippet[];
  /** Targets of links and pictures, without those to other sites. */
  readonly links: readonly string[];
  /** Headings as links name them, such as `what-a-result-is`. */
  readonly anchors: ReadonlySet<string>;
  /** The text without code blocks. */
  readonly prose: string;
}

/** The README and all pages of docs/. */
export async function readPages(): Promise<readonly Page[]> {
  const docs = await readdir(join(projectRoot, "docs"));
  const files = ["README.md", ...docs.filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`)];
  return Promise.all(
    files.map(async (file) => readPage(file, await readFile(join(projectRoot, file), "utf8"))),
  );
}

/** The examples of the API reference, which come from docstrings, each once. */
export async function readExamples(): Promise<readonly Snippet[]> {
  const names = await readdir(join(projectRoot, "docs/api"));
  const pages = await Promise.all(
    names.map(async (name) => {
      const file = `docs/api/${name}`;
      const text = await readFile(join(projectRoot, file), "utf8");
      return [...text.matchAll(/^#+ Example\n\n```ts\n([^]*?)\n```$/gm)].map(({ index, 1: code = "" }) => ({
        file,
        line: text.slice(0, index).split("\n").length + 3,
        language: "ts",
        mark: "fragment",
        code,
      }));
    }),
  );
  const all = pages.flat();
  return all.filter(({ code }, index) => all.findIndex((one) => one.code === code) === index);
}

/** Takes a page apart. */
export function readPage(file: string, text: string): Page {
  const snippets: Snippet[] = [];
  const prose: string[] = [];
  let mark = "";
  let open: {
    readonly fence: string;
    readonly snippet: Omit<Snippet, "code">;
    readonly lines: string[];
  } | null = null;
  for (const [index, line] of text.split("\n").entries()) {
    const fence = /^(`{3,})(\w*)\s*$/.exec(line);
    if (open !== null) {
      if (line.trim() === open.fence) {
        snippets.push({ ...open.snippet, code: open.lines.join("\n") });
        open = null;
      } else open.lines.push(line);
      continue;
    }
    if (fence !== null) {
      const [, marks = "", language = ""] = fence;
      open = { fence: marks, snippet: { file, line: index + 2, language, mark }, lines: [] };
      mark = "";
      continue;
    }
    prose.push(line);
    if (line.trim() !== "") mark = /^<!--\s*(.*?)\s*-->$/.exec(line)?.[1] ?? "";
  }
  const body = prose.join("\n");
  return { file, snippets, links: linksOf(body), anchors: anchorsOf(prose), prose: body };
}

function linksOf(text: string): string[] {
  const plain = text.replace(/`[^`\n]*`/g, "");
  const targets = [...plain.matchAll(/(?:\]\(|\ssrc(?:set)?=")([^)"\s]+)[)"]/g)].map(
    ([, target]) => target ?? "",
  );
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

/** Anchors as GitHub makes them: lower case, white space to hyphens, all but letters, digits, `-` and `_` dropped. */
function anchorsOf(lines: readonly string[]): ReadonlySet<string> {
  const headings = lines.flatMap((line) => /^#{1,6}\s+(.*)$/.exec(line)?.[1] ?? []);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .replace(/\s/g, "-"),
    ),
  );
}

/** The rows of a page's tables whose first cell is code: that name, and the cells after it. Heads are left out. */
export function rowsOf(text: string): ReadonlyMap<string, readonly string[]> {
  const lines = text.split("\n");
  const rows = lines.flatMap((line, index) => {
    if (!line.startsWith("|") || (lines[index + 1] ?? "").startsWith("| --")) return [];
    const [name, ...cells] = line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim());
    const plain = /^`([^`]+)`$/.exec(name ?? "")?.[1];
    return plain === undefined ? [] : [[plain, cells] as const];
  });
  return new Map(rows);
}
