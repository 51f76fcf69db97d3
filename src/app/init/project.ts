// The files of a new project: those of templates/project and examples, the settings, and a package.json of its own.
import { readdir, readFile } from "node:fs/promises";
import { basename, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { packageManifest, packageRoot } from "../package-root.ts";
import { originOf } from "./origin.ts";

/** A file to be made; its path is relative to the project and has `/` between its parts. */
export interface ProjectFile {
  readonly path: string;
  readonly content: string;
}

/** The files of a project in a folder, by their paths' order. */
export async function projectFiles(
  folder: string,
  options: { readonly examples: boolean },
): Promise<readonly ProjectFile[]> {
  const root = packageRoot();
  const files = [
    { path: "package.json", content: manifestOf(folder) },
    { path: ".env.example", content: await readFile(new URL(".env.example", root), "utf8") },
    ...(await readTree(new URL("templates/project/", root))),
  ];
  if (options.examples) {
    const examples = await readTree(new URL("examples/", root));
    files.push(...examples.map(({ path, content }) => ({ path: `examples/${path}`, content })));
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function readTree(folder: URL): Promise<ProjectFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const top = fileURLToPath(folder);
  return Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async ({ parentPath, name }) => {
        const file = `${parentPath.endsWith(sep) ? parentPath : parentPath + sep}${name}`;
        const path = relative(top, file).split(sep).join("/");
        // npm leaves files of this name out of packages: it lies there without its dot.
        return { path: path === "gitignore" ? ".gitignore" : path, content: await readFile(file, "utf8") };
      }),
  );
}

function manifestOf(folder: string): string {
  const { dependencies, devDependencies } = packageManifest();
  const manifest = {
    name: packageNameOf(folder),
    version: "0.1.0",
    private: true,
    type: "module",
    scripts: { start: "fettle run main.ts", check: "fettle check", types: "tsc" },
    dependencies: { fettle: originOf().specifier, zod: dependencies["zod"] },
    devDependencies: {
      "@types/node": devDependencies["@types/node"],
      typescript: devDependencies["typescript"],
    },
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** A name that npm takes, made of the folder's. */
function packageNameOf(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[._-]+|-+$/g, "");
  return name === "" || name === "fettle" ? "fettle-agents" : name;
}
