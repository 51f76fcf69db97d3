// Takes out of dist what tsc made of sources that are gone: it writes, and never deletes, and all of dist is packed.
// Invariant: only what tsc names is looked at; what other scripts build has no such source, and folders of its own.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const BUNDLED = join("app", "inspector", "page/");

for (const folder of ["src", "actors", "machines"]) {
  const built = join(root, "dist", folder);
  for (const path of readdirSync(built, { recursive: true })) {
    const [, name] = /^(.*?)(?:\.d\.ts|\.js)(?:\.map)?$/.exec(path) ?? [];
    if (name === undefined || path.startsWith(BUNDLED)) continue;
    if (!existsSync(join(root, folder, `${name}.ts`))) rmSync(join(built, path));
  }
}
