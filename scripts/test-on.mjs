// Runs the tests on another runtime than the one that runs npm: `node scripts/test-on.mjs node|deno [vitest's options]`.
// The current Node is installed apart (see test/runtimes); Deno is a development dependency of the project itself.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const [runtime, ...options] = process.argv.slice(2);
const vitest = ["node_modules/vitest/vitest.mjs", "run", ...options];

function run(command, args, cwd = root) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: "inherit" });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

function findNode() {
  const modules = `${root}test/runtimes/node_modules`;
  if (!existsSync(modules)) run("npm", ["ci", "--no-audit", "--no-fund"], `${root}test/runtimes`);
  for (const name of readdirSync(modules)) {
    for (const file of [`${modules}/${name}/bin/node`, `${modules}/${name}/bin/node.exe`]) {
      if (existsSync(file)) return file;
    }
  }
  throw new Error(`No Node for ${process.platform}-${process.arch} in test/runtimes: add its package there.`);
}

if (runtime === "node") {
  const node = findNode();
  run(node, ["--version"]);
  run(node, vitest);
} else if (runtime === "deno") {
  const deno = `${root}node_modules/deno/bin.cjs`;
  run(process.execPath, [deno, "--version"]);
  run(process.execPath, [deno, "run", "--allow-all", ...vitest]);
} else {
  console.error("Say which runtime: node scripts/test-on.mjs node|deno [options of vitest]");
  process.exit(2);
}
