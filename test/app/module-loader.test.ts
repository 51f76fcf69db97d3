// Loading files: TypeScript and JavaScript, and what is told where it cannot be done.
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
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
  await writeFile(join(folder, "broken.ts"), "export const two = ;\n");
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

const write = (file: string, text: string) => writeFile(join(folder, file), text);
const failure = (file: string) =>
  loadModule(join(folder, file)).then(
    () => expect.fail(`${file} was loaded`),
    (thrown: unknown) => thrown as Error,
  );

it("says where a mistake of syntax is, also in what a file imports, and writes nothing beside it", async () => {
  await write("importing.ts", 'import { two } from "./broken.ts";\nconsole.log(two);\n');
  for (const file of ["broken.ts", "importing.ts"]) {
    const thrown = await failure(file);
    expect(thrown).toBeInstanceOf(ConfigError);
    expect(thrown.message.startsWith(`Cannot load "${join(folder, file)}": `)).toBe(true);
    expect(thrown.message).toMatch(/\bat \/.*broken\.ts:1\b/);
    expect(thrown.message).not.toMatch(/\n|SyntaxError|ParseError/);
  }
  await rm(join(folder, "importing.ts"));
  expect((await readdir(folder)).sort()).toEqual([
    "broken.ts",
    "four.mjs",
    "package.json",
    "three.ts",
    "two.ts",
  ]);
});

it("tells a mistake of syntax in JavaScript", async () => {
  await write("broken.mjs", "export const = ;\n");
  const thrown = await failure("broken.mjs");
  expect(thrown).toBeInstanceOf(ConfigError);
  expect(thrown.message).toMatch(
    /^Cannot load ".*broken\.mjs": .*(?:"node --check" shows where|broken\.mjs:1)/,
  );
});

it("names what a file imports and is not there, and who imports it", async () => {
  await write("package-gone.ts", 'import { x } from "no-such-package";\nconsole.log(x);\n');
  await write("file-gone.ts", 'import { x } from "./gone.ts";\nconsole.log(x);\n');
  const [one, two] = await Promise.all([failure("package-gone.ts"), failure("file-gone.ts")]);
  expect(one).toBeInstanceOf(ConfigError);
  expect(one.message).toMatch(/no-such-package.*package-gone\.ts.*npm install no-such-package$/);
  expect(two).toBeInstanceOf(ConfigError);
  expect(two.message).toMatch(/gone\.ts.*file-gone\.ts.* Is its path right\?$/);
});

it("leaves what a file throws as it is, a mistake of its own in data too", async () => {
  await write("throwing.ts", 'throw new RangeError("mine");\n');
  await write("parsing.ts", 'JSON.parse("{");\n');
  expect(await failure("throwing.ts")).toMatchObject({ name: "RangeError", message: "mine" });
  expect(await failure("parsing.ts")).toBeInstanceOf(SyntaxError);
});

it("runs modules in TypeScript also in a package that says it is CommonJS, as npm init makes it", async () => {
  const place = join(folder, "commonjs");
  await mkdir(place);
  await writeFile(join(place, "package.json"), '{ "type": "commonjs" }');
  await writeFile(join(place, "one.ts"), "export const one: number = await Promise.resolve(1);\n");
  expect(await loadModule(join(place, "one.ts"))).toMatchObject({ one: 1 });
});
