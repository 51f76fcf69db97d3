// Runs programs one after the other in one process, each in a folder of its own: `runner.mjs <folder> <name>…`.
// Invariant: before a program's output stands a line `#begin <name>`, and after it `#end`, or `#failed` and why.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, ...names] = process.argv.slice(2);
for (const name of names) {
  console.log(`#begin ${name}`);
  mkdirSync(join(folder, name));
  process.chdir(join(folder, name));
  try {
    await import(pathToFileURL(join(folder, "out", `${name}.js`)).href);
    console.log("#end");
  } catch (error) {
    console.log(`#failed ${error.stack}`);
  }
}
