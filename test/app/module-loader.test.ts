// Loading files: TypeScript and JavaScript, and what is told where it cannot be done.
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ConfigError } from "#src/core/errors";
import { loadModule } from "#src/app/module-loader";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fettle-loader-"));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await writeFile(join(folder, "two.ts"), "export const two: number = 2;\n");
  await writeFile(
    join(folder, "three.ts"),
    'import { two } from "./two.ts";\nexport const three: number = two + (await Promise.resolve(1));\n',
  );
  await writeFile(join(folder, "four.mjs"), "export const four = 4;\n");
  await writeFile(join(folder, "broken.ts"), "export const = ;\n");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it("gives a file's exports, with types, imports of its own and top-level await", async () => {
  expect(await loadModule(join(folder, "three.ts"))).toMatchObject({ three: 3 });
  expect(await loadModule(join(folder, "four.mjs"))).toMatchObject({ four: 4 });
});

it("refuses what is not there or no file", async () => {
  await expect(loadModule(join(folder, "none.ts"))).rejects.toThrow(ConfigError);
  await expect(loadModule(folder)).rejects.toThrow(/is a folder/);
});

it("passes on what a file is wrong with, and writes nothing beside it", async () => {
  await expect(loadModule(join(folder, "broken.ts"))).rejects.toThrow();
  expect((await readdir(folder)).sort()).toEqual([
    "broken.ts",
    "four.mjs",
    "package.json",
    "three.ts",
    "two.ts",
  ]);
});
