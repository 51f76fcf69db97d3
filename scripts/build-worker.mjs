// Bundles the sandbox's isolate into one file without imports, the guest's bootstrap inside it as a text.
// Invariant: the bundle imports nothing at run time, so that a worker without permissions can load it.
import { mkdirSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const root = new URL("../", import.meta.url);
const path = (name) => new URL(name, root).pathname;

async function bundle(entry, options) {
  const { outputFiles } = await build({
    entryPoints: [path(entry)],
    bundle: true,
    write: false,
    target: "es2023",
    legalComments: "none",
    ...options,
  });
  return outputFiles[0].text;
}

const guest = await bundle("src/sandbox/guest/world.ts", {
  format: "iife",
  globalName: "world",
  minify: true,
});
const bootstrap = `(()=>{"use strict";${guest}return world.makeWorld})()`;
const worker = await bundle("src/sandbox/worker/main.ts", {
  format: "esm",
  define: { GUEST_BOOTSTRAP: JSON.stringify(bootstrap) },
});
mkdirSync(new URL("dist/engine/", root), { recursive: true });
writeFileSync(new URL("dist/engine/worker.js", root), worker);
