// What the documentation's tables say, held against the code: options, defaults, bounds, settings, recordings, commands.
import { join } from "node:path";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createReplayModel, defineAgent } from "fettle";
import { DEFAULT_LIMITS, type LimitName } from "#src/core/guest";
import { MCP_TIMEOUT_MS } from "#src/core/mcp";
import { DEFAULT_SUPERVISION } from "#src/core/supervision";
import { outputOf } from "#src/app/mcp/agent-tool";
import type { RecordingEntry } from "#src/model/recording";
import { DEFAULT_MODELS } from "#src/model/resolve";
import { resolveLimits } from "#src/core/limits";
import { callFettle } from "../harness/command.ts";
import { projectRoot, type Run } from "../harness/program.ts";
import { readPages, rowsOf, type Page } from "./markdown.ts";

const pages = await readPages();

function page(file: string): Page {
  const found = pages.find((one) => one.file === file);
  if (found === undefined) throw new Error(`There is no ${file}.`);
  return found;
}

/** The part of a page under a heading. */
function section(file: string, heading: string): string {
  const [, text] = page(file).prose.split(`\n## ${heading}\n`);
  if (text === undefined) throw new Error(`${file} has no heading "${heading}".`);
  return text.split("\n## ")[0] ?? "";
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, ms: 1, B: 1, KiB: 1024, MiB: 1024 ** 2, "": 1 };

/** `64 MiB`, `1,024` and `10 s` as numbers, in bytes and milliseconds. */
function amount(cell: string | undefined): number {
  const [, digits = "", unit = ""] = /^([\d,]+)(?: (\w+))?$/.exec(cell ?? "") ?? [];
  return Number(digits.replaceAll(",", "")) * (UNITS[unit] ?? Number.NaN);
}

describe("docs/sandbox.md", () => {
  const rows = rowsOf(section("docs/sandbox.md", "Limits"));

  it("has every limit with its default", () => {
    const defaults = [...rows].map(([name, cells]) => [name, amount(cells[1])]);
    expect(Object.fromEntries(defaults)).toEqual(DEFAULT_LIMITS);
  });

  it.each(Object.keys(DEFAULT_LIMITS) as LimitName[])("has the bounds of %s", (name) => {
    const [, , least, most] = rows.get(name) ?? [];
    for (const within of [amount(least), amount(most)]) {
      expect(resolveLimits({ [name]: within })[name]).toBe(within);
    }
    for (const beyond of [amount(least) - 1, amount(most) + 1]) {
      expect(() => resolveLimits({ [name]: beyond })).toThrow(name);
    }
  });
});

describe("docs/agents.md", () => {
  it("has every option of defineAgent", () => {
    const known = (options: object): string[] => {
      try {
        defineAgent({ role: "a", capabilities: ["b"], nonsense: 1, ...options } as never);
      } catch (error) {
        return /known are: (.*)\.$/.exec(String(error))?.[1]?.split(", ") ?? [];
      }
      throw new Error("An unknown option was taken.");
    };
    const options = new Set([...known({ systemPrompt: "c" }), ...known({ handle: () => 1 })]);
    expect([...rowsOf(section("docs/agents.md", "Define an agent")).keys()].sort()).toEqual(
      [...options].sort(),
    );
  });

  it("has the bounds of the counts, and their defaults", () => {
    const rows = rowsOf(section("docs/agents.md", "Define an agent"));
    const agent = defineAgent({ role: "a", capabilities: ["b"], systemPrompt: "c" });
    for (const name of ["concurrency", "mailboxSize", "maxRepairs"] as const) {
      const [, byDefault, bound] = rows.get(name) ?? [];
      if (name !== "maxRepairs") expect(amount(byDefault)).toBe(agent[name]);
      const [least, most] = (bound ?? "").split(" to ").map(amount);
      const define = (value: number) =>
        defineAgent({ role: "a", capabilities: ["b"], systemPrompt: "c", [name]: value });
      for (const within of [least, most]) expect(define(within ?? Number.NaN)[name]).toBe(within);
      for (const beyond of [(least ?? 0) - 1, (most ?? 0) + 1]) expect(() => define(beyond)).toThrow(name);
    }
  });

  it("has the defaults of supervision", () => {
    const rows = rowsOf(section("docs/agents.md", "Supervision"));
    const defaults = [...rows].map(([name, cells]) => [name, amount(cells[1])]);
    expect(Object.fromEntries(defaults)).toEqual(DEFAULT_SUPERVISION);
  });
});

describe("docs/models.md", () => {
  it("has every setting of a model that .env.example has, and no other", () => {
    const example = readFileSync(join(projectRoot, ".env.example"), "utf8").split("# --- Tasks ---")[0] ?? "";
    const settings = [...example.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
    const { prose, snippets } = page("docs/models.md");
    const text = [prose, ...snippets.map(({ code }) => code)].join("\n");
    const named = text.match(/\b[A-Z]+(?:_[A-Z]+)+\b/g) ?? [];
    const told = new Set(named.filter((name) => !NOT_OF_MODELS.has(name)));
    expect([...told].sort()).toEqual(settings.sort());
  });

  it("has the models that are asked where none is set", () => {
    for (const model of Object.values(DEFAULT_MODELS)) {
      expect(section("docs/models.md", "Providers")).toContain(`\`${model}\``);
    }
  });
});

describe("docs/mcp.md", () => {
  const rows = rowsOf(section("docs/mcp.md", "Tools for agents"));

  it("has every option of a server, and the default of its time", () => {
    const known = (server: object): string[] => {
      const agent = {
        role: "a",
        capabilities: ["b"],
        systemPrompt: "c",
        mcp: { d: { ...server, nonsense: 1 } },
      };
      try {
        defineAgent(agent as never);
      } catch (error) {
        return /known are: (.*)\.$/.exec(String(error))?.[1]?.split(", ") ?? [];
      }
      throw new Error("An unknown option was taken.");
    };
    const options = new Set([...known({ command: "x" }), ...known({ url: "http://x" })]);
    expect([...rows.keys()].sort()).toEqual([...options].sort());
    expect(amount(rows.get("timeoutMs")?.[1])).toBe(MCP_TIMEOUT_MS);
  });

  it("has every part of a call's answer", () => {
    const { properties } = outputOf({ role: "a", capabilities: ["b"], definition: null });
    const text = section("docs/mcp.md", "Agents for clients");
    for (const name of Object.keys(properties as object)) expect(text).toContain(`\`${name}\``);
  });
});

/** Settings of tasks, and codes of errors, that a page on models speaks of too. */
const NOT_OF_MODELS = new Set([
  "EXECUTION_TIMEOUT",
  "LOG_LEVEL",
  "MODEL_FAILED",
  "MODEL_NONE",
  "REPLAY_MISS",
  "RECORDING_INVALID",
  "CONFIG_INVALID",
]);

describe("a recording in the documentation", () => {
  const json = pages.flatMap(({ snippets }) => snippets).filter(({ language }) => language === "json");

  it.each(json.map(({ file, line, code }) => [`${file}:${line}`, code]))(
    "at %s can be used",
    (_place, code) => {
      const { entries } = JSON.parse(code) as { entries: RecordingEntry[] };
      expect(createReplayModel(entries).name).toBe("replay/entries");
    },
  );
});

describe("a command in the documentation", () => {
  const shell = pages.flatMap(({ snippets }) => snippets).filter(({ language }) => language === "sh");
  const lines = shell.flatMap(({ code }) =>
    code.split("\n").map((line) => line.replace(/\s+#.*$/, "").trim()),
  );
  const calls = lines.flatMap((line) =>
    [...line.matchAll(/(?:npx |bin\/)?fettle(?:\.js)? ((?:"[^"]*"|'[^']*'|[^&|;"'])+)/g)].map(
      ([, call]) => call ?? "",
    ),
  );
  const scripts = lines.flatMap((line) =>
    [...line.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name ?? ""),
  );

  const helps = new Map<string, Promise<Run>>();
  const helpOf = (command: string): Promise<Run> => {
    const help = helps.get(command) ?? callFettle([command, "--help"]);
    helps.set(command, help);
    return help;
  };

  it.concurrent.each([...new Set(calls)])("fettle %s is one that there is", async (call) => {
    const words = call
      .replace(/"[^"]*"|'[^']*'/g, "text")
      .trim()
      .split(/\s+/);
    const help = await helpOf(words[0] ?? "");
    expect(help.code).toBe(0);
    expect(help.stdout).toContain(`fettle ${words[0] ?? ""}`);
    for (const option of words.filter((word) => word.startsWith("-"))) expect(help.stdout).toContain(option);
  });

  it.each([...new Set(scripts)])("npm run %s is one that there is", (name) => {
    const manifest = readFileSync(join(projectRoot, "package.json"), "utf8");
    expect(Object.keys((JSON.parse(manifest) as { scripts: object }).scripts)).toContain(name);
  });

  it("is found", () => {
    expect(calls.length).toBeGreaterThan(3);
  });
});
