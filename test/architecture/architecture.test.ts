// The house is in order: who imports whom, what files are called and how they begin. See units.ts for the plan.
import { readdir, readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { findProblems } from "./rules.ts";

const ROOT = new URL("../../", import.meta.url);
const SOURCE = ["src", "machines", "actors"];
const USERS = ["test", "examples", "bench", "bin", "scripts"];

async function read(folders: readonly string[], pattern: RegExp): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const folder of folders) {
    const names = await readdir(new URL(folder, ROOT), { recursive: true }).catch(() => []);
    for (const name of names.map((one) => `${folder}/${one.replaceAll("\\", "/")}`)) {
      // Some folders have packages of their own: bench/peers, test/runtimes.
      if (name.includes("/node_modules/") || !pattern.test(name)) continue;
      texts.set(name, await readFile(new URL(name, ROOT), "utf8"));
    }
  }
  return texts;
}

it("the source keeps the rules of the house", async () => {
  const manifest = JSON.parse(await readFile(new URL("package.json", ROOT), "utf8")) as {
    dependencies: Record<string, string>;
    peerDependencies: Record<string, string>;
  };
  const files = await read(SOURCE, /\.tsx?$/);
  expect(files.size).toBeGreaterThan(30);
  const problems = findProblems({
    files,
    users: await read(USERS, /\.(?:ts|mjs|js)$/),
    dependencies: Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }),
  });
  expect(problems.join("\n")).toBe("");
});
