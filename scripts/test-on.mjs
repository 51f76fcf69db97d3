// Runs tests on another runtime than the one that runs npm: `node scripts/test-on.mjs node|deno [--all] [vitest's options]`.
// The current Node is installed apart (see test/runtimes); Deno is a development dependency of the project itself.
// Invariant: what runs on each is said here, by the kinds of vitest.config.ts; `npm test` runs all kinds, and so does --all.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The kinds of tests that a newer or another runtime could end otherwise; the rest is as it is on every one. */
const KINDS = {
  // What a newer Node could change: the language, its modules and its threads. No further processes: they take most time.
  node: ["pure", "inside"],
  // Not the inspector's page in a browser (pages): Playwright is made for Node, and the page is the same.
  // What Deno does in its own way: threads, sockets, files, processes, signals and streams.
  deno: ["inside", "servers", "programs"],
};

const root = fileURLToPath(new URL("..", import.meta.url));
const [runtime, ...given] = process.argv.slice(2);
const options = given.filter((option) => option !== "--all");
const kinds = options.length === given.length ? (KINDS[runtime] ?? []) : [];
const vitest = [
  "node_modules/vitest/vitest.mjs",
  "run",
  ...kinds.flatMap((kind) => ["--project", kind]),
  ...options,
];

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
  console.error("Say which runtime: node scripts/test-on.mjs node|deno [--all] [options of vitest]");
  process.exit(2);
}
