#!/usr/bin/env node
// The command. It runs what `npm run build` makes, and says so where that is missing.
import { existsSync } from "node:fs";

const cli = new URL("../dist/src/app/cli.js", import.meta.url);
if (!existsSync(cli)) {
  console.error("fettle: not built yet. In a clone of the repository, run: npm run build");
  process.exit(1);
}
const { main } = await import(cli.href);
process.exitCode = await main(process.argv.slice(2));
