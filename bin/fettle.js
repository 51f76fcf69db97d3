#!/usr/bin/env node
// The command. It runs what `npm run build` makes, and says so where that is missing.
import { existsSync } from "node:fs";

// Before anything is loaded: what is, may not even be read by a Node that is too old for it. As "engines" in package.json.
const [major, minor] = process.versions.node.split(".").map(Number);
if (process.versions.deno === undefined && (major < 20 || (major === 20 && minor < 19))) {
  console.error(
    `fettle: Node ${process.versions.node} is too old: Fettle needs Node >=20.19.0. Install a newer one from https://nodejs.org.`,
  );
  process.exit(1);
}
const cli = new URL("../dist/src/app/cli.js", import.meta.url);
if (!existsSync(cli)) {
  console.error("fettle: not built yet. In a clone of the repository, run: npm run build");
  process.exit(1);
}
const { main } = await import(cli.href);
process.exitCode = await main(process.argv.slice(2));
