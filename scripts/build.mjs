// The whole build: types and JavaScript by tsc, old ones swept out, then the sandbox's engine and worker and the inspector's page
// by their own scripts.
// Each part skips itself when its inputs have not changed, so that `npm test` starts quickly.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const root = new URL("..", import.meta.url);
const steps = [
  ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json"],
  ["scripts/build-sweep.mjs"],
  ["scripts/build-engine.mjs"],
  ["scripts/build-worker.mjs"],
  ["scripts/build-page.mjs"],
].filter(([script]) => existsSync(new URL(script, root)));

for (const step of steps) {
  const { status } = spawnSync(process.execPath, step, { cwd: root, stdio: "inherit" });
  if (status !== 0) {
    console.error(`Build failed in: ${step.join(" ")}`);
    process.exit(status ?? 1);
  }
}
